/* Convolution over the windows of token sequences with max pooling, from a table of each token's contribution per tap.
 *
 * A table holds LANES filters of one width, [tokens][width][LANES], so that it stays in the L2 cache while all
 * sequences are processed. A sequence that shares a prefix with the one before it, as completions of one prefix do,
 * reuses the maxima over that prefix.
 */
#include <stdint.h>

enum { LANES = 16, AT_ONCE = 4 };

typedef float vec __attribute__((vector_size(LANES * 4)));
typedef float loose __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(LANES * 4)));

static inline vec larger(vec a, vec b) {
    ints greater = a > b;
    return (vec)(((ints)a & greater) | ((ints)b & ~greater));
}

/* Sets best[s], for s >= from, to the largest activation over the windows 0 to s. Windows lie inside the sequence; a
 * sequence shorter than the filter has only window 0, to which the missing tokens add nothing. */
static void sequence_max(const float *table, int64_t width, const int32_t *tokens, int64_t count, int64_t from,
                         vec *best) {
    int64_t windows = count > width ? count - width + 1 : 1, s = from;
#define TAP(start, k) (*(const loose *)(table + ((int64_t)tokens[(start) + (k)] * width + (k)) * LANES))
    for (; s + AT_ONCE <= windows; s += AT_ONCE) {
        vec activation[AT_ONCE] = {0};
        for (int64_t k = 0; k < width; k++)
            for (int j = 0; j < AT_ONCE; j++) activation[j] += TAP(s + j, k);
        for (int j = 0; j < AT_ONCE; j++) best[s + j] = s + j ? larger(activation[j], best[s + j - 1]) : activation[j];
    }
    for (; s < windows; s++) {
        vec activation = {0};
        for (int64_t k = 0; k < width && s + k < count; k++) activation += TAP(s, k);
        best[s] = s ? larger(activation, best[s - 1]) : activation;
    }
}

/* Writes relu(largest activation + bias) of sequence r to out[order[r] * stride], `filters` numbers.
 *   tokens [rows,length]: sequence r has counts[r] tokens, of which the first shared[r] equal those of sequence r - 1.
 *   scratch: [threads,length,LANES]. */
void textgan_embedding_conv(const float *table, int64_t width, const float *bias, const int32_t *tokens,
                            const int32_t *counts, const int32_t *shared, const int64_t *order, int64_t rows,
                            int64_t length, float *out, int64_t stride, int64_t filters, float *scratch,
                            int32_t threads) {
    int64_t each = (rows + threads - 1) / threads;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int32_t worker = 0; worker < threads; worker++) {
        vec *best = (vec *)scratch + worker * length;
        for (int64_t r = worker * each; r < (worker + 1) * each && r < rows; r++) {
            int64_t reused = r > worker * each ? shared[r] - width + 1 : 0, count = counts[r];
            sequence_max(table, width, tokens + r * length, count, reused > 0 ? reused : 0, best);
            vec activation = larger(best[count > width ? count - width : 0] + *(const loose *)bias, (vec){0});
            float *to = out + order[r] * stride;
            if (filters == LANES) *(loose *)to = activation;
            else for (int64_t i = 0; i < filters; i++) to[i] = activation[i];
        }
    }
}
