/* Filters over the windows of sentences, from a table of what each word adds at each tap: its largest answer of all.
 *
 * A table is of LANES filters of one width, [words][width][LANES], so that it stays in the second cache while all
 * sentences pass by. A sentence that begins like the one before it, as completions of one prefix do, takes over what was
 * found in their common part.
 */
#include <stdint.h>

enum { LANES = 16, AT_ONCE = 4 };

typedef float vec __attribute__((vector_size(LANES * 4)));
typedef float loose __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(LANES * 4)));

static inline vec larger(vec a, vec b) {
    ints above = a > b;
    return (vec)(((ints)a & above) | ((ints)b & ~above));
}

/* best[s], for s from `from` on, becomes the largest answer over the windows 0 to s. Windows lie inside the sentence;
 * one that is shorter than the filter has the window 0 alone, whose missing words add nothing. */
static void sentence(const float *table, int64_t width, const int32_t *words, int64_t count, int64_t from, vec *best) {
    int64_t windows = count > width ? count - width + 1 : 1, s = from;
#define TAP(start, k) (*(const loose *)(table + ((int64_t)words[(start) + (k)] * width + (k)) * LANES))
    for (; s + AT_ONCE <= windows; s += AT_ONCE) {
        vec answer[AT_ONCE] = {0};
        for (int64_t k = 0; k < width; k++)
            for (int j = 0; j < AT_ONCE; j++) answer[j] += TAP(s + j, k);
        for (int j = 0; j < AT_ONCE; j++) best[s + j] = s + j ? larger(answer[j], best[s + j - 1]) : answer[j];
    }
    for (; s < windows; s++) {
        vec answer = {0};
        for (int64_t k = 0; k < width && s + k < count; k++) answer += TAP(s, k);
        best[s] = s ? larger(answer, best[s - 1]) : answer;
    }
}

/* words [rows,length], of which each sentence has `counts`, and begins with as many words as are `shared` like the one
 * before it -> found, `filters` of row order[r] of `stride`: relu(largest answer + bias). scratch: [threads,length,LANES]. */
void textgan_embedding_conv(const float *table, int64_t width, const float *bias, const int32_t *words, const int32_t *counts,
                     const int32_t *shared, const int64_t *order, int64_t rows, int64_t length, float *found,
                     int64_t stride, int64_t filters, float *scratch, int32_t threads) {
    int64_t each = (rows + threads - 1) / threads;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int32_t worker = 0; worker < threads; worker++) {
        vec *best = (vec *)scratch + worker * length;
        for (int64_t r = worker * each; r < (worker + 1) * each && r < rows; r++) {
            int64_t known = r > worker * each ? shared[r] - width + 1 : 0, count = counts[r];
            sentence(table, width, words + r * length, count, known > 0 ? known : 0, best);
            vec answer = larger(best[count > width ? count - width : 0] + *(const loose *)bias, (vec){0});
            float *to = found + order[r] * stride;
            if (filters == LANES) *(loose *)to = answer;
            else for (int64_t i = 0; i < filters; i++) to[i] = answer[i];
        }
    }
}
