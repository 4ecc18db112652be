#include "definition.h"

#include <string.h>

/* As definition.py has them. */
static const double gaussian_taps[] = {
    0x1.0d956b52a1d6cp-10, 0x1.f1fe01ae5a5b9p-8, 0x1.26eb175d83f65p-5, 0x1.bff0fe8e98418p-4,
    0x1.b43c3f52b19f2p-3,  0x1.106560aa892c0p-2, 0x1.b43c3f52b19f2p-3, 0x1.bff0fe8e98418p-4,
    0x1.26eb175d83f65p-5,  0x1.f1fe01ae5a5b9p-8, 0x1.0d956b52a1d6cp-10};

static const ssim_definition definitions[] = {
    {"uniform7", 7, 49.0 / 48.0, 1e-6, NULL},
    {"gaussian", 11, 1, 1e-5, gaussian_taps},
};

const ssim_definition *definition_called(const char *name) {
    for (size_t i = 0; i < sizeof definitions / sizeof definitions[0]; i++)
        if (strcmp(definitions[i].name, name) == 0) return &definitions[i];
    return NULL;
}

/* Plain sums of `window` values `step` apart; exact for whole numbers. */
static void sums(int window, const double *p, int64_t step, int64_t count, double *out) {
    for (int64_t i = 0; i < count; i++) out[i] = p[i];
    for (int k = 1; k < window; k++)
        for (int64_t i = 0; i < count; i++) out[i] += p[k * step + i];
}

/* The order of operations is reference.py's, so that the sums are the same to the last bit. */
static void weighted(const ssim_definition *d, const double *p, int64_t step, int64_t count, double *out) {
    const int middle = d->window / 2;
    for (int64_t i = 0; i < count; i++) out[i] = d->taps[middle] * p[middle * step + i];
    for (int k = 0; k < middle; k++) {
        const double *left = p + k * step, *right = p + (d->window - 1 - k) * step;
        for (int64_t i = 0; i < count; i++) out[i] += d->taps[k] * (left[i] + right[i]);
    }
}

static void filter(const ssim_definition *d, const double *p, int64_t step, int64_t count, double *out) {
    if (d->taps) weighted(d, p, step, count, out);
    else sums(d->window, p, step, count, out);
}

void window_means(const picture_shape *shape, const double *values, double *room, double *means) {
    const ssim_definition *d = shape->definition;
    const int64_t row = shape->width * shape->channels, result_row = windows_across(shape) * shape->channels;
    const double pixels = d->window * d->window;
    for (int64_t y = 0; y < windows_down(shape); y++) {
        double *out = means + y * result_row;
        filter(d, values + y * row, row, row, room);
        filter(d, room, shape->channels, result_row, out);
        if (!d->taps)
            for (int64_t i = 0; i < result_row; i++) out[i] /= pixels;
    }
}
