#include "CKernel.h"

// x86-64-v3 and -v4 are sets of features: code built for them may use any member, so every member
// that a compiler emits is asked for. The builtin also asks whether the system saves the registers.

bool kernelSupportsAVX2(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("x86-64-v3");
#else
    return false;
#endif
}

bool kernelSupportsAVX512(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("x86-64-v4");
#else
    return false;
#endif
}
