/* The part of a scan that one strip is. */
#ifndef ANIMEGAN_JOB_H
#define ANIMEGAN_JOB_H

#include "lanes.h"
#include "scan.h"

/* Some columns of one channel of the images in one register: the unit of work, small enough for the caches. */
typedef struct {
    const scan_job *job;
    const int8_t *plane; /* the channel's first row, at the first lane */
    int channel, left;   /* first column */
    int windows;         /* across the strip */
    double *totals;      /* [Q][TILE]: sums of scores */
    void *memory;        /* of the scan's own */
} strip;

INLINE const float *query_pixels(const strip *s, int64_t query, int y) {
    const scan_job *job = s->job;
    return job->pixels + ((query * job->channels + s->channel) * job->height + y) * job->width + s->left;
}

INLINE const window_table *query_windows(const strip *s, int64_t query, int top) {
    const scan_job *job = s->job;
    const int down = job->height - job->window + 1, across = job->width - job->window + 1;
    return job->windows + ((query * job->channels + s->channel) * down + top) * across + s->left;
}

INLINE const int8_t *tile_row(const strip *s, int y) {
    return s->plane + ((int64_t)y * s->job->width + s->left) * TILE;
}

/* What belongs to the references alone in a window: weighted sum of centred values, mean, spread. */
typedef struct { lanes m, mean, spread; } statistics;

/* SSIM of a window as a fraction; g is the weighted sum of its products. */
typedef struct { lanes above, below; } fraction;

INLINE fraction window_score(const scan_job *job, const window_table *t, statistics x, lanes g) {
    lanes contrast = sub_mul(sub_mul(g, x.m, all(t->mean)), x.m, all(t->rest)) + all(job->contrast);
    lanes luminance = mul_add(x.mean, all(t->slope), all(job->luminance));
    return (fraction){luminance * contrast, mul_add(x.mean, x.mean, all(t->power)) * (x.spread + all(t->spread))};
}

/* a + b with one division for both. */
INLINE lanes sum_of(fraction a, fraction b) {
    return mul_add(a.above, b.below, b.above * a.below) / (a.below * b.below);
}

#endif
