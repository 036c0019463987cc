/* Draws words from softmax(weight h + bias), and sums its terms, without ever writing the logits down.
 *
 * One pass of matrix products stays in registers: a tile of ROWS rows by BLOCK words is multiplied, exponentiated and
 * summed to one number a block and row. The block is then found by its cumulative sum, and the word inside it by
 * multiplying that one block again. The weights come packed, [blocks][hidden][BLOCK], so that a tile reads them in order;
 * a block's weights stay in the first cache while PANEL rows pass by.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVX512F__
enum { LANES = 16, ROWS = 4 };
#else
enum { LANES = 8, ROWS = 2 };
#endif
enum { COLS = 64 / LANES, BLOCK = 64, PANEL = ROWS * 20 };

typedef float vec __attribute__((vector_size(LANES * 4)));
typedef float loose __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(LANES * 4)));

static inline vec all(float x) { return x - (vec){0}; }

/* exp, 2^power times a polynomial that is within 8e-8 of it, fitted for this; exactly 0 below -87, where floats end. */
static inline vec exponential(vec x) {
    ints kept = x > all(-87.0f);
    vec round = x * 1.44269504f + 12582912.0f;
    ints power = (ints)round << 23;
    vec f = x - (round - 12582912.0f) * 0.69314718f;
    vec p = f * 8.297619339e-3f + 4.191562924e-2f;
    p = p * f + 1.666757654e-1f;
    p = p * f + 4.999889266e-1f;
    p = p * f + 9.999996911e-1f;
    p = p * f + 1.000000072f;
    return (vec)(((ints)p + power) & kept);
}

/* Halves are added to halves: the fewest instructions, and the same order on every machine with LANES lanes. */
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
    float most = x[0];
    for (int i = 1; i < LANES; i++) most = x[i] > most ? x[i] : most;
    return most;
}

/* The logits of `rows` rows and one block of words, in acc. */
#define MULTIPLY(rows)                                                                   \
    vec acc[rows][COLS];                                                                 \
    for (int r = 0; r < rows; r++)                                                       \
        for (int c = 0; c < COLS; c++) acc[r][c] = *(const loose *)(bias + c * LANES);   \
    for (int64_t k = 0; k < hidden; k++) {                                               \
        vec w[COLS];                                                                     \
        for (int c = 0; c < COLS; c++) w[c] = *(const loose *)(weight + k * BLOCK + c * LANES); \
        for (int r = 0; r < rows; r++) {                                                 \
            vec h = all(features[r * hidden + k]);                                       \
            for (int c = 0; c < COLS; c++) acc[r][c] += h * w[c];                        \
        }                                                                                \
    }

#define TILE(name, rows)                                                                                          \
    static __attribute__((noinline)) void name(const float *features, int64_t hidden, const float *weight,       \
                                               const float *bias, const float *shift, float *sums, int64_t stride) { \
        MULTIPLY(rows)                                                                                            \
        for (int r = 0; r < rows; r++) {                                                                          \
            vec s = (vec){0};                                                                                     \
            for (int c = 0; c < COLS; c++) s += exponential(acc[r][c] - shift[r]);                                \
            sums[r * stride] = sum(s);                                                                            \
        }                                                                                                         \
    }
TILE(tile, ROWS)
TILE(line, 1)

static float top(const float *features, int64_t hidden, const float *weight, const float *bias, int64_t blocks) {
    float most = -__builtin_inff();
    for (int64_t j = 0; j < blocks; j++, weight += hidden * BLOCK, bias += BLOCK) {
        MULTIPLY(1)
        for (int c = 0; c < COLS; c++) {
            float here = largest(acc[0][c]);
            most = here > most ? here : most;
        }
    }
    return most;
}

/* The first word whose cumulative weight exceeds the target; where rounding leaves none, the last that weighs. */
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
    int64_t word = 0;
    for (int c = 0; c < COLS; c++) {
        vec e = exponential(acc[0][c] - shift);
        for (int i = 0; i < LANES; i++) {
            if (e[i] > 0) word = c * LANES + i;
            before += e[i];
            if (before > target) return block * BLOCK + word;
        }
    }
    return block * BLOCK + word;
}

/* features [rows,hidden], weight [blocks,hidden,BLOCK], bias [blocks*BLOCK] -> what is asked for of each row:
 * words [rows], for chances [rows] in [0,1); normalisers [rows], the log of the sum of all exponentiated logits.
 * Logits are exponentiated as they are, or less their row's largest where they are `shifted`. A row like the one before
 * it, as where completions of one prefix begin, has that one's sums. scratch: [threads,PANEL,blocks+hidden]. */
void textgan_words(const float *features, int64_t rows, int64_t hidden, const float *weight, const float *bias,
                   int64_t blocks, int32_t shifted, const float *chance, int64_t *words, float *normalisers,
                   float *scratch, int32_t threads) {
    int64_t panels = (rows + PANEL - 1) / PANEL, each = (panels + threads - 1) / threads;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int32_t worker = 0; worker < threads; worker++) {
        float *sums = scratch + worker * PANEL * (blocks + hidden), *unlike = sums + PANEL * blocks;
        float shift[PANEL] = {0};
        for (int64_t panel = worker * each; panel < (worker + 1) * each && panel < panels; panel++) {
            int64_t first = panel * PANEL, count = rows - first < PANEL ? rows - first : PANEL;
            int64_t distinct = 0, like[PANEL];
            for (int64_t r = 0; r < count; r++) {
                const float *row = features + (first + r) * hidden;
                if (!r || memcmp(row, row - hidden, hidden * sizeof(float)))
                    memcpy(unlike + distinct++ * hidden, row, hidden * sizeof(float));
                like[r] = distinct - 1;
            }
            for (int64_t d = 0; shifted && d < distinct; d++)
                shift[d] = top(unlike + d * hidden, hidden, weight, bias, blocks);
            for (int64_t j = 0; j < blocks; j++) {
                const float *w = weight + j * hidden * BLOCK, *b = bias + j * BLOCK;
                int64_t d = 0;
                for (; d + ROWS <= distinct; d += ROWS)
                    tile(unlike + d * hidden, hidden, w, b, shift + d, sums + d * blocks + j, blocks);
                for (; d < distinct; d++)
                    line(unlike + d * hidden, hidden, w, b, shift + d, sums + d * blocks + j, blocks);
            }
            for (int64_t r = 0; r < count; r++) {
                const float *mine = sums + like[r] * blocks;
                float by = shift[like[r]];
                double total = 0;
                for (int64_t j = 0; j < blocks; j++) total += mine[j];
                if (normalisers) normalisers[first + r] = (float)log(total) + by;
                if (words)
                    words[first + r] = pick(unlike + like[r] * hidden, hidden, weight, bias, blocks, by, mine,
                                            total * chance[first + r]);
            }
        }
    }
}

int32_t textgan_panel(void) { return PANEL; }

/* What goes backward. The gradient of a normaliser is the probabilities, so each block of words takes three products:
 * its logits once more, features times probabilities for its weights, probabilities times its weights for the features. */
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
void textgan_words_backward(const float *features, int64_t rows, int64_t hidden, const float *weight, const float *bias,
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
