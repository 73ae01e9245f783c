#define _GNU_SOURCE
#include "CSystemd.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#if __has_include(<systemd/sd-daemon.h>)
#include <systemd/sd-daemon.h>
typedef __typeof__(&sd_notify) notify_function;
typedef __typeof__(&sd_watchdog_enabled) watchdog_function;
#else
typedef int (*notify_function)(int unset_environment, const char *state);
typedef int (*watchdog_function)(int unset_environment, uint64_t *usec);
#endif

static notify_function notify;
static watchdog_function watchdog_enabled;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_libsystemd(void) {
    void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return;
    notify = (notify_function)dlsym(library, "sd_notify");
    watchdog_enabled = (watchdog_function)dlsym(library, "sd_watchdog_enabled");
}

/// The protocol itself: one datagram to the socket that the environment names. Containers pass one in where
/// no libsystemd is.
static int32_t send_datagram(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    if (path == NULL || *path == '\0') return 0;
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    size_t length = strlen(path);
    if ((*path != '/' && *path != '@') || length >= sizeof address.sun_path) return -EINVAL;
    memcpy(address.sun_path, path, length);
    if (*path == '@') address.sun_path[0] = '\0';
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    ssize_t count;
    do {
        count = sendto(
            descriptor, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
    } while (count < 0 && errno == EINTR);
    int32_t result = count < 0 ? -errno : 1;
    close(descriptor);
    return result;
}

int32_t dellad_notify(const char *state) {
    pthread_once(&once, find_libsystemd);
    return notify != NULL ? notify(0, state) : send_datagram(state);
}

/// Without libsystemd: what sd_watchdog_enabled(3) reads from the environment.
static uint64_t watchdog_microseconds(void) {
    const char *interval = getenv("WATCHDOG_USEC");
    if (interval == NULL) return 0;
    const char *process = getenv("WATCHDOG_PID");
    if (process != NULL && strtoll(process, NULL, 10) != (long long)getpid()) return 0;
    return strtoull(interval, NULL, 10);
}

uint64_t dellad_watchdog_interval(void) {
    pthread_once(&once, find_libsystemd);
    uint64_t microseconds = 0;
    if (watchdog_enabled != NULL) {
        if (watchdog_enabled(0, &microseconds) <= 0) return 0;
    } else {
        microseconds = watchdog_microseconds();
    }
    return microseconds > UINT64_MAX / 1000 ? 0 : microseconds * 1000;
}

char *const *dellad_environment(void) { return environ; }

int32_t dellad_has_libsystemd(void) {
    pthread_once(&once, find_libsystemd);
    return notify != NULL;
}
