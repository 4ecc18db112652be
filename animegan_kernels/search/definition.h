/* The two definitions of SSIM that an index can have; definition.py says where they come from. */
#ifndef ANIMEGAN_DEFINITION_H
#define ANIMEGAN_DEFINITION_H

#include <stdint.h>

/* (0.01 * 255)^2 and (0.03 * 255)^2, as Python computes them. */
#define SSIM_C1 0x1.a028f5c28f5c4p+2
#define SSIM_C2 0x1.d42e147ae147ap+5

/* An SSIM, as definition.py describes it. */
typedef struct {
    const char *name;
    int window;         /* side in pixels */
    double normaliser;  /* of variances and covariances */
    double tolerance;   /* largest error of a score of the scan */
    const double *taps; /* [window] weights, symmetric, sum 1; NULL: all are equal */
} ssim_definition;

/* NULL: no SSIM of this name is known. */
const ssim_definition *definition_called(const char *name);

/* Some pictures' size, and by which SSIM they are compared. */
typedef struct {
    const ssim_definition *definition;
    int64_t channels, height, width;
} picture_shape;

static inline int64_t windows_down(const picture_shape *s) { return s->height - s->definition->window + 1; }
static inline int64_t windows_across(const picture_shape *s) { return s->width - s->definition->window + 1; }
/* Values of a picture, and windows in all its channels. */
static inline int64_t values_of(const picture_shape *s) { return s->height * s->width * s->channels; }
static inline int64_t windows_of(const picture_shape *s) {
    return windows_down(s) * windows_across(s) * s->channels;
}

/* Weighted mean of every window, in float64: [H, W, C] -> [down, across, C]. `room` holds a row of values. */
void window_means(const picture_shape *shape, const double *values, double *room, double *means);

#endif
