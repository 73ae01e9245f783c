#include "CChecksum.h"

#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

// FIPS 180-4, 4.2.2.
static const uint32_t constants[64] = {
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
};

static uint32_t rotated(uint32_t word, int count) {
    return word >> count | word << (32 - count);
}

static uint32_t big_endian(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

// 6.2.2, with the standard's names.
static void portable_block(uint32_t state[8], const uint8_t *bytes) {
    uint32_t w[64];
    for (int t = 0; t < 16; ++t) w[t] = big_endian(bytes + 4 * t);
    for (int t = 16; t < 64; ++t) {
        uint32_t s0 = rotated(w[t - 15], 7) ^ rotated(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = rotated(w[t - 2], 17) ^ rotated(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int t = 0; t < 64; ++t) {
        uint32_t sum1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25);
        uint32_t sum0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22);
        uint32_t t1 = h + sum1 + ((e & f) ^ (~e & g)) + constants[t] + w[t];
        uint32_t t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

void dellad_sha256_update_portable(uint32_t state[8], const void *bytes, size_t blocks) {
    const uint8_t *at = bytes;
    for (; blocks > 0; at += 64, --blocks) portable_block(state, at);
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

int dellad_sha256_has_instructions(void) {
    // By hand: not every compiler knows "sha" in __builtin_cpu_supports.
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29) != 0;
}

__attribute__((target("sha,sse4.1,ssse3"))) void dellad_sha256_update(
    uint32_t state[8], const void *bytes, size_t blocks) {
    const __m128i swap = _mm_set_epi64x(0x0C0D0E0F08090A0B, 0x0405060700010203);
    const uint8_t *at = bytes;
    // The instructions want the words as ABEF and CDGH, high to low.
    __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);
    __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);
    __m128i abef = _mm_alignr_epi8(low, high, 8);
    __m128i cdgh = _mm_blend_epi16(high, low, 0xF0);
    for (; blocks > 0; at += 64, --blocks) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        // The message schedule: the last sixteen words, four a vector.
        __m128i w[4];
        for (int part = 0; part < 4; ++part)
            w[part] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(at + 16 * part)), swap);
        UNROLLED
        for (int group = 0; group < 16; ++group) {
            const __m128i now = w[group & 3];
            __m128i sum = _mm_add_epi32(now, _mm_loadu_si128((const __m128i *)(constants + 4 * group)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
            if (group < 12) {
                const __m128i last = w[(group + 3) & 3];
                __m128i next = _mm_sha256msg1_epu32(now, w[(group + 1) & 3]);
                next = _mm_add_epi32(next, _mm_alignr_epi8(last, w[(group + 2) & 3], 4));
                w[group & 3] = _mm_sha256msg2_epu32(next, last);
            }
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    low = _mm_shuffle_epi32(abef, 0x1B);
    high = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(low, high, 0xF0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

#elif defined(__aarch64__)

#include <arm_neon.h>
#include <sys/auxv.h>

#ifndef HWCAP_SHA2
#define HWCAP_SHA2 (1 << 6)
#endif

int dellad_sha256_has_instructions(void) {
    return (getauxval(AT_HWCAP) & HWCAP_SHA2) != 0;
}

// SHA2 alone would do; GCC's arm_neon.h asks for all of "crypto".
__attribute__((target("+crypto"))) void dellad_sha256_update(uint32_t state[8], const void *bytes, size_t blocks) {
    const uint8_t *at = bytes;
    uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);
    for (; blocks > 0; at += 64, --blocks) {
        const uint32x4_t abcd_before = abcd, efgh_before = efgh;
        // The message schedule: the last sixteen words, four a vector.
        uint32x4_t w[4];
        for (int part = 0; part < 4; ++part)
            w[part] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(at + 16 * part)));
        UNROLLED
        for (int group = 0; group < 16; ++group) {
            const uint32x4_t now = w[group & 3];
            const uint32x4_t sum = vaddq_u32(now, vld1q_u32(constants + 4 * group));
            const uint32x4_t abcd_now = abcd;
            abcd = vsha256hq_u32(abcd, efgh, sum);
            efgh = vsha256h2q_u32(efgh, abcd_now, sum);
            if (group < 12)
                w[group & 3] = vsha256su1q_u32(
                    vsha256su0q_u32(now, w[(group + 1) & 3]), w[(group + 2) & 3], w[(group + 3) & 3]);
        }
        abcd = vaddq_u32(abcd, abcd_before);
        efgh = vaddq_u32(efgh, efgh_before);
    }
    vst1q_u32(state, abcd);
    vst1q_u32(state + 4, efgh);
}

#else

int dellad_sha256_has_instructions(void) {
    return 0;
}

void dellad_sha256_update(uint32_t state[8], const void *bytes, size_t blocks) {
    dellad_sha256_update_portable(state, bytes, blocks);
}

#endif
