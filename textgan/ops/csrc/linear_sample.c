/* Draws words from softmax(weight h + bias), and sums its terms, without ever writing the logits down.
 *
 * One pass of matrix products stays in registers: a tile of ROWS rows by BLOCK words is multiplied, exponentiated and
 * summed to one number a block and row. The block is then found by its cumulative sum, and the word inside it by
 * multiplying that one block again. The weights come packed, [blocks][hidden][BLOCK], so that a tile reads them in order;
 * a block's weights stay in the first cache while PANEL rows pass by.
 */
#include <math.h>
#include <string.h>

#include "tile.h"

enum { PANEL = ROWS * 20 };

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
void textgan_linear_sample(const float *features, int64_t rows, int64_t hidden, const float *weight, const float *bias,
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
