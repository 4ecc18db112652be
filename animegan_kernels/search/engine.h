/* Exact search: every SSIM of some queries to all references, in one pass. */
#ifndef ANIMEGAN_ENGINE_H
#define ANIMEGAN_ENGINE_H

#include <stdint.h>

#include "definition.h"
#include "scan.h"
#include "workers.h"

enum { HISTOGRAM_BINS = 1000 }; /* equal bins over [-1, 1] */

typedef struct {
    const ssim_definition *definition;
    const scan_target *target; /* what scans; NULL: the fastest that this processor runs */
    const int8_t *tiles;       /* [T, C, H, W, 16], as tiles.py lays them out; may be mapped from a file */
    const uint8_t *alive;      /* [count] 0 or 1; NULL: all count */
    int64_t count;             /* references, those that are not alive included */
    int32_t channels, height, width; /* 1 or more; the definition's window must fit */
} references;

/* What one query found. */
typedef struct {
    int64_t k;     /* how many were found: at most as many as are alive */
    int64_t *rows; /* [k] places of the best references, best first, ties by row */
    double *ssim;  /* [k] their scores, in double precision */
    int64_t count; /* references that are alive */
    double total;  /* sum of all their scores */
    int64_t histogram[HISTOGRAM_BINS];
    float *scores; /* [references->count]; NaN for those that are not alive */
} found;

/* Searches, and fills `results` [count]; the caller frees each with found_free.
 *
 * queries: uint8 [count, H, W, C]. k: how many to find, 0 or more. scores: NULL, or float [count, references->count],
 * what another scan found within the definition's tolerance: then nothing is scanned.
 * Returns 0, or -1 where there is no memory: nothing is to be freed then. */
int search(workers *workers, const references *references, const uint8_t *queries, int64_t count, int64_t k,
           const float *scores, found *results);
void found_free(found *result);

/* Every score, alive or not: scores[q] [references->count] of each query. Returns as `search`. */
int scan_all(workers *workers, const references *references, const uint8_t *queries, int64_t count,
             float *const *scores);

#endif
