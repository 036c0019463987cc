/* The gradients of filters that each answer at one place of each sentence, their strongest: sums of a few windows and
 * weights, which as products of matrices would be mostly zeros.
 */
#include <stdint.h>
#include <string.h>

enum { AT_ONCE = 4, NEAR = 5000 };

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

/* words [rows,length,embed], place and slope [rows,filters] -> to_weight [filters,size], size = width * embed. */
void textgan_winners_weight(const float *words, const int32_t *place, const float *slope, float *to_weight,
                            int64_t rows, int64_t length, int64_t embed, int64_t filters, int64_t size, int32_t threads) {
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t f = 0; f < filters; f++) {
        const float *from[AT_ONCE];
        float g[AT_ONCE], *to = to_weight + f * size;
        int count = 0;
        memset(to, 0, size * sizeof(float));
        for (int64_t b = 0; b < rows; b++) {
            if (slope[b * filters + f] == 0) continue;
            g[count] = slope[b * filters + f];
            from[count++] = words + (b * length + place[b * filters + f]) * embed;
            if (count == AT_ONCE) add(to, from, g, count, size), count = 0;
        }
        if (count) add(to, from, g, count, size);
    }
}

/* weight [filters,size], place and slope [rows,filters] -> to_words [rows,length,embed]. Sentences of NEAR numbers in all
 * stay in the first cache while all filters pass by. */
void textgan_winners_words(const float *weight, const int32_t *place, const float *slope, float *to_words,
                           int64_t rows, int64_t length, int64_t embed, int64_t filters, int64_t size, int32_t threads) {
    int64_t each = (rows + threads - 1) / threads, near = NEAR / (length * embed) + 1;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int32_t worker = 0; worker < threads; worker++) {
        int64_t end = (worker + 1) * each < rows ? (worker + 1) * each : rows;
        for (int64_t first = worker * each; first < end; first += near) {
            int64_t last = first + near < end ? first + near : end;
            memset(to_words + first * length * embed, 0, (last - first) * length * embed * sizeof(float));
            for (int64_t f = 0; f < filters; f++) {
                const float *from = weight + f * size;
                for (int64_t b = first; b < last; b++) {
                    float g = slope[b * filters + f];
                    if (g != 0) add(to_words + (b * length + place[b * filters + f]) * embed, &from, &g, 1, size);
                }
            }
        }
    }
}
