/* Filters over the windows of sentences: each filter's largest answer in each sentence, and where it stands.
 *
 * A window is its words' vectors as they lie, so it is never copied. PILE windows, of whatever sentences, meet up to two
 * vectors of filters in registers, and no answer is written down but the largest.
 */
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

/* words [rows,length,embed], weight [filters,size], size = width * embed, inside [rows,length-width+1] -> best and place
 * [rows,stride]: filters' largest answer over the windows inside, and its first place. These begin as -inf and 0; stride
 * is `filters` to the next multiple of LANES. scratch: [threads,size,PAIR]. */
void textgan_strongest(const float *words, const float *weight, const uint8_t *inside, float *best, int32_t *place,
                       float *scratch, int64_t rows, int64_t length, int64_t embed, int64_t filters, int64_t size,
                       int64_t stride, int32_t threads) {
    int64_t each = (rows + threads - 1) / threads, starts = length - size / embed + 1;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int32_t worker = 0; worker < threads; worker++) {
        float *packed = scratch + worker * size * PAIR;
        for (int64_t f = 0; f < filters && worker * each < rows; f += PAIR) {
            int64_t some = filters - f < PAIR ? filters - f : PAIR;
            pile p = {.count = 0};
            void (*compare)(pile *, const float *, int64_t) = some > LANES ? compare_two : compare_one;
            pack(weight + f * size, size, some, some > LANES ? 2 : 1, packed);
            for (int64_t b = worker * each; b < (worker + 1) * each && b < rows; b++)
                for (int64_t s = 0; s < starts; s++) {
                    if (!inside[b * starts + s]) continue;
                    p.from[p.count] = words + (b * length + s) * embed;
                    p.best[p.count] = best + b * stride + f;
                    p.place[p.count] = place + b * stride + f;
                    p.at[p.count] = (int32_t)s;
                    if (++p.count == PILE) compare(&p, packed, size);
                }
            if (p.count) compare(&p, packed, size);
        }
    }
}
