/* SSIM with Gaussian 11x11 windows, in blocks of six rows of windows.
 *
 * The filter is separable and symmetric. Sixteen values in registers give six filtered ones, first
 * down a column and then along a row. Each is computed from the steps d_i = p_(i+1) - p_i between them,
 *
 *     p5 + sum over k < 5 of W_k (d_(9-k) - d_k),   W_k = w_0 + ... + w_k,
 *
 * which equals the weighted sum but is exact where an image is flat: there the plain sum's rounding
 * would be as large as the constant C2 that it meets. Six results share the steps.
 */
#include <string.h>

#include "job.h"

enum { TAPS = 11, HALF = TAPS / 2, BLOCK = 6, SPAN = BLOCK + TAPS - 1 };
enum { GAUSSIAN_STRIP = 54, GAUSSIAN_COLUMNS = GAUSSIAN_STRIP + TAPS - 1 };

typedef struct {
    float rows[SPAN][GAUSSIAN_COLUMNS * WIDTH];      /* of the references, less their rounded means */
    float filtered[BLOCK][GAUSSIAN_COLUMNS * WIDTH]; /* down the columns */
    float m[BLOCK][GAUSSIAN_STRIP * WIDTH], mean[BLOCK][GAUSSIAN_STRIP * WIDTH], spread[BLOCK][GAUSSIAN_STRIP * WIDTH];
} __attribute__((aligned(64))) gaussian_memory;

typedef struct { lanes sums[HALF]; } half_taps; /* W_k */

INLINE void filter(const lanes *p, half_taps taps, lanes *out) {
    lanes d[SPAN - 1];
    for (int i = 0; i < SPAN - 1; i++) d[i] = p[i + 1] - p[i];
    for (int i = 0; i < BLOCK; i++) {
        out[i] = p[i + HALF];
        for (int k = 0; k < HALF; k++) out[i] = mul_add(taps.sums[k], d[i + TAPS - 2 - k] - d[i + k], out[i]);
    }
}

enum field { REFERENCE, SQUARE, PRODUCT };

/* Filters the references, their squares, or their products with a query, down the columns. */
INLINE void filter_columns(gaussian_memory *g, const enum field field, const float *const *query, half_taps taps,
                           int columns) {
    for (int c = 0; c < columns; c++) {
        lanes in[SPAN], out[BLOCK];
        for (int y = 0; y < SPAN; y++) {
            in[y] = load(g->rows[y] + c * WIDTH);
            if (field == SQUARE) in[y] *= in[y];
            if (field == PRODUCT) in[y] *= all(query[y][c]);
        }
        filter(in, taps, out);
        for (int i = 0; i < BLOCK; i++) store(g->filtered[i] + c * WIDTH, out[i]);
    }
}

/* Filters along row i: windows c to c + 5. */
INLINE void filter_row(const gaussian_memory *g, int i, int c, half_taps taps, lanes *out) {
    lanes in[SPAN];
    for (int x = 0; x < SPAN; x++) in[x] = load(g->filtered[i] + (c + x) * WIDTH);
    filter(in, taps, out);
}

/* Statistics of the block's windows in the references. */
static void gaussian_statistics(gaussian_memory *g, lanes centre, half_taps taps, int columns) {
    lanes out[BLOCK];
    filter_columns(g, REFERENCE, 0, taps, columns);
    for (int i = 0; i < BLOCK; i++)
        for (int c = 0; c < columns - TAPS + 1; c += BLOCK) {
            filter_row(g, i, c, taps, out);
            for (int x = 0; x < BLOCK; x++) {
                const int at = (c + x) * WIDTH;
                store(g->m[i] + at, out[x]);
                store(g->mean[i] + at, out[x] + centre);
            }
        }
    filter_columns(g, SQUARE, 0, taps, columns);
    for (int i = 0; i < BLOCK; i++)
        for (int c = 0; c < columns - TAPS + 1; c += BLOCK) {
            filter_row(g, i, c, taps, out);
            for (int x = 0; x < BLOCK; x++) {
                const int at = (c + x) * WIDTH;
                const lanes m = load(g->m[i] + at);
                store(g->spread[i] + at, sub_mul(out[x], m, m));
            }
        }
}

/* Sum of the scores of windows c to c + count - 1 of row i. */
INLINE lanes score_windows(const scan_job *job, const gaussian_memory *g, const window_table *t, int i, int c,
                           const int count, half_taps taps) {
    lanes out[BLOCK], sum = all(0);
    fraction last = {all(0), all(1)};
    filter_row(g, i, c, taps, out);
    for (int x = 0; x < count; x++) {
        const int at = (c + x) * WIDTH;
        const statistics s = {load(g->m[i] + at), load(g->mean[i] + at), load(g->spread[i] + at)};
        const fraction score = window_score(job, t + c + x, s, out[x]);
        if (x % 2) sum += sum_of(last, score);
        last = score;
    }
    if (count % 2) sum += last.above / last.below;
    return sum;
}

/* Takes rows of the references less their rounded mean, which it returns plus 128: small values round less. */
static lanes centred_rows(gaussian_memory *g, const strip *s, int top, int rows, int columns) {
    lanes sum = all(0);
    for (int y = 0; y < rows; y++)
        for (int c = 0; c < columns; c++) sum += widen(tile_row(s, top + y) + c * TILE);
    const lanes centre = nearest(sum / all((float)(rows * columns)));
    for (int y = 0; y < SPAN; y++)
        for (int c = 0; c < columns; c++)
            if (y < rows) store(g->rows[y] + c * WIDTH, widen(tile_row(s, top + y) + c * TILE) - centre);
            else store(g->rows[y] + c * WIDTH, all(0));
    return centre + all(128);
}

static void gaussian_strip(const strip *s) {
    static const float nothing[GAUSSIAN_COLUMNS];
    const scan_job *job = s->job;
    const int columns = s->windows + TAPS - 1, down = job->height - TAPS + 1;
    gaussian_memory *g = s->memory;
    half_taps taps;
    for (int k = 0; k < HALF; k++) taps.sums[k] = all(job->tap_sums[k]);
    memset(g, 0, sizeof *g);
    for (int top = 0; top < down; top += BLOCK) {
        const int rows = job->height - top < SPAN ? job->height - top : SPAN;
        gaussian_statistics(g, centred_rows(g, s, top, rows, columns), taps, columns);
        for (int64_t q = 0; q < job->queries; q++) {
            const float *pixels[SPAN];
            for (int y = 0; y < SPAN; y++) pixels[y] = y < rows ? query_pixels(s, q, top + y) : nothing;
            filter_columns(g, PRODUCT, pixels, taps, columns);
            for (int i = 0; i < BLOCK && top + i < down; i++) {
                const window_table *t = query_windows(s, q, top + i);
                lanes total = all(0);
                int c = 0;
                for (; c + BLOCK <= s->windows; c += BLOCK)
                    total += score_windows(job, g, t, i, c, BLOCK, taps);
                if (c < s->windows) total += score_windows(job, g, t, i, c, s->windows - c, taps);
                accumulate(s->totals + q * TILE, total);
            }
        }
    }
}
