// CRC-32C by the processor's own instruction, where it has one.
#ifndef DELLAD_CCHECKSUM_H
#define DELLAD_CCHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// Makes ready, once, before any other thread may call `dellad_crc32c_update`. Whether this processor has the
/// instruction: asked at run time, so that one build serves every processor.
int dellad_crc32c_prepare(void);

/// Continues `state` (the complemented remainder) over `count` bytes. Only where `dellad_crc32c_prepare` says yes.
uint32_t dellad_crc32c_update(uint32_t state, const void *bytes, size_t count);

#endif
