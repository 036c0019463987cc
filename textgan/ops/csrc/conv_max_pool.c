/* Convolution over the windows of embedded sequences with max pooling: the largest activation and its position.
 *
 * A window is contiguous in memory and never copied. QUEUE windows, possibly of several sequences, are multiplied with
 * up to two vectors of filters in registers; only the largest activations are stored.
 */
#include <math.h>
#include <string.h>

#include "tile.h"

enum { QUEUE = LANES == 16 ? 12 : 6, PAIR = 2 * LANES };

typedef int32_t loose_ints __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

/* Windows that wait to be multiplied. */
typedef struct {
    const float *from[QUEUE];
    float *best[QUEUE];
    int32_t *argmax[QUEUE], window[QUEUE];
    int count;
} queue;

/* Computes the activations of the queued windows for `cols` vectors of filters, packed [size][cols][LANES], and updates
 * the maxima. */
#define COMPARE(name, cols)                                                                                \
    static __attribute__((noinline)) void name(queue *p, const float *weight, int64_t size) {              \
        vec acc[QUEUE][cols];                                                                              \
        for (int r = 0; r < QUEUE; r++)                                                                    \
            for (int c = 0; c < cols; c++) acc[r][c] = (vec){0};                                           \
        for (int r = p->count; r < QUEUE; r++) p->from[r] = p->from[0];                                    \
        for (int64_t k = 0; k < size; k++) {                                                               \
            vec w[cols];                                                                                   \
            for (int c = 0; c < cols; c++) w[c] = *(const loose *)(weight + (k * cols + c) * LANES);       \
            for (int r = 0; r < QUEUE; r++) {                                                              \
                vec h = all(p->from[r][k]);                                                                \
                for (int c = 0; c < cols; c++) acc[r][c] += h * w[c];                                      \
            }                                                                                              \
        }                                                                                                  \
        vec activations[QUEUE][cols];                                                                      \
        for (int r = 0; r < QUEUE; r++)                                                                    \
            for (int c = 0; c < cols; c++) activations[r][c] = acc[r][c];                                  \
        for (int r = 0; r < p->count; r++)                                                                 \
            for (int c = 0; c < cols; c++)                                                                 \
                larger(activations[r][c], p->window[r], p->best[r] + c * LANES, p->argmax[r] + c * LANES); \
        p->count = 0;                                                                                      \
    }

/* Updates the maxima of one vector of filters. The first of equal activations stays; NaN propagates. */
static inline void larger(vec activation, int32_t window, float *best, int32_t *argmax) {
    vec top = *(loose *)best;
    ints higher = (activation > top) | (activation != activation), index = (ints){0} + window;
    *(loose *)best = (vec)(((ints)activation & higher) | ((ints)top & ~higher));
    *(loose_ints *)argmax = (index & higher) | (*(loose_ints *)argmax & ~higher);
}
COMPARE(compare_one, 1)
COMPARE(compare_two, 2)

/* Packs filters [filter_count,size] as [size][cols][LANES], with zeros for missing ones. */
static void pack(const float *weight, int64_t size, int64_t filter_count, int64_t cols, float *packed) {
    if (filter_count < cols * LANES) memset(packed, 0, size * cols * LANES * sizeof(float));
    for (int64_t k = 0; k < size; k++)
        for (int64_t i = 0; i < filter_count; i++) packed[k * cols * LANES + i] = weight[i * size + k];
}

/* Applies at most PAIR filters of one width, weight [filter_count,size], to `count` sequences. Writes each filter's
 * largest activation over the valid windows, and its first position, to best and argmax [count,PAIR]; the columns from
 * `filter_count` on are unused. */
static void block(const float *embedded, const float *weight, const int64_t *lengths, float *best, int32_t *argmax,
                  float *packed, int64_t count, int64_t length, int64_t embed, int64_t filter_count, int64_t size) {
    int64_t width = size / embed;
    queue p = {.count = 0};
    void (*compare)(queue *, const float *, int64_t) = filter_count > LANES ? compare_two : compare_one;
    pack(weight, size, filter_count, filter_count > LANES ? 2 : 1, packed);
    for (int64_t b = 0; b < count; b++) {
        int64_t windows = lengths[b] > width ? lengths[b] - width + 1 : 1;
        for (int64_t i = 0; i < PAIR; i++) best[b * PAIR + i] = -INFINITY, argmax[b * PAIR + i] = 0;
        for (int64_t s = 0; s < windows; s++) {
            p.from[p.count] = embedded + (b * length + s) * embed;
            p.best[p.count] = best + b * PAIR;
            p.argmax[p.count] = argmax + b * PAIR;
            p.window[p.count] = (int32_t)s;
            if (++p.count == QUEUE) compare(&p, packed, size);
        }
    }
    if (p.count) compare(&p, packed, size);
}

static inline int64_t blocks(int64_t filters) { return (filters + PAIR - 1) / PAIR; }

/* Writes each filter's largest activation, and its first position, to best and argmax [rows,columns].
 *   embedded [rows,length,embed];
 *   weights[k] [filters[k],sizes[k]], for k < groups: the filters of one width, sizes[k] = width * embed. The columns
 *   of the groups follow one another.
 * A window counts if it lies inside its sequence; the first one always does.
 *   scratch: for each thread, PAIR * (largest size + 2 * rows). */
void textgan_conv_max_pool(const float *embedded, const float *const *weights, const int64_t *filters,
                           const int64_t *sizes, int64_t groups, const int64_t *lengths, float *best, int32_t *argmax,
                           float *scratch, int64_t rows, int64_t length, int64_t embed, int64_t columns,
                           int32_t threads) {
    int64_t tasks = 0, size = 0, next = 0;
    for (int64_t k = 0; k < groups; k++) tasks += blocks(filters[k]), size = sizes[k] > size ? sizes[k] : size;
    int64_t chunks = 4 * threads / tasks + 1, chunk_rows = (rows + chunks - 1) / chunks;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int32_t worker = 0; worker < threads; worker++) {
        float *packed = scratch + worker * (size + 2 * rows) * PAIR, *top = packed + size * PAIR;
        int32_t *position = (int32_t *)(top + rows * PAIR);
        for (int64_t task; (task = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)) < tasks * chunks;) {
            int64_t first = task % chunks * chunk_rows, count = rows - first < chunk_rows ? rows - first : chunk_rows;
            int64_t f = task / chunks, k = 0, column = 0;
            for (; f >= blocks(filters[k]); k++) f -= blocks(filters[k]), column += filters[k];
            int64_t filter_count = filters[k] - f * PAIR < PAIR ? filters[k] - f * PAIR : PAIR;
            block(embedded + first * length * embed, weights[k] + f * PAIR * sizes[k], lengths + first, top, position,
                  packed, count, length, embed, filter_count, sizes[k]);
            for (int64_t b = 0; b < count; b++) {
                int64_t to = (first + b) * columns + column + f * PAIR;
                memcpy(best + to, top + b * PAIR, filter_count * sizeof(float));
                memcpy(argmax + to, position + b * PAIR, filter_count * sizeof(int32_t));
            }
        }
    }
}
