/* The gradients of normalisers, log sum exp(weight h + bias), which are the probabilities of the words times whatever they
 * meet. Each block of words takes three products: its logits once more, features times probabilities for its weights,
 * probabilities times its weights for the features. They stay in the first cache while SHEET rows pass by.
 */
#include "tile.h"

enum { SHEET = ROWS * 10, DEEP = LANES == 16 ? 4 : 1, TALL = 6 };

/* Probabilities of some rows and one block, each times its row's gradient. */
#define WEIGH(name, rows)                                                                                          \
    static __attribute__((noinline)) void name(const float *features, int64_t hidden, const float *weight,        \
                                               const float *bias, const float *norm, const float *grad, float *to) { \
        MULTIPLY(rows)                                                                                             \
        for (int r = 0; r < rows; r++)                                                                             \
            for (int c = 0; c < COLS; c++)                                                                         \
                *(loose *)(to + r * BLOCK + c * LANES) = exponential(acc[r][c] - norm[r]) * grad[r];               \
    }
WEIGH(weigh_tile, ROWS)
WEIGH(weigh_line, 1)

/* to[k] += sum over rows of features[row][k] times the row's weights, for `deep` values of k. */
#define OUTER(name, deep)                                                                                          \
    static __attribute__((noinline)) void name(const float *weights, int64_t count, const float *features,        \
                                               int64_t hidden, float *to) {                                        \
        vec acc[deep][COLS];                                                                                       \
        for (int k = 0; k < deep; k++)                                                                             \
            for (int c = 0; c < COLS; c++) acc[k][c] = *(const loose *)(to + k * BLOCK + c * LANES);               \
        for (int64_t r = 0; r < count; r++) {                                                                      \
            vec p[COLS];                                                                                           \
            for (int c = 0; c < COLS; c++) p[c] = *(const loose *)(weights + r * BLOCK + c * LANES);               \
            for (int k = 0; k < deep; k++)                                                                         \
                for (int c = 0; c < COLS; c++) acc[k][c] += p[c] * features[r * hidden + k];                       \
        }                                                                                                          \
        for (int k = 0; k < deep; k++)                                                                             \
            for (int c = 0; c < COLS; c++) *(loose *)(to + k * BLOCK + c * LANES) = acc[k][c];                     \
    }
OUTER(outer_deep, DEEP)
OUTER(outer_one, 1)

/* to[row] += sum over a block's words of the row's weight times the word's vector: `cols` vectors of lanes. */
#define INNER(name, rows, cols)                                                                                    \
    static __attribute__((noinline)) void name(const float *weights, const float *vectors, int64_t wide, float *to) { \
        vec acc[rows][cols];                                                                                       \
        for (int r = 0; r < rows; r++)                                                                             \
            for (int c = 0; c < cols; c++) acc[r][c] = *(const loose *)(to + r * wide + c * LANES);                \
        for (int v = 0; v < BLOCK; v++) {                                                                          \
            vec w[cols];                                                                                           \
            for (int c = 0; c < cols; c++) w[c] = *(const loose *)(vectors + v * wide + c * LANES);                \
            for (int r = 0; r < rows; r++)                                                                         \
                for (int c = 0; c < cols; c++) acc[r][c] += w[c] * weights[r * BLOCK + v];                         \
        }                                                                                                          \
        for (int r = 0; r < rows; r++)                                                                             \
            for (int c = 0; c < cols; c++) *(loose *)(to + r * wide + c * LANES) = acc[r][c];                      \
    }
INNER(inner_tall_two, TALL, 2)
INNER(inner_tall_one, TALL, 1)
INNER(inner_line_two, 1, 2)
INNER(inner_line_one, 1, 1)

/* Gradients of the sum of grad [rows] times the normalisers norm [rows]; features, weight and bias as above.
 *
 * vectors [blocks*BLOCK,wide] are the words' weights once more, by words, `wide` a multiple of LANES. to_weight
 * [blocks,hidden+1,BLOCK] is packed as the weights are, with the bias behind; it must be zeros, and to_features
 * [threads,rows,wide], each worker's part of the sum, too. */
void textgan_slopes(const float *features, int64_t rows, int64_t hidden, const float *weight, const float *bias,
                            int64_t blocks, const float *vectors, int64_t wide, const float *norm, const float *grad,
                            float *to_features, float *to_weight, int32_t threads) {
    int64_t each = (blocks + threads - 1) / threads;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int32_t worker = 0; worker < threads; worker++) {
        float sheet[SHEET * BLOCK], *mine = to_features + worker * rows * wide;
        for (int64_t j = worker * each; j < (worker + 1) * each && j < blocks; j++) {
            const float *w = weight + j * hidden * BLOCK, *b = bias + j * BLOCK, *v = vectors + j * BLOCK * wide;
            float *to = to_weight + j * (hidden + 1) * BLOCK;
            for (int64_t first = 0; first < rows; first += SHEET) {
                int64_t count = rows - first < SHEET ? rows - first : SHEET, r = 0, k = 0;
                const float *f = features + first * hidden, one = 1;
                for (; r + ROWS <= count; r += ROWS)
                    weigh_tile(f + r * hidden, hidden, w, b, norm + first + r, grad + first + r, sheet + r * BLOCK);
                for (; r < count; r++)
                    weigh_line(f + r * hidden, hidden, w, b, norm + first + r, grad + first + r, sheet + r * BLOCK);
                for (; k + DEEP <= hidden; k += DEEP) outer_deep(sheet, count, f + k, hidden, to + k * BLOCK);
                for (; k < hidden; k++) outer_one(sheet, count, f + k, hidden, to + k * BLOCK);
                outer_one(sheet, count, &one, 0, to + hidden * BLOCK);
                for (k = 0; k + 2 * LANES <= wide; k += 2 * LANES) {
                    for (r = 0; r + TALL <= count; r += TALL)
                        inner_tall_two(sheet + r * BLOCK, v + k, wide, mine + (first + r) * wide + k);
                    for (; r < count; r++) inner_line_two(sheet + r * BLOCK, v + k, wide, mine + (first + r) * wide + k);
                }
                for (; k < wide; k += LANES) {
                    for (r = 0; r + TALL <= count; r += TALL)
                        inner_tall_one(sheet + r * BLOCK, v + k, wide, mine + (first + r) * wide + k);
                    for (; r < count; r++) inner_line_one(sheet + r * BLOCK, v + k, wide, mine + (first + r) * wide + k);
                }
            }
        }
    }
}

int32_t textgan_lanes(void) { return LANES; }
