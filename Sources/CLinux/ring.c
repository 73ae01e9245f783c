#define _GNU_SOURCE
#include "CLinuxRing.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct dellad_ring {
    struct io_uring uring;
    uint32_t features;
};

/// All that a ring may do.
static const uint8_t operations[] = {
    IORING_OP_READ, IORING_OP_WRITE, IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED, IORING_OP_FSYNC,
    IORING_OP_SYNC_FILE_RANGE, IORING_OP_FADVISE, IORING_OP_POLL_ADD,
};
enum { operation_count = sizeof operations / sizeof *operations };

/// io_uring_register(2). liburing 2.3 declares functions for both uses here and does not export them.
static int set_up(struct io_uring *uring, unsigned what, const void *list, unsigned count) {
    long result = syscall(__NR_io_uring_register, uring->ring_fd, what, list, count);
    return result < 0 ? -errno : 0;
}

static int restrict_and_enable(struct io_uring *uring) {
    struct io_uring_restriction restrictions[operation_count + 1];
    memset(restrictions, 0, sizeof restrictions);
    for (int at = 0; at < operation_count; ++at) {
        restrictions[at].opcode = IORING_RESTRICTION_SQE_OP;
        restrictions[at].sqe_op = operations[at];
    }
    restrictions[operation_count].opcode = IORING_RESTRICTION_REGISTER_OP;
    restrictions[operation_count].register_op = IORING_REGISTER_BUFFERS;
    int number = set_up(uring, IORING_REGISTER_RESTRICTIONS, restrictions, operation_count + 1);
    return number != 0 ? number : set_up(uring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

int32_t dellad_ring_create(uint32_t entries, dellad_ring **made) {
    dellad_ring *ring = calloc(1, sizeof *ring);
    if (!ring) return -ENOMEM;
    struct io_uring_params parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.flags = IORING_SETUP_R_DISABLED;
    int number = io_uring_queue_init_params(entries, &ring->uring, &parameters);
    if (number != 0) {
        free(ring);
        return number;
    }
    // Linux 5.11: waiting with a time limit that takes no place in the queue.
    number = parameters.features & IORING_FEAT_EXT_ARG ? restrict_and_enable(&ring->uring) : -EINVAL;
    if (number != 0) {
        dellad_ring_destroy(ring);
        return number;
    }
    ring->features = parameters.features;
    *made = ring;
    return 0;
}

void dellad_ring_destroy(dellad_ring *ring) {
    io_uring_queue_exit(&ring->uring);
    free(ring);
}

int32_t dellad_ring_register(
    dellad_ring *ring, void *memory, uint64_t length, uint64_t piece, const _Bool *wanted, uint32_t count) {
    enum { piece_limit = 1024 };
    struct iovec pieces[piece_limit];
    if (!(ring->features & IORING_FEAT_RSRC_TAGS)) return -ENOSYS;
    if (count > piece_limit) return -E2BIG;
    for (uint32_t at = 0; at < count; ++at) {
        uint64_t offset = at * piece;
        uint64_t rest = length - offset;
        pieces[at].iov_base = wanted[at] ? (char *)memory + offset : NULL;
        pieces[at].iov_len = !wanted[at] ? 0 : rest < piece ? rest : piece;
    }
    return set_up(&ring->uring, IORING_REGISTER_BUFFERS, pieces, count);
}

int32_t dellad_ring_read(
    dellad_ring *ring, int32_t descriptor, void *buffer, uint32_t count, uint64_t offset, int32_t piece,
    uint64_t tag) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    if (!entry) return 0;
    if (piece < 0)
        io_uring_prep_read(entry, descriptor, buffer, count, offset);
    else
        io_uring_prep_read_fixed(entry, descriptor, buffer, count, offset, piece);
    entry->user_data = tag;
    return 1;
}

int32_t dellad_ring_write(
    dellad_ring *ring, int32_t descriptor, const void *buffer, uint32_t count, uint64_t offset,
    int32_t piece, uint64_t tag) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    if (!entry) return 0;
    if (piece < 0)
        io_uring_prep_write(entry, descriptor, buffer, count, offset);
    else
        io_uring_prep_write_fixed(entry, descriptor, buffer, count, offset, piece);
    entry->user_data = tag;
    return 1;
}

int32_t dellad_ring_sync(dellad_ring *ring, int32_t descriptor, uint64_t tag) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    if (!entry) return 0;
    io_uring_prep_fsync(entry, descriptor, IORING_FSYNC_DATASYNC);
    entry->user_data = tag;
    return 1;
}

int32_t dellad_ring_flush(
    dellad_ring *ring, int32_t descriptor, uint64_t offset, uint32_t count, uint64_t tag) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    if (!entry) return 0;
    int flags = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    io_uring_prep_sync_file_range(entry, descriptor, count, offset, flags);
    entry->user_data = tag;
    return 1;
}

int32_t dellad_ring_drop(
    dellad_ring *ring, int32_t descriptor, uint64_t offset, uint32_t count, uint64_t tag) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    if (!entry) return 0;
    io_uring_prep_fadvise(entry, descriptor, offset, count, POSIX_FADV_DONTNEED);
    entry->user_data = tag;
    return 1;
}

int32_t dellad_ring_poll(dellad_ring *ring, int32_t descriptor, uint64_t tag) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    if (!entry) return 0;
    io_uring_prep_poll_add(entry, descriptor, POLLIN);
    entry->user_data = tag;
    return 1;
}

int32_t dellad_ring_forbidden(dellad_ring *ring, uint64_t tag) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
    if (!entry) return 0;
    io_uring_prep_nop(entry);
    entry->user_data = tag;
    return 1;
}

uint32_t dellad_ring_unsubmitted(const dellad_ring *ring) {
    return io_uring_sq_ready(&ring->uring);
}

int32_t dellad_ring_submit(dellad_ring *ring) {
    return io_uring_submit(&ring->uring);
}

int32_t dellad_ring_wait(dellad_ring *ring, int64_t timeout) {
    if (timeout < 0) return io_uring_submit_and_wait(&ring->uring, 1);
    struct io_uring_cqe *completion;
    struct __kernel_timespec time = {.tv_sec = timeout / 1000000000, .tv_nsec = timeout % 1000000000};
    return io_uring_submit_and_wait_timeout(&ring->uring, &completion, 1, &time, NULL);
}

int32_t dellad_ring_take(dellad_ring *ring, uint64_t *tag, int32_t *result) {
    struct io_uring_cqe *completion;
    if (io_uring_peek_cqe(&ring->uring, &completion) != 0) return 0;
    *tag = completion->user_data;
    *result = completion->res;
    io_uring_cqe_seen(&ring->uring, completion);
    return 1;
}
