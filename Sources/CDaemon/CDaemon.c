#define _GNU_SOURCE
#include "CDaemon.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

int32_t dellad_open_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return -1;
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int32_t dellad_next_signal(int32_t descriptor) {
    struct signalfd_siginfo info;
    ssize_t count;
    do {
        count = read(descriptor, &info, sizeof info);
    } while (count < 0 && errno == EINTR);
    return count == (ssize_t)sizeof info ? (int32_t)info.ssi_signo : 0;
}

int32_t dellad_open_event(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

void dellad_post_event(int32_t descriptor) {
    uint64_t one = 1;
    ssize_t ignored = write(descriptor, &one, sizeof one);
    (void)ignored;
}

void dellad_clear_event(int32_t descriptor) {
    uint64_t value;
    ssize_t ignored = read(descriptor, &value, sizeof value);
    (void)ignored;
}

int32_t dellad_affinity_count(void) {
    // The kernel refuses a mask that is too small for its cores.
    for (int cores = 1024; cores <= 65536; cores *= 2) {
        cpu_set_t *set = CPU_ALLOC(cores);
        if (set == NULL) return 0;
        size_t size = CPU_ALLOC_SIZE(cores);
        int result = sched_getaffinity(0, size, set);
        int count = result == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (result == 0) return count;
        if (errno != EINVAL) return 0;
    }
    return 0;
}

static _Atomic int32_t crash_descriptor = -1;
static _Atomic uint64_t crash_context = UINT64_MAX;

static char *digits(char *end, uint64_t value) {
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return end;
}

static void note_crash(int signal_number) {
    int32_t descriptor = atomic_exchange(&crash_descriptor, -1);
    if (descriptor >= 0) {
        char line[64];
        char *end = line + sizeof line;
        char *start = end;
        *--start = '\n';
        uint64_t context = atomic_load(&crash_context);
        if (context == UINT64_MAX) {
            *--start = '-';
        } else {
            start = digits(start, context);
        }
        *--start = ' ';
        start = digits(start, (uint64_t)signal_number);
        ssize_t ignored = write(descriptor, start, (size_t)(end - start));
        (void)ignored;
    }
    // The default action is back in force (SA_RESETHAND) and ends the process once this returns.
    raise(signal_number);
}

void dellad_watch_crashes(void) {
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note_crash;
    action.sa_flags = (int)SA_RESETHAND | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) sigaction(signals[i], &action, NULL);
    dellad_prepare_thread();
}

static const size_t handler_stack_size = 64 << 10;
static pthread_key_t handler_stack;
static pthread_once_t handler_stack_once = PTHREAD_ONCE_INIT;
static int has_handler_stack_key;

// As its thread ends.
static void release_handler_stack(void *memory) {
    stack_t none;
    memset(&none, 0, sizeof none);
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, NULL);
    munmap(memory, handler_stack_size);
}

static void make_handler_stack_key(void) {
    has_handler_stack_key = pthread_key_create(&handler_stack, release_handler_stack) == 0;
}

void dellad_prepare_thread(void) {
    pthread_once(&handler_stack_once, make_handler_stack_key);
    if (!has_handler_stack_key || pthread_getspecific(handler_stack) != NULL) return;
    stack_t stack;
    memset(&stack, 0, sizeof stack);
    stack.ss_sp = mmap(NULL, handler_stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack.ss_sp == MAP_FAILED) return;
    stack.ss_size = handler_stack_size;
    if (pthread_setspecific(handler_stack, stack.ss_sp) != 0 || sigaltstack(&stack, NULL) != 0) {
        pthread_setspecific(handler_stack, NULL);
        munmap(stack.ss_sp, handler_stack_size);
    }
}

static void raise_open_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

void dellad_prepare_process(void) {
    for (int descriptor = 0; descriptor <= 2; descriptor++) {
        if (fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
        // The lowest free number is this one.
        if (open("/dev/null", O_RDONLY) < 0) (void)!open("/", O_RDONLY | O_DIRECTORY);
    }
    signal(SIGXFSZ, SIG_IGN);
    raise_open_files();
}

void dellad_note_crashes(int32_t descriptor) { atomic_store(&crash_descriptor, descriptor); }

void dellad_set_crash_context(uint64_t context) { atomic_store(&crash_context, context); }

// In the child of a process with threads: async-signal-safe functions only.
static void become(char *const *words, char *const *variables, int32_t output, int32_t errors, pid_t parent) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // It may have gone before that was asked for.
    if (getppid() != parent) _exit(127);
    int input = open("/dev/null", O_RDONLY);
    if (input < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0) return;
    execvpe(words[0], words, variables);
}

static void close_both(int *ends) {
    close(ends[0]);
    close(ends[1]);
}

int32_t dellad_spawn(char *const *words, char *const *variables, int32_t *output, int32_t *errors) {
    int report[2], told[2], warned[2];
    if (pipe2(report, O_CLOEXEC) != 0) return -errno;
    if (pipe2(told, O_CLOEXEC) != 0) {
        int number = errno;
        close_both(report);
        return -number;
    }
    if (pipe2(warned, O_CLOEXEC) != 0) {
        int number = errno;
        close_both(report);
        close_both(told);
        return -number;
    }
    // These ends alone: programs are not made for others that would not wait.
    fcntl(told[0], F_SETFL, O_NONBLOCK);
    fcntl(warned[0], F_SETFL, O_NONBLOCK);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        become(words, variables, told[1], warned[1], parent);
        int number = errno;
        ssize_t ignored = write(report[1], &number, sizeof number);
        (void)ignored;
        _exit(127);
    }
    int number = child < 0 ? errno : 0;
    close(report[1]);
    close(told[1]);
    close(warned[1]);
    if (child > 0) {
        ssize_t count;
        do {
            count = read(report[0], &number, sizeof number);
        } while (count < 0 && errno == EINTR);
        if (count != (ssize_t)sizeof number) number = 0;
        if (number != 0) waitpid(child, NULL, 0);
    }
    close(report[0]);
    if (number != 0) {
        close(told[0]);
        close(warned[0]);
        return -number;
    }
    *output = told[0];
    *errors = warned[0];
    return child;
}

int32_t dellad_reap(int32_t process) {
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return 127;
    if (info.si_pid == 0) return -1;
    // The number is nobody else's until it is waited for.
    kill(-process, SIGKILL);
    waitpid(process, NULL, 0);
    return info.si_code == CLD_EXITED ? info.si_status : 256 + info.si_status;
}
