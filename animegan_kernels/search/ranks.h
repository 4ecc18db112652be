/* Who comes first. */
#ifndef ANIMEGAN_RANKS_H
#define ANIMEGAN_RANKS_H

#include <stdint.h>

typedef struct {
    int64_t row;
    double ssim;
} candidate;

int64_t count_known(const float *scores, int64_t count); /* that are not NaN */
/* The k-th largest of the known scores, 1 <= k <= their number; in time O(count). */
float largest_score(const float *scores, int64_t count, int64_t k);
/* Those who score at least `least`, in ascending order of rows; NULL: no memory. */
candidate *candidates_above(const float *scores, int64_t count, double least, int64_t *found);
/* Best first, ties by row. */
void sort_candidates(candidate *candidates, int64_t count);

#endif
