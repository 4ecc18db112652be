/* What Python calls, through ctypes: animegan_search/ssim/engine.py. */
#include <stdlib.h>

#include "engine.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT const ssim_definition *animegan_definition_called(const char *name);
EXPORT const scan_target *animegan_scan_target_called(const char *name);
EXPORT const char *animegan_scan_target_name(const scan_target *chosen);
EXPORT workers *animegan_workers_start(int threads);
EXPORT void animegan_workers_stop(workers *threads);
EXPORT int animegan_scan(workers *threads, const references *known, const uint8_t *queries, int64_t count,
                         float *scores);
EXPORT int animegan_search(workers *threads, const references *known, const uint8_t *queries, int64_t count, int64_t k,
                           found *results);
EXPORT void animegan_found_free(found *result);

const ssim_definition *animegan_definition_called(const char *name) { return definition_called(name); }

const scan_target *animegan_scan_target_called(const char *name) { return scan_target_called(name); }

const char *animegan_scan_target_name(const scan_target *chosen) { return chosen->name; }

workers *animegan_workers_start(int threads) { return workers_start(threads); }

void animegan_workers_stop(workers *threads) { workers_stop(threads); }

/* scores: [count, known->count] */
int animegan_scan(workers *threads, const references *known, const uint8_t *queries, int64_t count, float *scores) {
    float **rows = malloc((size_t)(count + 1) * sizeof *rows);
    if (!rows) return -1;
    for (int64_t i = 0; i < count; i++) rows[i] = scores + i * known->count;
    const int failed = scan_all(threads, known, queries, count, rows);
    free(rows);
    return failed;
}

int animegan_search(workers *threads, const references *known, const uint8_t *queries, int64_t count, int64_t k,
                    found *results) {
    return search(threads, known, queries, count, k, NULL, results);
}

void animegan_found_free(found *result) { found_free(result); }
