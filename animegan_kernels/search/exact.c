#include "exact.h"

#include <stdlib.h>

#include "scan.h"
#include "sums.h"

struct exact_memory {
    double *values, *products;                       /* [H, W, C] */
    double *mean, *variance, *covariance, *row; /* [down, across, C], and [W, C] */
    double doubles[];
};

exact_memory *exact_memory_for(const picture_shape *s) {
    const int64_t values = values_of(s), windows = windows_of(s);
    const size_t doubles = (size_t)(2 * values + 3 * windows + s->width * s->channels);
    exact_memory *m = malloc(sizeof *m + doubles * sizeof(double));
    if (!m) return NULL;
    m->values = m->doubles, m->products = m->values + values;
    m->mean = m->products + values, m->variance = m->mean + windows;
    m->covariance = m->variance + windows, m->row = m->covariance + windows;
    return m;
}

static void multiply(const double *a, const double *b, int64_t count, double *out) {
    for (int64_t i = 0; i < count; i++) out[i] = a[i] * b[i];
}

/* n (mean of products - product of means), in place of the former. */
static void centre(double *products, const double *a, const double *b, double normaliser, int64_t count) {
    for (int64_t i = 0; i < count; i++) products[i] = normaliser * (products[i] - a[i] * b[i]);
}

static void spread(const picture_shape *s, const double *values, exact_memory *m, double *mean, double *variance) {
    window_means(s, values, m->row, mean);
    multiply(values, values, values_of(s), m->products);
    window_means(s, m->products, m->row, variance);
    centre(variance, mean, mean, s->definition->normaliser, windows_of(s));
}

int exact_begin(exact_query *q, const picture_shape *shape, const uint8_t *picture) {
    const int64_t values = values_of(shape), windows = windows_of(shape);
    double *memory = malloc((size_t)(values + 2 * windows) * sizeof *memory);
    exact_memory *scratch = exact_memory_for(shape);
    *q = (exact_query){*shape, memory, memory + values, memory + values + windows};
    if (memory && scratch) {
        for (int64_t i = 0; i < values; i++) q->values[i] = picture[i];
        spread(shape, q->values, scratch, q->mean, q->variance);
    } else {
        free(memory);
    }
    free(scratch);
    return memory && scratch ? 0 : -1;
}

void exact_end(exact_query *q) { free(q->values); }

/* Takes a picture out of its tile, where its values lie one TILE apart, channel by channel. */
static void unpack(const picture_shape *s, const int8_t *tiles, int64_t row, double *values) {
    const int8_t *value = tiles + row / TILE * values_of(s) * TILE + row % TILE;
    for (int64_t c = 0; c < s->channels; c++)
        for (int64_t i = 0; i < s->height * s->width; i++, value += TILE) values[i * s->channels + c] = *value + 128;
}

/* Equation 13 for every window, in place of the covariances. */
static void score(const exact_query *q, const exact_memory *m) {
    for (int64_t i = 0; i < windows_of(&q->shape); i++) {
        const double x = q->mean[i], y = m->mean[i];
        m->covariance[i] = ((2 * x * y + SSIM_C1) * (2 * m->covariance[i] + SSIM_C2)) /
                           ((x * x + y * y + SSIM_C1) * (q->variance[i] + m->variance[i] + SSIM_C2));
    }
}

double exact_ssim(const exact_query *q, const int8_t *tiles, int64_t row, exact_memory *m) {
    const picture_shape *s = &q->shape;
    const int64_t windows = windows_of(s);
    unpack(s, tiles, row, m->values);
    spread(s, m->values, m, m->mean, m->variance);
    multiply(q->values, m->values, values_of(s), m->products);
    window_means(s, m->products, m->row, m->covariance);
    centre(m->covariance, q->mean, m->mean, s->definition->normaliser, windows);
    score(q, m);
    return sum_of_doubles(m->covariance, windows) / (double)windows;
}
