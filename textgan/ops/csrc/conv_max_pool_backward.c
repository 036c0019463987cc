/* Sparse backward pass of max pooling: only the window with a filter's largest activation has a gradient.
 *
 * The gradients are sums over few windows or filters; as matrix products they would be mostly zeros. Filters come in
 * groups of one width, weights[k] [filters[k],sizes[k]], sizes[k] = width * embed. argmax and grad are [rows,columns];
 * the columns of the groups follow one another.
 */
#include <stdint.h>
#include <string.h>

enum { AT_ONCE = 4, CACHED = 5000, COLUMNS_AT_ONCE = 8 };

/* to[i] += sum of g[j] from[j][i] */
#define ADD(count)                                                \
    for (int64_t i = 0; i < size; i++) {                          \
        float sum = to[i];                                        \
        for (int j = 0; j < count; j++) sum += g[j] * from[j][i]; \
        to[i] = sum;                                              \
    }

static void add(float *restrict to, const float *const *from, const float *g, int count, int64_t size) {
    if (count == AT_ONCE) ADD(AT_ONCE)
    else ADD(count)
}

/* Computes the gradient of one filter, `size` numbers; argmax and grad point to its column. */
static void filter(const float *embedded, const int32_t *argmax, const float *grad, float *to, int64_t rows,
                   int64_t length, int64_t embed, int64_t columns, int64_t size) {
    const float *from[AT_ONCE];
    float g[AT_ONCE];
    int count = 0;
    memset(to, 0, size * sizeof(float));
    for (int64_t b = 0; b < rows; b++) {
        if (grad[b * columns] == 0) continue;
        g[count] = grad[b * columns];
        from[count++] = embedded + (b * length + argmax[b * columns]) * embed;
        if (count == AT_ONCE) add(to, from, g, count, size), count = 0;
    }
    if (count) add(to, from, g, count, size);
}

/* Writes the gradients of the filters to to_weights, which has the layout of the weights. */
void textgan_conv_max_pool_backward_filters(const float *embedded, const int32_t *argmax, const float *grad,
                                            float *const *to_weights, const int64_t *filters, const int64_t *sizes,
                                            int64_t groups, int64_t rows, int64_t length, int64_t embed,
                                            int64_t columns, int32_t threads) {
    int64_t next = 0;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int32_t worker = 0; worker < threads; worker++)
        for (int64_t first; (first = __atomic_fetch_add(&next, COLUMNS_AT_ONCE, __ATOMIC_RELAXED)) < columns;)
            for (int64_t column = first; column < first + COLUMNS_AT_ONCE && column < columns; column++) {
                int64_t f = column, k = 0;
                for (; f >= filters[k]; k++) f -= filters[k];
                filter(embedded, argmax + column, grad + column, to_weights[k] + f * sizes[k], rows, length, embed,
                       columns, sizes[k]);
            }
}

/* Writes the gradient of embedded to to_embedded [rows,length,embed]. Sequences of CACHED numbers in all stay in the L1
 * cache while all filters are processed. */
void textgan_conv_max_pool_backward_embedded(const float *const *weights, const int32_t *argmax, const float *grad,
                                             float *to_embedded, const int64_t *filters, const int64_t *sizes,
                                             int64_t groups, int64_t rows, int64_t length, int64_t embed,
                                             int64_t columns, int32_t threads) {
    int64_t next = 0, rows_at_once = CACHED / (length * embed) + 1;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int32_t worker = 0; worker < threads; worker++)
        for (int64_t first; (first = __atomic_fetch_add(&next, rows_at_once, __ATOMIC_RELAXED)) < rows;) {
            int64_t last = first + rows_at_once < rows ? first + rows_at_once : rows, column = 0;
            memset(to_embedded + first * length * embed, 0, (last - first) * length * embed * sizeof(float));
            for (int64_t k = 0; k < groups; k++)
                for (int64_t f = 0; f < filters[k]; f++, column++) {
                    const float *from = weights[k] + f * sizes[k];
                    for (int64_t b = first; b < last; b++) {
                        float g = grad[b * columns + column];
                        float *to = to_embedded + (b * length + argmax[b * columns + column]) * embed;
                        if (g != 0) add(to, &from, &g, 1, sizes[k]);
                    }
                }
        }
}
