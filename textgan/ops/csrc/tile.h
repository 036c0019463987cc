/* Vector types, a vectorized exponential, and a tile of logits that stays in registers.
 *
 * Weights are packed as [blocks][hidden][BLOCK], so that a tile of ROWS rows by BLOCK tokens reads them in order.
 */
#include <stdint.h>

#ifdef __AVX512F__
enum { LANES = 16, ROWS = 4 };
#else
enum { LANES = 8, ROWS = 2 };
#endif
enum { COLS = 64 / LANES, BLOCK = 64 };

typedef float vec __attribute__((vector_size(LANES * 4)));
typedef float loose __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(LANES * 4)));

static inline vec all(float x) { return x - (vec){0}; }

/* Computes exp(x) as 2^power times a fitted polynomial, with an error below 8e-8. Exactly 0 below -87, where float32
 * underflows. */
static inline vec exponential(vec x) {
    ints in_range = x > all(-87.0f);
    vec round = x * 1.44269504f + 12582912.0f;
    ints power = (ints)round << 23;
    vec f = x - (round - 12582912.0f) * 0.69314718f;
    vec p = f * 8.297619339e-3f + 4.191562924e-2f;
    p = p * f + 1.666757654e-1f;
    p = p * f + 4.999889266e-1f;
    p = p * f + 9.999996911e-1f;
    p = p * f + 1.000000072f;
    return (vec)(((ints)p + power) & in_range);
}

/* Computes the logits of `rows` rows for one block of tokens, in acc. */
#define MULTIPLY(rows)                                                                          \
    vec acc[rows][COLS];                                                                        \
    for (int r = 0; r < rows; r++)                                                              \
        for (int c = 0; c < COLS; c++) acc[r][c] = *(const loose *)(bias + c * LANES);          \
    for (int64_t k = 0; k < hidden; k++) {                                                      \
        vec w[COLS];                                                                            \
        for (int c = 0; c < COLS; c++) w[c] = *(const loose *)(weight + k * BLOCK + c * LANES); \
        for (int r = 0; r < rows; r++) {                                                        \
            vec h = all(features[r * hidden + k]);                                              \
            for (int c = 0; c < COLS; c++) acc[r][c] += h * w[c];                               \
        }                                                                                       \
    }
