#include "sums.h"

#include <math.h>
#include <string.h>

/* Pairwise summation: halves down to blocks, and eight sums side by side in each. Its error grows with log n. Longer
 * sums are sums of pieces: the order is that of NumPy 1, and answers keep their last bit. */
enum { PIECE = 8192, BLOCK = 128, SIDE_BY_SIDE = 8 };

static double sum_of_block(const double *v, int64_t count) {
    double r[SIDE_BY_SIDE], sum = 0;
    int64_t i = 0;
    if (count >= SIDE_BY_SIDE) {
        memcpy(r, v, sizeof r);
        for (i = SIDE_BY_SIDE; i < count - count % SIDE_BY_SIDE; i += SIDE_BY_SIDE)
            for (int j = 0; j < SIDE_BY_SIDE; j++) r[j] += v[i + j];
        sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    }
    for (; i < count; i++) sum += v[i];
    return sum;
}

static int64_t first_half(int64_t count) { return count / 2 - count / 2 % SIDE_BY_SIDE; }

static double sum_of_piece(const double *v, int64_t count) {
    if (count <= BLOCK) return sum_of_block(v, count);
    const int64_t half = first_half(count);
    return sum_of_piece(v, half) + sum_of_piece(v + half, count - half);
}

double sum_of_doubles(const double *v, int64_t count) {
    double sum = 0;
    for (; count > PIECE; v += PIECE, count -= PIECE) sum += sum_of_piece(v, PIECE);
    return sum + sum_of_piece(v, count);
}

/* Takes the next `count` known scores, and leaves `*next` behind them. */
static double sum_of_next(const float **next, int64_t count) {
    if (count > BLOCK) {
        const double first = sum_of_next(next, first_half(count));
        return first + sum_of_next(next, count - first_half(count));
    }
    double block[BLOCK];
    for (int64_t i = 0; i < count; ++*next)
        if (!isnan(**next)) block[i++] = **next;
    return sum_of_block(block, count);
}

double sum_of_scores(const float *scores, int64_t known) {
    double sum = 0;
    for (; known > PIECE; known -= PIECE) sum += sum_of_next(&scores, PIECE);
    return sum + sum_of_next(&scores, known);
}

/* Where bin i begins. */
static double edge(int i, int bin_count) { return i * (2.0 / bin_count) - 1; }

static int bin_of(double score, int bin_count) {
    if (score >= 1) return bin_count - 1;
    if (score <= -1) return 0;
    int i = (int)((score + 1) / 2 * bin_count);
    if (i == bin_count) i--;
    /* Rounding may have led to a neighbour. */
    if (score < edge(i, bin_count)) return i - 1;
    return i + 1 < bin_count && score >= edge(i + 1, bin_count) ? i + 1 : i;
}

void count_scores(const float *scores, int64_t count, int64_t *bins, int bin_count) {
    memset(bins, 0, (size_t)bin_count * sizeof *bins);
    for (int64_t i = 0; i < count; i++)
        if (!isnan(scores[i])) bins[bin_of(scores[i], bin_count)]++;
}
