/* The scan that Python calls. This file is compiled once for each instruction set. */
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

/* SSIM of every query to every image of the tiles. Returns 0, or 1 where there is no memory. */
int scan(const scan_job *job) {
    const method way = method_of(job);
    const int across = job->width - job->window + 1, down = job->height - job->window + 1;
    const size_t totals_size = (size_t)job->queries * TILE * sizeof(double);
    const double scale = 2.0 / ((double)down * across * job->channels);
    void *memory = aligned_alloc(64, way.memory);
    double *totals = aligned_alloc(64, totals_size);
    const int failed = !memory || !totals;
    for (int64_t tile = 0; tile < job->tile_count && !failed; tile++) {
        for (int64_t i = 0; i < job->queries * TILE; i++) totals[i] = 0;
        for (int channel = 0; channel < job->channels; channel++)
            for (int left = 0; left < across; left += way.windows)
                for (int lane = 0; lane < TILE; lane += WIDTH) {
                    const size_t plane = ((size_t)tile * job->channels + channel) * job->height * job->width * TILE;
                    const int windows = across - left < way.windows ? across - left : way.windows;
                    const strip s = {job, job->tiles + plane + lane, channel, left, windows, totals + lane, memory};
                    way.strip(&s);
                }
        for (int64_t q = 0; q < job->queries; q++)
            for (int lane = 0; lane < TILE; lane++)
                job->scores[(q * job->tile_count + tile) * TILE + lane] = (float)(totals[q * TILE + lane] * scale);
    }
    free(memory), free(totals);
    return failed;
}
