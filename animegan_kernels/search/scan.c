/* This file is compiled once for each instruction set. */
#include "scan.h"

#include <stdlib.h>

#include "gaussian.h"
#include "uniform.h"

typedef struct {
    void (*strip)(const strip *);
    int windows;   /* across a strip */
    size_t memory; /* bytes */
} method;

static method method_of(const scan_job *job) {
    const size_t products = (size_t)job->queries * COLUMNS * WIDTH * sizeof(float);
    if (job->tap_sums) return (method){gaussian_strip, GAUSSIAN_STRIP, sizeof(gaussian_memory)};
    return (method){uniform_strip, STRIP, sizeof(uniform_memory) + products};
}

/* Adds the scores of a tile's windows to `totals` [Q][TILE]. */
static void scan_tile(const scan_job *job, method way, int64_t tile, double *totals, void *memory) {
    const int across = job->width - job->window + 1;
    for (int channel = 0; channel < job->channels; channel++)
        for (int left = 0; left < across; left += way.windows)
            for (int lane = 0; lane < TILE; lane += WIDTH) {
                const int64_t plane = (tile * job->channels + channel) * job->height * job->width * TILE;
                const int windows = across - left < way.windows ? across - left : way.windows;
                const strip s = {job, job->tiles + plane + lane, channel, left, windows, totals + lane, memory};
                way.strip(&s);
            }
}

bool NAME(scan)(const scan_job *job) {
    const method way = method_of(job);
    const int across = job->width - job->window + 1, down = job->height - job->window + 1;
    const double scale = 2.0 / ((double)down * across * job->channels);
    const int64_t sums = job->queries * TILE;
    void *memory = aligned_alloc(64, way.memory);
    double *totals = aligned_alloc(64, (size_t)sums * sizeof *totals);
    const bool all_there = memory && totals;
    for (int64_t tile = job->first_tile; all_there && tile < job->end_tile; tile++) {
        for (int64_t i = 0; i < sums; i++) totals[i] = 0;
        scan_tile(job, way, tile, totals, memory);
        for (int64_t i = 0; i < sums; i++) {
            const int64_t image = tile * TILE + i % TILE;
            if (image < job->images) job->scores[i / TILE][image] = (float)(totals[i] * scale);
        }
    }
    free(memory), free(totals);
    return all_there;
}
