/* SSIM with uniform 7x7 windows of Q queries to the images of a tile, row by row.
 *
 * A new row enters the sums of every column over seven rows, and the row that left goes out of them;
 * a window's sum over seven columns moves right in the same way. All values are whole numbers below
 * 2^24: float32 holds them exactly, so nothing drifts. What belongs to the references alone - sum,
 * mean and spread of a window - is computed with the first queries and kept for the others,
 * of which a few go side by side to share its loads.
 *
 * In g - mean m the mean is split into the nearest whole number, whose product is exact, and a small
 * rest: white areas would lose digits otherwise.
 */
#include <string.h>

#include "job.h"

enum { WINDOW = 7, PIXELS = WINDOW * WINDOW };
/* Windows of one strip of columns: what a strip needs at a time fits into a core's first cache. */
enum { STRIP = 58, COLUMNS = STRIP + WINDOW - 1 };

typedef struct {
    float sum[COLUMNS * WIDTH], square[COLUMNS * WIDTH];                  /* of the references, over seven rows */
    float newest[COLUMNS * WIDTH], oldest[COLUMNS * WIDTH];               /* the row that enters, the one that leaves */
    float m[STRIP * WIDTH], mean[STRIP * WIDTH], spread[STRIP * WIDTH]; /* of the finished row's windows */
} __attribute__((aligned(64))) uniform_memory;

/* A query at the row at hand. */
typedef struct {
    float *products; /* COLUMNS x WIDTH: of query and references, summed over seven rows */
    const float *newest, *oldest;
    const window_table *windows;
    double *total; /* WIDTH */
} query_row;

/* A row of the references at hand. */
typedef struct {
    uniform_memory *state;
    const int8_t *newest, *oldest;
    int first;    /* nothing of this row has been computed yet */
    int others;   /* more queries follow: keep what they need */
    int finishes; /* a row of windows ends here */
} reference_row;

typedef struct { lanes g[TOGETHER], sum, square; } moving;

/* Column c enters the sums; `w` holds those over the window that ends with it. */
INLINE void enter(const reference_row r, const query_row *q, const int queries, int c, moving *w) {
    uniform_memory *s = r.state;
    const int at = c * WIDTH;
    lanes a, b;
    if (r.first) {
        a = widen(r.newest + c * TILE), b = widen(r.oldest + c * TILE);
        lanes sum = load(s->sum + at) + (a - b);
        lanes square = sub_mul(mul_add(a, a, load(s->square + at)), b, b);
        store(s->sum + at, sum), store(s->square + at, square);
        w->sum += sum, w->square += square;
        if (r.others) store(s->newest + at, a), store(s->oldest + at, b);
    } else {
        a = load(s->newest + at), b = load(s->oldest + at);
    }
    for (int i = 0; i < queries; i++) {
        lanes product = mul_add(a, all(q[i].newest[c]), load(q[i].products + at));
        product = sub_mul(product, b, all(q[i].oldest[c]));
        store(q[i].products + at, product);
        w->g[i] += product;
    }
}

/* Column c leaves the window. */
INLINE void leave(const reference_row r, const query_row *q, const int queries, int c, moving *w) {
    if (r.first) {
        w->sum -= load(r.state->sum + c * WIDTH);
        w->square -= load(r.state->square + c * WIDTH);
    }
    for (int i = 0; i < queries; i++) w->g[i] -= load(q[i].products + c * WIDTH);
}

/* What belongs to the references alone in window c. */
INLINE statistics window_statistics(const reference_row r, int c, const moving *w) {
    uniform_memory *s = r.state;
    const int at = c * WIDTH;
    if (!r.first) return (statistics){load(s->m + at), load(s->mean + at), load(s->spread + at)};
    const lanes weight = all(1.0f / (float)PIXELS);
    lanes whole = nearest(w->sum * weight);
    lanes rest = sub_mul(w->sum, whole, all(PIXELS)) * weight;
    statistics x = {w->sum, whole + all(128) + rest, sub_mul(sub_mul(w->square, whole, w->sum), rest, w->sum)};
    if (r.others) store(s->m + at, x.m), store(s->mean + at, x.mean), store(s->spread + at, x.spread);
    return x;
}

/* A row enters the sums of up to TOGETHER queries; where it finishes a row of windows, these are scored. */
INLINE void score_row(const reference_row r, const query_row *q, const int queries, int windows,
                      const scan_job *job) {
    moving w = {.sum = all(0), .square = all(0)};
    lanes total[TOGETHER];
    for (int i = 0; i < queries; i++) w.g[i] = total[i] = all(0);
    if (!r.finishes) {
        for (int c = 0; c < windows + WINDOW - 1; c++) enter(r, q, queries, c, &w);
        return;
    }
    for (int c = 0; c < WINDOW - 1; c++) enter(r, q, queries, c, &w);
    int c = 0;
    for (; c + 1 < windows; c += 2) {
        fraction a[TOGETHER], b[TOGETHER];
        enter(r, q, queries, c + WINDOW - 1, &w);
        statistics x = window_statistics(r, c, &w);
        for (int i = 0; i < queries; i++) a[i] = window_score(job, q[i].windows + c, x, w.g[i]);
        leave(r, q, queries, c, &w);
        enter(r, q, queries, c + WINDOW, &w);
        x = window_statistics(r, c + 1, &w);
        for (int i = 0; i < queries; i++) b[i] = window_score(job, q[i].windows + c + 1, x, w.g[i]);
        leave(r, q, queries, c + 1, &w);
        for (int i = 0; i < queries; i++) total[i] += sum_of(a[i], b[i]);
    }
    if (c < windows) {
        enter(r, q, queries, c + WINDOW - 1, &w);
        statistics x = window_statistics(r, c, &w);
        for (int i = 0; i < queries; i++) {
            fraction last = window_score(job, q[i].windows + c, x, w.g[i]);
            total[i] += last.above / last.below;
        }
    }
    for (int i = 0; i < queries; i++) accumulate(q[i].total, total[i]);
}

/* Each call with constants is compiled to a loop of its own, without a branch inside. */
static void dispatch_row(reference_row r, const query_row *q, int queries, int windows, const scan_job *job) {
#define ROW(first_, others_, finishes_, queries_)                                                             \
    if (r.first == (first_) && r.others == (others_) && r.finishes == (finishes_) && queries == (queries_)) { \
        r.first = (first_), r.others = (others_), r.finishes = (finishes_);                                   \
        score_row(r, q, queries_, windows, job);                                                              \
        return;                                                                                               \
    }
#define ROWS(finishes, queries) ROW(1, 0, finishes, queries) ROW(1, 1, finishes, queries) ROW(0, 1, finishes, queries)
    ROWS(0, 1) ROWS(1, 1) ROWS(0, TOGETHER) ROWS(1, TOGETHER)
#undef ROWS
#undef ROW
}

static void uniform_strip(const strip *s) {
    static const int8_t no_tile_row[COLUMNS * TILE];
    static const float no_query_row[COLUMNS];
    const scan_job *job = s->job;
    uniform_memory *state = s->memory;
    float *products = (float *)(state + 1);
    memset(state, 0, sizeof *state);
    memset(products, 0, (size_t)job->queries * COLUMNS * WIDTH * sizeof(float));
    for (int y = 0; y < job->height; y++) {
        const int leaves = y >= WINDOW, finishes = y >= WINDOW - 1;
        reference_row r = {
            .state = state,
            .newest = tile_row(s, y),
            .oldest = leaves ? tile_row(s, y - WINDOW) : no_tile_row,
            .others = job->queries > TOGETHER,
            .finishes = finishes,
        };
        for (int64_t first = 0; first < job->queries; first += TOGETHER) {
            query_row q[TOGETHER];
            const int64_t left_over = job->queries - first;
            const int queries = left_over < TOGETHER ? (int)left_over : TOGETHER;
            for (int i = 0; i < queries; i++)
                q[i] = (query_row){
                    .products = products + (first + i) * COLUMNS * WIDTH,
                    .newest = query_pixels(s, first + i, y),
                    .oldest = leaves ? query_pixels(s, first + i, y - WINDOW) : no_query_row,
                    .windows = query_windows(s, first + i, finishes ? y - WINDOW + 1 : 0),
                    .total = s->totals + (first + i) * TILE,
                };
            r.first = first == 0;
            dispatch_row(r, q, queries, s->windows, job);
        }
    }
}
