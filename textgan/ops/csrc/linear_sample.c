/* Samples tokens from softmax(weight h + bias), and computes its log-normalizer, without storing the logits.
 *
 * One pass of matrix products stays in registers: a tile of ROWS rows by BLOCK tokens is multiplied, exponentiated and
 * summed to one number per block and row. The block of a token is then found by a cumulative sum over blocks, and the
 * token inside it by multiplying that one block again. The weights are packed as [blocks][hidden][BLOCK], so that a
 * tile reads them in order; a block's weights stay in the L1 cache while PANEL rows are processed.
 */
#include <math.h>
#include <string.h>

#include "tile.h"

enum { PANEL = ROWS * 20 };

/* Sums a vector by adding halves: few instructions, and the same order on every machine with LANES lanes. */
static inline float sum(vec x) {
    typedef float half __attribute__((vector_size(LANES * 2)));
    typedef float quarter __attribute__((vector_size(LANES)));
    typedef float loose_half __attribute__((vector_size(LANES * 2), may_alias));
    typedef float loose_quarter __attribute__((vector_size(LANES), may_alias));
    half a = ((loose_half *)&x)[0] + ((loose_half *)&x)[1];
    quarter b = ((loose_quarter *)&a)[0] + ((loose_quarter *)&a)[1];
    float total = 0;
    for (int i = 0; i < LANES / 4; i++) total += b[i];
    return total;
}

static inline float largest(vec x) {
    float maximum = x[0];
    for (int i = 1; i < LANES; i++) maximum = x[i] > maximum ? x[i] : maximum;
    return maximum;
}

#define TILE(name, rows)                                                                                             \
    static __attribute__((noinline)) void name(const float *features, int64_t hidden, const float *weight,           \
                                               const float *bias, const float *shift, float *sums, int64_t stride) { \
        MULTIPLY(rows)                                                                                               \
        for (int r = 0; r < rows; r++) {                                                                             \
            vec s = (vec){0};                                                                                        \
            for (int c = 0; c < COLS; c++) s += exponential(acc[r][c] - shift[r]);                                   \
            sums[r * stride] = sum(s);                                                                               \
        }                                                                                                            \
    }
TILE(tile, ROWS)
TILE(line, 1)

static float top(const float *features, int64_t hidden, const float *weight, const float *bias, int64_t blocks) {
    float maximum = -__builtin_inff();
    for (int64_t j = 0; j < blocks; j++, weight += hidden * BLOCK, bias += BLOCK) {
        MULTIPLY(1)
        for (int c = 0; c < COLS; c++) {
            float local = largest(acc[0][c]);
            maximum = local > maximum ? local : maximum;
        }
    }
    return maximum;
}

/* Finds the first token whose cumulative weight exceeds the target; if rounding leaves none, the last with weight. */
static int64_t pick(const float *features, int64_t hidden, const float *weight, const float *bias, int64_t blocks,
                    float shift, const float *sums, double target) {
    double before = 0;
    int64_t block = 0, j = 0;
    for (; j < blocks && before + sums[j] <= target; before += sums[j++])
        if (sums[j] > 0) block = j;
    if (j < blocks) block = j;
    else before -= sums[block];
    weight += block * hidden * BLOCK;
    bias += block * BLOCK;
    MULTIPLY(1)
    int64_t token = 0;
    for (int c = 0; c < COLS; c++) {
        vec e = exponential(acc[0][c] - shift);
        for (int i = 0; i < LANES; i++) {
            if (e[i] > 0) token = c * LANES + i;
            before += e[i];
            if (before > target) return block * BLOCK + token;
        }
    }
    return block * BLOCK + token;
}

/* Computes for each row the outputs that are not NULL:
 *   tokens [rows]: the token at the row's uniform number, in [0,1), of the inverse CDF;
 *   normalizers [rows]: the log of the sum of all exponentiated logits.
 * Inputs: features [rows,hidden], weight [blocks,hidden,BLOCK], bias [blocks*BLOCK], uniforms [rows].
 *   shifted: subtract each row's largest logit before exponentiating.
 *   scratch: [threads,PANEL,blocks+hidden].
 * A row equal to the one before it, such as the first step of several completions of one prefix, reuses its sums. */
void textgan_linear_sample(const float *features, int64_t rows, int64_t hidden, const float *weight, const float *bias,
                           int64_t blocks, int32_t shifted, const float *uniforms, int64_t *tokens, float *normalizers,
                           float *scratch, int32_t threads) {
    int64_t panels = (rows + PANEL - 1) / PANEL, each = (panels + threads - 1) / threads;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int32_t worker = 0; worker < threads; worker++) {
        float *sums = scratch + worker * PANEL * (blocks + hidden), *unique = sums + PANEL * blocks;
        float shift[PANEL] = {0};
        for (int64_t panel = worker * each; panel < (worker + 1) * each && panel < panels; panel++) {
            int64_t first = panel * PANEL, count = rows - first < PANEL ? rows - first : PANEL;
            int64_t unique_count = 0, unique_row[PANEL];
            for (int64_t r = 0; r < count; r++) {
                const float *row = features + (first + r) * hidden;
                if (!r || memcmp(row, row - hidden, hidden * sizeof(float)))
                    memcpy(unique + unique_count++ * hidden, row, hidden * sizeof(float));
                unique_row[r] = unique_count - 1;
            }
            for (int64_t d = 0; shifted && d < unique_count; d++)
                shift[d] = top(unique + d * hidden, hidden, weight, bias, blocks);
            for (int64_t j = 0; j < blocks; j++) {
                const float *w = weight + j * hidden * BLOCK, *b = bias + j * BLOCK;
                int64_t d = 0;
                for (; d + ROWS <= unique_count; d += ROWS)
                    tile(unique + d * hidden, hidden, w, b, shift + d, sums + d * blocks + j, blocks);
                for (; d < unique_count; d++)
                    line(unique + d * hidden, hidden, w, b, shift + d, sums + d * blocks + j, blocks);
            }
            for (int64_t r = 0; r < count; r++) {
                const float *row_sums = sums + unique_row[r] * blocks;
                float row_shift = shift[unique_row[r]];
                double total = 0;
                for (int64_t j = 0; j < blocks; j++) total += row_sums[j];
                if (normalizers) normalizers[first + r] = (float)log(total) + row_shift;
                if (tokens)
                    tokens[first + r] = pick(unique + unique_row[r] * hidden, hidden, weight, bias, blocks, row_shift,
                                             row_sums, total * uniforms[first + r]);
            }
        }
    }
}

int32_t textgan_panel(void) { return PANEL; }
