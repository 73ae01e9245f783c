// liburing behind an opaque type, in plain types only (see CUring's shim.h for why Swift does not import
// liburing itself). Each function is a call or two of liburing; what to do with a ring is Swift's business.
#ifndef DELLAD_CLINUX_RING_H
#define DELLAD_CLINUX_RING_H

#include <stdint.h>

typedef struct dellad_ring dellad_ring;

/// Sets up a ring, restricted to the operations below, and enables it. 0, or a negative error number.
int32_t dellad_ring_create(uint32_t entries, dellad_ring **ring);
void dellad_ring_destroy(dellad_ring *ring);

/// Registers memory in `count` pieces of `piece` bytes, the last one shorter: piece k is buffer k. Those that are not
/// `wanted` are left out, and cannot be named. 0, or a negative error number: ENOMEM beyond the limit on locked
/// memory, E2BIG for more than 1024 pieces, ENOSYS where the kernel (before 5.13) would wait for all operations
/// under way first.
int32_t dellad_ring_register(
    dellad_ring *ring, void *memory, uint64_t length, uint64_t piece, const _Bool *wanted, uint32_t count);

/// Each puts one operation into the queue, marked with a tag. 0 where the queue is full, else 1.
/// `piece` is the registered buffer in which all of a read's or write's memory lies, below 0 for none.
int32_t dellad_ring_read(
    dellad_ring *ring, int32_t descriptor, void *buffer, uint32_t count, uint64_t offset, int32_t piece,
    uint64_t tag);
int32_t dellad_ring_write(
    dellad_ring *ring, int32_t descriptor, const void *buffer, uint32_t count, uint64_t offset,
    int32_t piece, uint64_t tag);
/// fdatasync(2).
int32_t dellad_ring_sync(dellad_ring *ring, int32_t descriptor, uint64_t tag);
/// sync_file_range(2), writing and waiting.
int32_t dellad_ring_flush(
    dellad_ring *ring, int32_t descriptor, uint64_t offset, uint32_t count, uint64_t tag);
/// posix_fadvise(3), POSIX_FADV_DONTNEED.
int32_t dellad_ring_drop(
    dellad_ring *ring, int32_t descriptor, uint64_t offset, uint32_t count, uint64_t tag);
/// Waits until a descriptor is readable.
int32_t dellad_ring_poll(dellad_ring *ring, int32_t descriptor, uint64_t tag);

/// An operation that no ring of ours may do, for the test that says so.
int32_t dellad_ring_forbidden(dellad_ring *ring, uint64_t tag);

/// Operations in the queue that the kernel has not taken.
uint32_t dellad_ring_unsubmitted(const dellad_ring *ring);
/// Hands the queue to the kernel. What it took, or a negative error number.
int32_t dellad_ring_submit(dellad_ring *ring);
/// As submit, then waits for a completion, at most `timeout` nanoseconds; below 0 means without limit.
int32_t dellad_ring_wait(dellad_ring *ring, int64_t timeout);
/// Takes the next completion. 0 where there is none, else 1.
int32_t dellad_ring_take(dellad_ring *ring, uint64_t *tag, int32_t *result);

#endif
