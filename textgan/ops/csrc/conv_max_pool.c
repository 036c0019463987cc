/* Filters over the windows of sentences: each filter's largest answer in each sentence, and where it stands.
 *
 * A window is its words' vectors as they lie, so it is never copied. PILE windows, of whatever sentences, meet up to two
 * vectors of filters in registers, and no answer is written down but the largest.
 */
#include <math.h>
#include <string.h>

#include "tile.h"

enum { PILE = LANES == 16 ? 12 : 6, PAIR = 2 * LANES };

typedef int32_t loose_ints __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

/* Windows that wait for their answers. */
typedef struct {
    const float *from[PILE];
    float *best[PILE];
    int32_t *place[PILE], at[PILE];
    int count;
} pile;

/* The windows' answers to `cols` vectors of filters, packed [size][cols][LANES], are compared with the largest so far. */
#define COMPARE(name, cols)                                                                                        \
    static __attribute__((noinline)) void name(pile *p, const float *weight, int64_t size) {                       \
        vec acc[PILE][cols];                                                                                       \
        for (int r = 0; r < PILE; r++)                                                                             \
            for (int c = 0; c < cols; c++) acc[r][c] = (vec){0};                                                   \
        for (int r = p->count; r < PILE; r++) p->from[r] = p->from[0];                                             \
        for (int64_t k = 0; k < size; k++) {                                                                       \
            vec w[cols];                                                                                           \
            for (int c = 0; c < cols; c++) w[c] = *(const loose *)(weight + (k * cols + c) * LANES);               \
            for (int r = 0; r < PILE; r++) {                                                                       \
                vec h = all(p->from[r][k]);                                                                        \
                for (int c = 0; c < cols; c++) acc[r][c] += h * w[c];                                              \
            }                                                                                                      \
        }                                                                                                          \
        vec answers[PILE][cols];                                                                                   \
        for (int r = 0; r < PILE; r++)                                                                             \
            for (int c = 0; c < cols; c++) answers[r][c] = acc[r][c];                                              \
        for (int r = 0; r < p->count; r++)                                                                         \
            for (int c = 0; c < cols; c++) larger(answers[r][c], p->at[r], p->best[r] + c * LANES, p->place[r] + c * LANES); \
        p->count = 0;                                                                                              \
    }

/* The first of equal answers stays. A NaN is passed on. */
static inline void larger(vec answer, int32_t at, float *best, int32_t *place) {
    vec top = *(loose *)best;
    ints higher = (answer > top) | (answer != answer), here = (ints){0} + at;
    *(loose *)best = (vec)(((ints)answer & higher) | ((ints)top & ~higher));
    *(loose_ints *)place = (here & higher) | (*(loose_ints *)place & ~higher);
}
COMPARE(compare_one, 1)
COMPARE(compare_two, 2)

/* Some filters [some,size] -> [size][cols][LANES], with zeros for those that are missing. */
static void pack(const float *weight, int64_t size, int64_t some, int64_t cols, float *packed) {
    if (some < cols * LANES) memset(packed, 0, size * cols * LANES * sizeof(float));
    for (int64_t k = 0; k < size; k++)
        for (int64_t i = 0; i < some; i++) packed[k * cols * LANES + i] = weight[i * size + k];
}

/* Filters of one width [some,size], PAIR at most, over sentences: the largest answer of each over the windows that count,
 * and its first place, go to best and place [count,PAIR], of which the last columns mean nothing. */
static void block(const float *words, const float *weight, const int64_t *lengths, float *best, int32_t *place, float *packed,
                  int64_t count, int64_t length, int64_t embed, int64_t some, int64_t size) {
    int64_t width = size / embed;
    pile p = {.count = 0};
    void (*compare)(pile *, const float *, int64_t) = some > LANES ? compare_two : compare_one;
    pack(weight, size, some, some > LANES ? 2 : 1, packed);
    for (int64_t b = 0; b < count; b++) {
        int64_t windows = lengths[b] > width ? lengths[b] - width + 1 : 1;
        for (int64_t i = 0; i < PAIR; i++) best[b * PAIR + i] = -INFINITY, place[b * PAIR + i] = 0;
        for (int64_t s = 0; s < windows; s++) {
            p.from[p.count] = words + (b * length + s) * embed;
            p.best[p.count] = best + b * PAIR;
            p.place[p.count] = place + b * PAIR;
            p.at[p.count] = (int32_t)s;
            if (++p.count == PILE) compare(&p, packed, size);
        }
    }
    if (p.count) compare(&p, packed, size);
}

static inline int64_t blocks(int64_t filters) { return (filters + PAIR - 1) / PAIR; }

/* words [rows,length,embed] and filters of `banks` widths, each weights[k] [filters[k],sizes[k]], a size being a width
 * times embed -> best and place [rows,columns], one bank behind another: filters' largest answer over the windows that lie
 * inside their sentence or begin it, and its first place. scratch: for each thread, PAIR times the largest size and twice
 * the rows. */
void textgan_conv_max_pool(const float *words, const float *const *weights, const int64_t *filters, const int64_t *sizes,
                       int64_t banks, const int64_t *lengths, float *best, int32_t *place, float *scratch, int64_t rows,
                       int64_t length, int64_t embed, int64_t columns, int32_t threads) {
    int64_t units = 0, size = 0, next = 0;
    for (int64_t k = 0; k < banks; k++) units += blocks(filters[k]), size = sizes[k] > size ? sizes[k] : size;
    int64_t pieces = 4 * threads / units + 1, each = (rows + pieces - 1) / pieces;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int32_t worker = 0; worker < threads; worker++) {
        float *packed = scratch + worker * (size + 2 * rows) * PAIR, *top = packed + size * PAIR;
        int32_t *at = (int32_t *)(top + rows * PAIR);
        for (int64_t task; (task = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)) < units * pieces;) {
            int64_t first = task % pieces * each, count = rows - first < each ? rows - first : each;
            int64_t f = task / pieces, k = 0, column = 0;
            for (; f >= blocks(filters[k]); k++) f -= blocks(filters[k]), column += filters[k];
            int64_t some = filters[k] - f * PAIR < PAIR ? filters[k] - f * PAIR : PAIR;
            block(words + first * length * embed, weights[k] + f * PAIR * sizes[k], lengths + first, top, at, packed, count,
                  length, embed, some, sizes[k]);
            for (int64_t b = 0; b < count; b++) {
                int64_t to = (first + b) * columns + column + f * PAIR;
                memcpy(best + to, top + b * PAIR, some * sizeof(float));
                memcpy(place + to, at + b * PAIR, some * sizeof(int32_t));
            }
        }
    }
}
