/// What the kernels and their callers share: argument blocks in C's layout, so that a kernel target
/// holds functions over plain memory and no Swift type of its own, and the processor's abilities.
#ifndef CKERNEL_H
#define CKERNEL_H

#include <stdbool.h>
#include <stdint.h>

// Vectors and numbers at any address. In C, where `always_inline` holds whatever the size of the caller: what Swift leaves
// out of line is a call for every element, and a symbol that kernels of several instruction sets would share.

typedef uint32_t KernelWords __attribute__((ext_vector_type(16)));
typedef unsigned long long KernelLanes __attribute__((ext_vector_type(8)));
typedef double KernelDoubles __attribute__((ext_vector_type(8)));
typedef uint16_t KernelShorts __attribute__((ext_vector_type(8)));

/// `loadNAME(memory, byte)` and `storeNAME(value, memory, byte)`, `byte` counted from `memory`.
#define KERNEL_ACCESS(NAME, TYPE)                                                                                      \
    __attribute__((always_inline, swift_name("load" #NAME "(_:_:)"))) static inline TYPE kernelLoad##NAME(             \
        const void *_Nonnull memory, intptr_t byte) {                                                                  \
        TYPE value;                                                                                                    \
        __builtin_memcpy(&value, (const char *)memory + byte, sizeof value);                                           \
        return value;                                                                                                  \
    }                                                                                                                  \
    __attribute__((always_inline, swift_name("store" #NAME "(_:_:_:)"))) static inline void kernelStore##NAME(         \
        TYPE value, void *_Nonnull memory, intptr_t byte) {                                                            \
        __builtin_memcpy((char *)memory + byte, &value, sizeof value);                                                 \
    }

KERNEL_ACCESS(Words, KernelWords)
KERNEL_ACCESS(Lanes, KernelLanes)
KERNEL_ACCESS(Doubles, KernelDoubles)
KERNEL_ACCESS(Shorts, KernelShorts)
KERNEL_ACCESS(Short, uint16_t)
KERNEL_ACCESS(Word, uint32_t)
KERNEL_ACCESS(Long, uint64_t)

// Vectors of 16 floats in Double, by halves. Of lanes taken one by one the compiler makes conversions one by one.

typedef float KernelFloats __attribute__((ext_vector_type(16)));

__attribute__((always_inline, swift_name("lowDoubles(_:)"))) static inline KernelDoubles kernelLowDoubles(KernelFloats x) {
    return __builtin_convertvector(__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7), KernelDoubles);
}

__attribute__((always_inline, swift_name("highDoubles(_:)"))) static inline KernelDoubles kernelHighDoubles(
    KernelFloats x) {
    return __builtin_convertvector(__builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15), KernelDoubles);
}

__attribute__((always_inline, swift_name("addProducts(_:_:_:)"))) static inline KernelDoubles kernelAddProducts(
    KernelDoubles sum, KernelDoubles x, KernelDoubles y) {
#pragma STDC FP_CONTRACT OFF
    KernelDoubles products = x * y;
    return sum + products;
}

__attribute__((always_inline, swift_name("addMagnitudes(_:_:)"))) static inline KernelDoubles kernelAddMagnitudes(
    KernelDoubles sum, KernelDoubles x) {
    return sum + __builtin_elementwise_abs(x);
}

/// Element formats are 0 for bfloat16, 1 for float16, 2 for float32, and 3 for F64, only ever a source of `decode`.

/// `decode`: `count` elements of `source` become values of `destination`'s format.
typedef struct {
    const void *_Nonnull source;
    void *_Nonnull destination;
    int64_t count;
    int32_t sourceFormat;
    int32_t destinationFormat;
} KernelDecode;

/// `adapt`: a stretch of rows. `left` has `rank` factors for each row; `right` is packed: for each 16 columns of the
/// stretch, 16 values for each of the ranks. `stride` is from row to row of the values, in elements.
typedef struct {
    float *_Nonnull values;
    const float *_Nonnull left;
    const float *_Nonnull right;
    int64_t rowCount;
    int64_t count;
    int64_t rank;
    int64_t stride;
    float scale;
} KernelAdapt;

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

/// `moments`: sums over a stretch of `count` elements, a multiple of 32: of b², then of δ² and |δ| of each input, then,
/// with `hasProducts`, of δᵢδⱼ of each two. What is not finite counts as 0. `equal`: elements of each input that are b's.
typedef struct {
    const void *_Nonnull const *_Nonnull inputs;
    const void *_Nonnull base;
    double *_Nonnull sums;
    int64_t *_Nonnull equal;
    int64_t inputCount;
    int64_t count;
    int32_t format;
    bool hasProducts;
} KernelMoments;

/// `change`: what `count` elements of output, a multiple of 32, are against the base.
typedef struct {
    const void *_Nonnull output;
    const void *_Nonnull base;
    int64_t count;
    int32_t format;
    int32_t outputFormat;
    /// Σ(out − b)².
    double squares;
    /// Elements that differ.
    int64_t changed;
    /// The bits of the largest finite magnitude.
    uint32_t peak;
} KernelChange;

/// `signs`: of `count` elements, a multiple of 32, how many of each model differ from the base's, added to `kept`, and how
/// many have differences of both signs: their bits that `masks` leaves, turned by `flips`.
typedef struct {
    const void *_Nonnull const *_Nonnull models;
    const uint32_t *_Nonnull masks;
    const uint32_t *_Nonnull flips;
    const void *_Nonnull base;
    int64_t *_Nonnull kept;
    int64_t modelCount;
    int64_t count;
    int32_t format;
    int64_t conflicts;
} KernelSigns;

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
    /// Σ c·x of two inputs, from +0, with coefficients an element: those of the second input `stride` after the first's.
    KERNEL_BLEND_COLUMNS = 8,
    /// b + Σ c·(x − b), likewise.
    KERNEL_BLEND_COLUMNS_OFFSET = 9,
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
    int64_t stride;
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

/// `select`: rows of one model, one after the other, of which some elements are kept: `model` is rewritten to
/// `kept ? x : b`. Where `isDrawn`, kept is what draws 24 bits below `threshold`; else what lies between two cuts, each a
/// key and the position among all elements at which equal keys are parted. Of the lower cut's the earlier are kept or the
/// later; of the upper cut's the earlier. `sums` receives Σ|δ| of each row and, `stride` numbers on, that of what is
/// kept.
typedef struct {
    const void *_Nonnull base;
    void *_Nonnull model;
    void *_Nonnull scratch;
    double *_Nullable sums;
    int64_t stride;
    int64_t rowLength;
    int64_t rowCount;
    uint64_t firstElement;
    uint64_t seed;
    uint64_t stream;
    uint32_t threshold;
    uint32_t lowKey;
    uint32_t highKey;
    int64_t lowPosition;
    int64_t highPosition;
    bool isDrawn;
    bool keepsEarlier;
    int32_t format;
} KernelSelect;

/// Bytes of scratch that `select` needs, 64-byte aligned.
enum { KERNEL_SELECT_SCRATCH = 18432 };

/// `keys`: the keys of `count` differences, 16 bits each of a 16-bit format, else 32.
typedef struct {
    const void *_Nonnull base;
    const void *_Nonnull model;
    void *_Nonnull keys;
    int64_t count;
    int32_t format;
} KernelKeys;

/// Entries of a thread's table of counts, 4 bytes each, and words behind a tensor's: how many entries overflowed and
/// which.
enum { KERNEL_COUNT_TABLE = 65536, KERNEL_COUNT_NOTES = 64 };

/// `countKeys`: `count` keys of `byteWidth` bytes are counted in `table`. `cut` is a key, or its upper bits.
typedef struct {
    const void *_Nonnull keys;
    uint32_t *_Nonnull table;
    int64_t count;
    uint32_t cut;
    int32_t byteWidth;
} KernelKeyCount;

/// `addCounts`: a thread's table is added to a tensor's of `length` entries, and emptied; of keys of 15 bits where
/// `isTwofold`.
typedef struct {
    uint32_t *_Nonnull own;
    uint32_t *_Nonnull sums;
    int64_t length;
    bool isTwofold;
} KernelCountSum;

/// `findSlot`: of a tensor's table, the slot that the element of a rank fell into. `below` is how many lie before the table,
/// then before the slot; `slot` and `found`, its entry, are results.
typedef struct {
    const uint32_t *_Nonnull entries;
    int64_t length;
    uint64_t rank;
    uint64_t below;
    uint64_t found;
    int64_t slot;
} KernelSlot;

/// `spread`: SCE of all inputs, in whole blocks: `count` is a multiple of 32. Kept are all elements, or where `selects`
/// those whose variance is above a cut, of its own key those before a position. `destination` receives the keys of the
/// variances, or the output. `lanes` has 128 bytes an input for sums of squares.
typedef struct {
    const void *_Nonnull const *_Nonnull inputs;
    const void *_Nonnull base;
    void *_Nonnull destination;
    const float *_Nonnull weights;
    void *_Nonnull lanes;
    double *_Nonnull sums;
    int64_t stride;
    int64_t inputCount;
    int64_t count;
    uint64_t firstElement;
    int64_t lowPosition;
    uint32_t lowKey;
    bool selects;
    int32_t format;
    int32_t output;
} KernelSpread;

/// `divergence`: one row of a model and the base's. `scratch` has 768 bytes, then 16 for each element, rounded up to whole
/// blocks of 32, of rows of at most `keptCount`. `exponentials` are those of all values of a 16-bit format by their bits.
typedef struct {
    const double *_Nullable exponentials;
    const void *_Nonnull base;
    const void *_Nonnull model;
    void *_Nonnull scratch;
    int64_t count;
    int64_t keptCount;
    int32_t format;
} KernelDivergence;

/// `score`: differences whose scores are their magnitudes times `factor`. `destination` receives the scores' keys, or the
/// output: b + δ where the score reaches `threshold`, else b; in whole blocks then.
typedef struct {
    const void *_Nonnull base;
    const void *_Nonnull model;
    void *_Nonnull destination;
    int64_t count;
    float factor;
    float threshold;
    int32_t format;
    int32_t output;
} KernelScore;

/// `columns`: the products 00, 01 and 11 of the elements of two inputs, or of their differences from `base` where there
/// is one, are added to the elements' own sums, those of a product `stride` after the last's. `count` is a multiple of
/// 32.
typedef struct {
    const void *_Nonnull const *_Nonnull inputs;
    const void *_Nullable base;
    double *_Nonnull sums;
    int64_t stride;
    int64_t count;
    int32_t format;
} KernelColumns;

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
