// The system calls and constants that glibc shows to _GNU_SOURCE only, which Swift's Glibc module is built
// without. Each function is the call of the same name.
#ifndef DELLAD_CLINUX_H
#define DELLAD_CLINUX_H

#include <stdint.h>

#include "CLinuxRing.h"

/// O_DIRECT of open(2).
extern const int32_t dellad_o_direct;

/// fallocate(2), mode 0.
int32_t dellad_fallocate(int32_t descriptor, int64_t offset, int64_t length);

/// renameat2(2) with RENAME_NOREPLACE, paths from the working directory.
int32_t dellad_rename_noreplace(const char *from, const char *to);

/// O_PATH of open(2).
extern const int32_t dellad_o_path;

/// openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS: EXDEV for a path that leads out of the folder.
int32_t dellad_open_beneath(int32_t folder, const char *path, int32_t flags);

/// sync_file_range(2): starts writing a range's dirty pages and, if asked to, waits for all of them.
int32_t dellad_sync_file_range(int32_t descriptor, int64_t offset, int64_t length, int32_t wait);

/// The number of a path's file system, as statfs(2) has it; −1 on failure.
int64_t dellad_file_system_type(const char *path);

/// eventfd(2), EFD_CLOEXEC and EFD_NONBLOCK.
int32_t dellad_eventfd(void);

/// Gives the kernel back what was freed, as far as whole pages of it are.
void dellad_trim_memory(void);

/// madvise(2) with MADV_HUGEPAGE and MADV_DONTFORK; of no consequence where it fails.
void dellad_advise_arena(void *address, uint64_t length);

/// Has the kernel find the pages of memory and keeps what they hold: madvise(2) with MADV_POPULATE_WRITE.
void dellad_populate(void *address, uint64_t length);

/// sched_setscheduler(2) with SCHED_IDLE for the calling thread; of no consequence where it is not allowed.
void dellad_run_when_idle(void);

#endif
