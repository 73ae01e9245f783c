// CRC-32C and SHA-256 by the processor's own instructions, where it has them.
#ifndef DELLAD_CCHECKSUM_H
#define DELLAD_CCHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// Makes ready, once, before any other thread may call `dellad_crc32c_update`. Whether this processor has the
/// instruction: asked at run time, so that one build serves every processor.
int dellad_crc32c_prepare(void);

/// Continues `state` (the complemented remainder) over `count` bytes. Only where `dellad_crc32c_prepare` says yes.
uint32_t dellad_crc32c_update(uint32_t state, const void *bytes, size_t count);

/// Whether this processor has the SHA extensions, x86's or ARMv8's: asked at run time.
int dellad_sha256_has_instructions(void);

/// Continues a SHA-256 (FIPS 180-4) over `blocks` times 64 bytes. Only where `dellad_sha256_has_instructions` says
/// yes.
void dellad_sha256_update(uint32_t state[8], const void *bytes, size_t blocks);

/// The same on any processor.
void dellad_sha256_update_portable(uint32_t state[8], const void *bytes, size_t blocks);

#endif
