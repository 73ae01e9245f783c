/// What the kernels and their callers share: argument blocks in C's layout, so that a kernel target
/// holds functions over plain memory and no Swift type of its own, and the processor's abilities.
#ifndef CKERNEL_H
#define CKERNEL_H

#include <stdbool.h>
#include <stdint.h>

/// Element formats. F64 is only ever a source of `decode`.
enum {
    KERNEL_BFLOAT16 = 0,
    KERNEL_FLOAT16 = 1,
    KERNEL_FLOAT32 = 2,
    KERNEL_FLOAT64 = 3,
};

/// `decode`: `count` elements of `source` become values of `destination`'s format.
typedef struct {
    const void *_Nonnull source;
    void *_Nonnull destination;
    int64_t count;
    int32_t sourceFormat;
    int32_t destinationFormat;
} KernelDecode;

/// `prune`: one row of one model. `model` is rewritten, the last five fields are results; `nans` and `infinities`
/// count the model's values.
typedef struct {
    const void *_Nonnull base;
    void *_Nonnull model;
    void *_Nonnull scratch;
    int64_t count;
    uint64_t firstElement;
    uint64_t seed;
    uint64_t stream;
    float firstProbability;
    float probabilityStep;
    int32_t format;
    bool sawNonfinite;
    double total;
    double kept;
    int64_t nans;
    int64_t infinities;
} KernelPrune;

/// One model's values and parameters in `combine`.
typedef struct {
    const void *_Nonnull values;
    float factor;
    float weight;
    float lambda;
    bool isPruned;
    bool isDropped;
} KernelTerm;

/// Bytes of scratch that `combine` needs for each of several models, aligned to as many as a vector has.
enum { KERNEL_TERM_SCRATCH = 384 };

/// `combine`: one row of all models, of whole blocks: `count` is a multiple of 32. `scratch` is followed where there
/// are several models.
typedef struct {
    const void *_Nonnull base;
    const KernelTerm *_Nonnull terms;
    void *_Nonnull destination;
    void *_Nullable scratch;
    int64_t termCount;
    int64_t count;
    float lambda;
    int32_t format;
    int32_t output;
    bool electsSigns;
    bool normalizes;
} KernelCombine;

/// `gram`: one row of all inputs, or of their differences from `base` where there is one. `sums` receives the sums of
/// products 00, 01, … 0n, 11, … nn, each `stride` numbers after the last. `scratch` has 128 bytes an input and as many
/// again.
typedef struct {
    const void *_Nonnull const *_Nonnull inputs;
    const void *_Nullable base;
    double *_Nonnull sums;
    void *_Nonnull scratch;
    int64_t stride;
    int64_t inputCount;
    int64_t count;
    int32_t format;
} KernelGram;

/// What `blend` computes.
enum {
    /// The one input as it is.
    KERNEL_BLEND_PLAIN = 0,
    /// x·c₀ of the one input.
    KERNEL_BLEND_SCALED = 1,
    /// Σ c·x from +0.
    KERNEL_BLEND_SUM = 2,
    /// The same, divided by `divisor`.
    KERNEL_BLEND_QUOTIENT = 3,
    /// b + Σ c·(x − b).
    KERNEL_BLEND_OFFSET = 4,
    /// c₀·(Σ x / divisor) + c₁·b.
    KERNEL_BLEND_STOCK = 5,
    /// w·x + (1 − w)·b of the one input, w = c₀/|b − x|, from 0 to 1.
    KERNEL_BLEND_NEAR = 6,
    /// RAM: differences beyond `divisor`, times c where one model has them alone, divided by how many share them.
    KERNEL_BLEND_RAM = 7,
};

/// `blend`: a stretch of all inputs, of whole blocks: `count` is a multiple of 32. `base` is not followed where the
/// kind has none.
typedef struct {
    const void *_Nonnull const *_Nonnull inputs;
    const float *_Nonnull coefficients;
    const void *_Nonnull base;
    void *_Nonnull destination;
    int64_t inputCount;
    int64_t count;
    float divisor;
    int32_t kind;
    int32_t format;
    int32_t output;
} KernelBlend;

/// `tally`: of each input, how many differences beyond `epsilon` it has alone and how many it shares: added to two
/// counts an input. `count` is a multiple of 32 below 2³¹.
typedef struct {
    const void *_Nonnull const *_Nonnull inputs;
    const void *_Nonnull base;
    double *_Nonnull counts;
    int64_t inputCount;
    int64_t count;
    float epsilon;
    int32_t format;
} KernelTally;

/// `countNonfinite`: the last two fields are results.
typedef struct {
    const void *_Nonnull values;
    int64_t count;
    int32_t format;
    int64_t nans;
    int64_t infinities;
} KernelCount;

/// Whether this processor and its operating system run code built for x86-64-v3.
bool kernelSupportsAVX2(void);

/// Whether this processor and its operating system run code built for x86-64-v4.
bool kernelSupportsAVX512(void);

#endif
