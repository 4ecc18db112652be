#include "tables.h"

#include <math.h>
#include <stdlib.h>

/* One channel at a time. */
typedef struct {
    double *values, *centred, *squares;    /* [H, W] */
    double *brightness, *mean, *variance; /* [down, across] */
    double *row;                          /* [W] */
} channel_memory;

static double weight_sum(const ssim_definition *d) { return d->taps ? 1 : d->window * d->window; }

double contrast_constant(const ssim_definition *d) { return weight_sum(d) * SSIM_C2 / (2 * d->normaliser); }

static void centre(const picture_shape *channel, const uint8_t *query, int64_t step, const channel_memory *m) {
    const int64_t count = values_of(channel);
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += m->values[i] = query[i * step];
    const double middle = rint(sum / (double)count);
    for (int64_t i = 0; i < count; i++) {
        m->centred[i] = m->values[i] - middle;
        m->squares[i] = m->centred[i] * m->centred[i];
    }
}

static void fill_channel(const picture_shape *channel, const uint8_t *query, int64_t step, const channel_memory *m,
                         float *pixels, window_table *windows) {
    const ssim_definition *d = channel->definition;
    centre(channel, query, step, m);
    window_means(channel, m->values, m->row, m->brightness);
    window_means(channel, m->centred, m->row, m->mean);
    window_means(channel, m->squares, m->row, m->variance);
    for (int64_t i = 0; i < values_of(channel); i++) pixels[i] = (float)m->centred[i];
    for (int64_t i = 0; i < windows_of(channel); i++) {
        const double mean = m->mean[i], brightness = m->brightness[i];
        const double variance = m->variance[i] - mean * mean;
        windows[i] = (window_table){
            .mean = (float)rint(mean),
            .rest = (float)(mean - rint(mean)),
            .slope = (float)(2 * brightness),
            .power = (float)(brightness * brightness + SSIM_C1),
            .spread = (float)(weight_sum(d) * (variance + SSIM_C2 / d->normaliser)),
        };
    }
}

int fill_tables(const picture_shape *shape, const uint8_t *query, float *pixels, window_table *windows) {
    const picture_shape channel = {shape->definition, 1, shape->height, shape->width};
    const int64_t values = values_of(&channel), count = windows_of(&channel);
    double *memory = malloc((size_t)(3 * values + 3 * count + shape->width) * sizeof *memory);
    if (!memory) return -1;
    double *other = memory + 3 * values;
    const channel_memory m = {memory,        memory + values,   memory + 2 * values, other,
                              other + count, other + 2 * count, other + 3 * count};
    for (int64_t c = 0; c < shape->channels; c++)
        fill_channel(&channel, query + c, shape->channels, &m, pixels + c * values, windows + c * count);
    free(memory);
    return 0;
}
