#include "ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int64_t count_known(const float *scores, int64_t count) {
    int64_t known = 0;
    for (int64_t i = 0; i < count; i++) known += !isnan(scores[i]);
    return known;
}

/* A whole number for each float, in the same order. */
static uint32_t ordered(float score) {
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}

static float from_ordered(uint32_t number) {
    const uint32_t bits = number >> 31 ? number & 0x7fffffffu : ~number;
    float score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

/* Digit by digit: how many of those that share the answer's first bytes have which byte next? */
float largest_score(const float *scores, int64_t count, int64_t k) {
    uint32_t answer = 0, decided = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        int64_t with_byte[256] = {0};
        for (int64_t i = 0; i < count; i++) {
            const uint32_t number = ordered(scores[i]);
            if (!isnan(scores[i]) && (number & decided) == answer) with_byte[number >> shift & 255]++;
        }
        uint32_t byte = 255;
        for (; byte > 0 && with_byte[byte] < k; byte--) k -= with_byte[byte];
        answer |= byte << shift;
        decided |= 255u << shift;
    }
    return from_ordered(answer);
}

candidate *candidates_above(const float *scores, int64_t count, double least, int64_t *found) {
    int64_t number = 0;
    for (int64_t i = 0; i < count; i++) number += scores[i] >= least;
    candidate *candidates = malloc((size_t)number * sizeof *candidates);
    *found = number;
    if (!candidates) return NULL;
    number = 0;
    for (int64_t i = 0; i < count; i++)
        if (scores[i] >= least) candidates[number++].row = i;
    return candidates;
}

static int compared(const void *left, const void *right) {
    const candidate *a = left, *b = right;
    if (a->ssim != b->ssim) return a->ssim > b->ssim ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

void sort_candidates(candidate *candidates, int64_t count) {
    qsort(candidates, (size_t)count, sizeof *candidates, compared);
}
