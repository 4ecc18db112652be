/* The scan: every SSIM of some queries to some tiles, in float32. scan.c is compiled once for each target. */
#ifndef ANIMEGAN_SCAN_H
#define ANIMEGAN_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/target.h"

enum { TILE = 16 }; /* images side by side in memory */

/* One window of a query, as tables.h explains it. */
typedef struct { float mean, rest, slope, power, spread; } window_table;

typedef struct {
    const int8_t *tiles;         /* [T, C, H, W, 16] */
    const float *pixels;         /* [Q, C, H, W] */
    const window_table *windows; /* [Q, C, windows down, windows across] */
    const float *tap_sums;       /* of a Gaussian's weights, from the edge to beside the centre; NULL: uniform windows */
    float *const *scores;        /* [Q][images] */
    int64_t first_tile, end_tile, images, queries; /* images: of all tiles; the last one's other lanes are padding */
    int32_t channels, height, width, window;
    float luminance, contrast;   /* constants beside the means' product and beside the covariance */
} scan_job;

/* false: no memory. */
FOR_EACH_TARGET(bool, scan, (const scan_job *job));

typedef struct {
    const char *name; /* "avx512", "avx2" or "portable" */
    target target;
    bool (*scan)(const scan_job *job);
} scan_target;

/* The target of this name, or the fastest where it is NULL; NULL: this processor does not run it, or there is none. */
const scan_target *scan_target_called(const char *name);

#endif
