/* Sum and histogram of scores, as NumPy computes them, to the last bit. */
#ifndef ANIMEGAN_SUMS_H
#define ANIMEGAN_SUMS_H

#include <stdint.h>

double sum_of_doubles(const double *values, int64_t count);
/* Of the `known` scores that are not NaN. */
double sum_of_scores(const float *scores, int64_t known);
/* Counts the scores that are not NaN in equal bins over [-1, 1]; what lies outside goes to the outermost. */
void count_scores(const float *scores, int64_t count, int64_t *bins, int bin_count);

#endif
