#include "CChecksum.h"

#include <string.h>

#if defined(__x86_64__)

#define WITH_INSTRUCTION __attribute__((target("sse4.2")))
#define CRC_WORD(state, word) ((uint32_t)__builtin_ia32_crc32di(state, word))
#define CRC_BYTE(state, byte) __builtin_ia32_crc32qi(state, byte)

static int has_instruction(void) {
    return __builtin_cpu_supports("sse4.2") != 0;
}

#elif defined(__aarch64__)

#include <sys/auxv.h>

#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif

#define WITH_INSTRUCTION __attribute__((target("+crc")))
#if defined(__clang__)
#define CRC_WORD(state, word) __builtin_arm_crc32cd(state, word)
#define CRC_BYTE(state, byte) __builtin_arm_crc32cb(state, byte)
#else
#define CRC_WORD(state, word) __builtin_aarch64_crc32cx(state, word)
#define CRC_BYTE(state, byte) __builtin_aarch64_crc32cb(state, byte)
#endif

static int has_instruction(void) {
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}

#endif

#ifdef WITH_INSTRUCTION

// The instruction takes a word a cycle but answers three cycles later, so three lanes of this many bytes are
// computed side by side and joined: the state after one lane, moved over the length of the next, plus that one's.
enum { lane = 2048 };

/// `moved[k][b]`: byte k of a state, of value b, moved over one lane of zeros. The map is linear, so the four
/// bytes of a state can be moved apart.
static uint32_t moved[4][256];

WITH_INSTRUCTION static uint32_t one_lane(uint32_t state, const uint8_t *at, size_t count) {
    for (; count >= 8; at += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        state = CRC_WORD(state, word);
    }
    for (; count > 0; ++at, --count) state = CRC_BYTE(state, *at);
    return state;
}

WITH_INSTRUCTION static void make_tables(void) {
    for (int byte = 0; byte < 4; ++byte)
        for (int bit = 0; bit < 8; ++bit) {
            uint32_t state = (uint32_t)1 << (8 * byte + bit);
            for (int word = 0; word < lane / 8; ++word) state = CRC_WORD(state, 0);
            for (int value = 0; value < 256; ++value)
                if (value >> bit & 1) moved[byte][value] ^= state;
        }
}

static uint32_t move(uint32_t state) {
    return moved[0][state & 0xFF] ^ moved[1][state >> 8 & 0xFF] ^ moved[2][state >> 16 & 0xFF] ^ moved[3][state >> 24];
}

int dellad_crc32c_prepare(void) {
    if (!has_instruction()) return 0;
    if (moved[0][1] == 0) make_tables();
    return 1;
}

WITH_INSTRUCTION uint32_t dellad_crc32c_update(uint32_t state, const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    for (; count >= 3 * lane; at += 3 * lane, count -= 3 * lane) {
        uint32_t second = 0, third = 0;
        for (int offset = 0; offset < lane; offset += 8) {
            uint64_t words[3];
            memcpy(&words[0], at + offset, 8);
            memcpy(&words[1], at + lane + offset, 8);
            memcpy(&words[2], at + 2 * lane + offset, 8);
            state = CRC_WORD(state, words[0]);
            second = CRC_WORD(second, words[1]);
            third = CRC_WORD(third, words[2]);
        }
        state = move(move(state) ^ second) ^ third;
    }
    return one_lane(state, at, count);
}

#else

int dellad_crc32c_prepare(void) {
    return 0;
}

uint32_t dellad_crc32c_update(uint32_t state, const void *bytes, size_t count) {
    (void)bytes;
    (void)count;
    return state;
}

#endif
