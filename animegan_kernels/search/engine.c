#include "engine.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "exact.h"
#include "ranks.h"
#include "sums.h"
#include "tables.h"

enum { QUERIES = 64 };  /* in one pass; more would push a tile's statistics out of the caches */
enum { TILES = 8 };     /* at a time: so few that all threads end together */
enum { MOST_TAPS = 16 }; /* of half a window */

static picture_shape shape_of(const references *r) {
    return (picture_shape){r->definition, r->channels, r->height, r->width};
}

/* Whether no size that is computed from these numbers can be too large for an int64. */
static bool sizes_fit(const references *r, int64_t count) {
    int64_t values, all;
    return !__builtin_mul_overflow((int64_t)r->height * r->width, r->channels * (int64_t)TILE, &values) &&
           !__builtin_mul_overflow(values, (int64_t)(QUERIES * sizeof(window_table)), &all) &&
           !__builtin_mul_overflow(values, r->count / TILE + 1, &all) &&
           !__builtin_mul_overflow(r->count + TILE, (int64_t)sizeof(candidate), &all) &&
           !__builtin_mul_overflow(count, values, &all);
}

/* At most QUERIES queries. */
typedef struct {
    const references *references;
    picture_shape shape;
    const uint8_t *queries;
    float *pixels;         /* [Q, C, H, W] */
    window_table *windows; /* [Q, C, down, across] */
    scan_job job;
    bool (*scan)(const scan_job *);
    atomic_bool failed;
} pass;

static void fill_one(void *data, int64_t i) {
    pass *p = data;
    const int64_t values = values_of(&p->shape), windows = windows_of(&p->shape);
    if (fill_tables(&p->shape, p->queries + i * values, p->pixels + i * values, p->windows + i * windows) != 0)
        p->failed = true;
}

static void scan_some(void *data, int64_t i) {
    pass *p = data;
    scan_job job = p->job;
    job.first_tile = i * TILES;
    if (job.end_tile > job.first_tile + TILES) job.end_tile = job.first_tile + TILES;
    if (!p->failed && !p->scan(&job)) p->failed = true;
}

static scan_job job_of(const pass *p, int64_t count, const float *tap_sums, float *const *scores) {
    const references *r = p->references;
    return (scan_job){
        .tiles = r->tiles,
        .pixels = p->pixels,
        .windows = p->windows,
        .tap_sums = r->definition->taps ? tap_sums : NULL,
        .scores = scores,
        .end_tile = (r->count + TILE - 1) / TILE,
        .images = r->count,
        .queries = count,
        .channels = r->channels,
        .height = r->height,
        .width = r->width,
        .window = r->definition->window,
        .luminance = (float)SSIM_C1,
        .contrast = (float)contrast_constant(r->definition),
    };
}

static void sum_taps(const ssim_definition *d, float *tap_sums) {
    double sum = 0;
    for (int k = 0; d->taps && k < d->window / 2; k++) tap_sums[k] = (float)(sum += d->taps[k]);
}

static int scan_pass(workers *w, const references *r, const uint8_t *queries, int64_t count, float *const *scores) {
    const scan_target *chosen = r->target ? r->target : scan_target_called(NULL);
    pass p = {.references = r, .shape = shape_of(r), .queries = queries, .scan = chosen->scan};
    float tap_sums[MOST_TAPS];
    sum_taps(r->definition, tap_sums);
    p.pixels = malloc((size_t)(count * values_of(&p.shape)) * sizeof *p.pixels);
    p.windows = malloc((size_t)(count * windows_of(&p.shape)) * sizeof *p.windows);
    p.failed = !p.pixels || !p.windows;
    if (!p.failed) workers_loop(w, fill_one, &p, count);
    p.job = job_of(&p, count, tap_sums, scores);
    if (!p.failed) workers_loop(w, scan_some, &p, (p.job.end_tile + TILES - 1) / TILES);
    free(p.pixels), free(p.windows);
    return p.failed ? -1 : 0;
}

int scan_all(workers *w, const references *r, const uint8_t *queries, int64_t count, float *const *scores) {
    if (!sizes_fit(r, count)) return -1;
    const picture_shape shape = shape_of(r);
    for (int64_t first = 0; first < count; first += QUERIES) {
        const int64_t some = count - first < QUERIES ? count - first : QUERIES;
        if (scan_pass(w, r, queries + first * values_of(&shape), some, scores + first) != 0) return -1;
    }
    return 0;
}

/* Candidates that are scored again, by several threads. */
typedef struct {
    exact_query query;
    const int8_t *tiles;
    candidate *candidates;
    int64_t count;
    _Atomic int64_t next;
    atomic_bool failed;
} rescoring;

static void rescore(void *data, int64_t thread) {
    (void)thread;
    rescoring *r = data;
    exact_memory *memory = exact_memory_for(&r->query.shape);
    if (!memory) r->failed = true;
    for (int64_t i; memory && (i = r->next++) < r->count;)
        r->candidates[i].ssim = exact_ssim(&r->query, r->tiles, r->candidates[i].row, memory);
    free(memory);
}

/* Scores all candidates in float64, and puts them in order. */
static int rank(workers *w, const references *r, const uint8_t *query, candidate *candidates, int64_t count) {
    const picture_shape shape = shape_of(r);
    rescoring all = {.tiles = r->tiles, .candidates = candidates, .count = count};
    if (exact_begin(&all.query, &shape, query) != 0) return -1;
    workers_loop(w, rescore, &all, count < workers_threads(w) ? count : workers_threads(w));
    exact_end(&all.query);
    if (all.failed) return -1;
    sort_candidates(candidates, count);
    return 0;
}

static int keep(const candidate *candidates, int64_t k, found *result) {
    result->rows = malloc((size_t)k * sizeof *result->rows);
    result->ssim = malloc((size_t)k * sizeof *result->ssim);
    if (!result->rows || !result->ssim) return -1;
    for (int64_t i = 0; i < k; i++) result->rows[i] = candidates[i].row, result->ssim[i] = candidates[i].ssim;
    result->k = k;
    return 0;
}

/* The exact best k: whoever could be among them by the scan's error is scored again. */
static int find_best(workers *w, const references *r, const uint8_t *query, int64_t k, found *result) {
    if (k <= 0) return 0;
    int64_t count;
    const double last = largest_score(result->scores, r->count, k);
    candidate *candidates = candidates_above(result->scores, r->count, last - 2 * r->definition->tolerance, &count);
    if (!candidates) return -1;
    int failed = rank(w, r, query, candidates, count);
    if (!failed) failed = keep(candidates, k, result);
    free(candidates);
    return failed;
}

/* All queries of a search, whose scores are known. */
typedef struct {
    workers *workers;
    const references *references;
    const uint8_t *queries;
    int64_t k;
    found *results;
    atomic_bool failed;
} finishing;

static void finish(void *data, int64_t i) {
    finishing *f = data;
    const references *r = f->references;
    const picture_shape shape = shape_of(r);
    found *result = &f->results[i];
    for (int64_t row = 0; r->alive && row < r->count; row++)
        if (!r->alive[row]) result->scores[row] = NAN;
    result->count = count_known(result->scores, r->count);
    result->total = sum_of_scores(result->scores, result->count);
    count_scores(result->scores, r->count, result->histogram, HISTOGRAM_BINS);
    const int64_t k = f->k < result->count ? f->k : result->count;
    if (find_best(f->workers, r, f->queries + i * values_of(&shape), k, result) != 0) f->failed = true;
}

/* Room for `length` scores of each query, at which `scores` points, too. */
static int make_room(int64_t length, int64_t count, found *results, float **scores) {
    memset(results, 0, (size_t)count * sizeof *results);
    for (int64_t i = 0; i < count; i++) {
        scores[i] = results[i].scores = malloc((size_t)(length + 1) * sizeof **scores);
        if (!scores[i]) return -1;
    }
    return 0;
}

int search(workers *w, const references *r, const uint8_t *queries, int64_t count, int64_t k, const float *scores,
           found *results) {
    if (!sizes_fit(r, count)) return -1;
    float **rows = malloc((size_t)(count + 1) * sizeof *rows);
    if (!rows) return -1;
    int failed = make_room(r->count, count, results, rows);
    for (int64_t i = 0; scores && !failed && i < count; i++)
        memcpy(rows[i], scores + i * r->count, (size_t)r->count * sizeof *scores);
    if (!scores && !failed) failed = scan_all(w, r, queries, count, rows);
    free(rows);
    finishing f = {w, r, queries, k, results, failed};
    if (!failed) workers_loop(w, finish, &f, count);
    for (int64_t i = 0; f.failed && i < count; i++) found_free(&results[i]);
    return f.failed ? -1 : 0;
}

void found_free(found *result) {
    free(result->rows), free(result->ssim), free(result->scores);
    *result = (found){0};
}
