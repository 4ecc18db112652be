/* Convolutions of 2x2 with stride 2, and their transposes: what halves and doubles pictures in U-nets.
 *
 * Every pixel is read, or written, by one place of the kernel only: they are plain matrix products, of
 * neighbouring pixels, without anything between.
 */
#ifndef ANIMEGAN_CONV_STRIDED_H
#define ANIMEGAN_CONV_STRIDED_H

#include "product.h"

enum { STRIDE = 2, PLACES = STRIDE * STRIDE };

/* Kernels [outputs][inputs][2][2] -> [groups][row][column][inputs][GROUP]: as the pixels lie. */
static bool prepare_halving(convolution *c, const float *kernels, const float *bias) {
    if (!allocate(c, PLACES, bias)) return false;
    for (int64_t o = 0; o < c->outputs; o++)
        for (int64_t i = 0; i < c->inputs; i++)
            for (int place = 0; place < PLACES; place++)
                c->weights[((o / GROUP * PLACES + place) * c->inputs + i) * GROUP + o % GROUP] =
                    kernels[(o * c->inputs + i) * PLACES + place];
    return true;
}

/* Kernels [inputs][outputs][2][2] -> [row][column][groups][inputs][GROUP]. */
static bool prepare_doubling(convolution *c, const float *kernels, const float *bias) {
    if (!allocate(c, PLACES, bias)) return false;
    for (int64_t i = 0; i < c->inputs; i++)
        for (int64_t o = 0; o < c->outputs; o++)
            for (int place = 0; place < PLACES; place++)
                c->weights[((place * groups(c) + o / GROUP) * c->inputs + i) * GROUP + o % GROUP] =
                    kernels[(i * c->outputs + o) * PLACES + place];
    return true;
}

/* `rows` pixels: the sum of `parts` products, each with what lies `next` behind the one before; results go
 * `apart` from each other. */
INLINE void compute_pixels(const convolution *c, const float *from, int64_t stride, int64_t length, int parts,
                           int64_t next, const float *weights, int64_t channel, float *to, int64_t apart,
                           const int rows) {
    lanes sums[ROWS][2];
    for (int r = 0; r < rows; r++) sums[r][0] = sums[r][1] = all(0);
    for (int part = 0; part < parts; part++)
        add_product(sums, from + part * next, stride, length, weights + part * length * GROUP, rows, 2);
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < 2 && channel + v * LANES < c->outputs; v++) {
            int64_t place = channel + v * LANES;
            store_some(to + r * apart + place, rectified(c, sums[r][v], place), c->outputs - place);
        }
}

/* A line of `width` pixels, ROWS at a time; the last ROWS are moved back over what is done already. */
INLINE void compute_line(const convolution *c, const float *from, int64_t stride, int64_t length, int parts,
                         int64_t next, const float *weights, int64_t channel, float *to, int64_t apart,
                         int64_t width) {
    if (width < ROWS) {
        for (int64_t x = 0; x < width; x++)
            compute_pixels(c, from + x * stride, stride, length, parts, next, weights, channel,
                           to + x * apart, apart, 1);
        return;
    }
    for (int64_t x = 0; x < width; x += ROWS) {
        int64_t at = x < width - ROWS ? x : width - ROWS;
        compute_pixels(c, from + at * stride, stride, length, parts, next, weights, channel, to + at * apart,
                       apart, ROWS);
    }
}

/* Lines of the small pictures from `first` on; a line is read from two of the large ones. */
static void compute_halving(const convolution *c, const pictures *p, int64_t first, int64_t end, float *work) {
    (void)work;
    int64_t height = p->height / STRIDE, width = p->width / STRIDE, large = p->width * c->inputs;
    for (int64_t line = first; line < end; line++) {
        const float *from = p->read + (line / height * p->height + line % height * STRIDE) * large;
        for (int64_t g = 0; g < groups(c); g++)
            compute_line(c, from, STRIDE * c->inputs, STRIDE * c->inputs, STRIDE, large,
                         c->weights + g * PLACES * c->inputs * GROUP, g * GROUP,
                         p->written + line * width * c->outputs, c->outputs, width);
    }
}

/* Lines of the small pictures; each becomes two. */
static void compute_doubling(const convolution *c, const pictures *p, int64_t first, int64_t end, float *work) {
    (void)work;
    int64_t large = STRIDE * p->width * c->outputs;
    for (int64_t line = first; line < end; line++)
        for (int place = 0; place < PLACES; place++)
            for (int64_t g = 0; g < groups(c); g++)
                compute_line(c, p->read + line * p->width * c->inputs, c->inputs, c->inputs, 1, 0,
                             c->weights + (place * groups(c) + g) * c->inputs * GROUP, g * GROUP,
                             p->written + (STRIDE * line + place / STRIDE) * large + place % STRIDE * c->outputs,
                             STRIDE * c->outputs, p->width);
}

#endif
