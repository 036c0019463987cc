/* The gradients of filters that each answer at one place of each sentence, their strongest: sums of a few windows and
 * weights, which as products of matrices would be mostly zeros.
 *
 * Filters come in banks of one width, weights[k] [filters[k],sizes[k]], a size being a width times embed; place and slope
 * are [rows,columns], one bank behind another.
 */
#include <stdint.h>
#include <string.h>

enum { AT_ONCE = 4, NEAR = 5000, SOME = 8 };

/* to[i] += sum of g[j] from[j][i] */
#define ADD(count)                                              \
    for (int64_t i = 0; i < size; i++) {                        \
        float sum = to[i];                                      \
        for (int j = 0; j < count; j++) sum += g[j] * from[j][i]; \
        to[i] = sum;                                            \
    }

static void add(float *restrict to, const float *const *from, const float *g, int count, int64_t size) {
    if (count == AT_ONCE) ADD(AT_ONCE)
    else ADD(count)
}

/* The gradient of one filter, `size` numbers; place and slope are its column. */
static void filter(const float *words, const int32_t *place, const float *slope, float *to, int64_t rows, int64_t length,
                   int64_t embed, int64_t columns, int64_t size) {
    const float *from[AT_ONCE];
    float g[AT_ONCE];
    int count = 0;
    memset(to, 0, size * sizeof(float));
    for (int64_t b = 0; b < rows; b++) {
        if (slope[b * columns] == 0) continue;
        g[count] = slope[b * columns];
        from[count++] = words + (b * length + place[b * columns]) * embed;
        if (count == AT_ONCE) add(to, from, g, count, size), count = 0;
    }
    if (count) add(to, from, g, count, size);
}

/* words [rows,length,embed] -> to_weights, as the weights. */
void textgan_conv_max_pool_backward_filters(const float *words, const int32_t *place, const float *slope, float *const *to_weights,
                            const int64_t *filters, const int64_t *sizes, int64_t banks, int64_t rows, int64_t length,
                            int64_t embed, int64_t columns, int32_t threads) {
    int64_t next = 0;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int32_t worker = 0; worker < threads; worker++)
        for (int64_t first; (first = __atomic_fetch_add(&next, SOME, __ATOMIC_RELAXED)) < columns;)
            for (int64_t column = first; column < first + SOME && column < columns; column++) {
                int64_t f = column, k = 0;
                for (; f >= filters[k]; k++) f -= filters[k];
                filter(words, place + column, slope + column, to_weights[k] + f * sizes[k], rows, length, embed, columns,
                       sizes[k]);
            }
}

/* -> to_words [rows,length,embed]. Sentences of NEAR numbers in all stay in the first cache while all filters pass by. */
void textgan_conv_max_pool_backward_embedded(const float *const *weights, const int32_t *place, const float *slope, float *to_words,
                           const int64_t *filters, const int64_t *sizes, int64_t banks, int64_t rows, int64_t length,
                           int64_t embed, int64_t columns, int32_t threads) {
    int64_t next = 0, near = NEAR / (length * embed) + 1;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int32_t worker = 0; worker < threads; worker++)
        for (int64_t first; (first = __atomic_fetch_add(&next, near, __ATOMIC_RELAXED)) < rows;) {
            int64_t last = first + near < rows ? first + near : rows, column = 0;
            memset(to_words + first * length * embed, 0, (last - first) * length * embed * sizeof(float));
            for (int64_t k = 0; k < banks; k++)
                for (int64_t f = 0; f < filters[k]; f++, column++) {
                    const float *from = weights[k] + f * sizes[k];
                    for (int64_t b = first; b < last; b++) {
                        float g = slope[b * columns + column];
                        float *to = to_words + (b * length + place[b * columns + column]) * embed;
                        if (g != 0) add(to, &from, &g, 1, sizes[k]);
                    }
                }
        }
}
