#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

const int32_t dellad_o_direct = O_DIRECT;
const int32_t dellad_o_path = O_PATH;

int32_t dellad_fallocate(int32_t descriptor, int64_t offset, int64_t length) {
    return fallocate(descriptor, 0, offset, length);
}

int32_t dellad_rename_noreplace(const char *from, const char *to) {
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

int32_t dellad_open_beneath(int32_t folder, const char *path, int32_t flags) {
    struct open_how how = {
        .flags = (uint32_t)flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    // EAGAIN: a folder was renamed while `..` was followed.
    for (int tries = 0; tries < 100; tries++) {
        long descriptor = syscall(SYS_openat2, folder, path, &how, sizeof how);
        if (descriptor >= 0 || errno != EAGAIN) return (int32_t)descriptor;
    }
    return -1;
}

int32_t dellad_sync_file_range(int32_t descriptor, int64_t offset, int64_t length, int32_t wait) {
    unsigned flags = SYNC_FILE_RANGE_WRITE;
    if (wait) flags |= SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
    return sync_file_range(descriptor, offset, length, flags);
}

int64_t dellad_file_system_type(const char *path) {
    struct statfs status;
    return statfs(path, &status) == 0 ? (int64_t)(uint32_t)status.f_type : -1;
}

int32_t dellad_eventfd(void) {
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void dellad_trim_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void dellad_advise_arena(void *address, uint64_t length) {
    madvise(address, length, MADV_HUGEPAGE);
    madvise(address, length, MADV_DONTFORK);
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

void dellad_populate(void *address, uint64_t length) {
    if (madvise(address, length, MADV_POPULATE_WRITE) == 0) return;
    // Linux before 5.14. Whatever is there stays: a write that changes nothing.
    for (uint64_t offset = 0; offset < length; offset += 4096)
        __atomic_fetch_or((char *)address + offset, 0, __ATOMIC_RELAXED);
}

void dellad_run_when_idle(void) {
    struct sched_param parameters = {0};
    sched_setscheduler(0, SCHED_IDLE, &parameters);
}
