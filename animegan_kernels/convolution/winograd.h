/* 3x3 convolutions by Winograd's minimal filtering, F(4x4, 3x3).
 *
 * A tile of 4x4 outputs needs a window of 6x6 inputs. Both, and the kernel, go through small matrices
 * (Lavin and Gray 2016, arXiv:1509.09308, equation 8):
 *
 *     Y = A^T [ (G g G^T) * (B^T d B) ] A
 *
 * and the middle multiplies once per pair of channels and point of the window: 36 products for 16 outputs,
 * where convolving takes 144. Over all tiles and channels it is one matrix product for each point, which
 * takes most of the time and runs at nearly the speed of a large matrix product.
 *
 * The polynomials behind it are evaluated at 0, +-sqrt(1/2), +-sqrt(2) and infinity instead of 0, +-1, +-2
 * and infinity: for 128 channels of noise the largest error is 7e-6 then and not 21e-6, where summing directly
 * in float32 has 5e-6. With p = 1/2 and q = 2, a and b their roots:
 *
 *     B^T = | 1   0   -5/2   0    1  0 |    A^T = | 1  1    1    1     1   0 |     G = |  1      0       0   |
 *           | 0  -qa  -q     a    1  0 |          | 0  a   -a    b    -b   0 |         | -2/3  -2a/3   -1/3  |
 *           | 0   qa  -q    -a    1  0 |          | 0  p    p    q     q   0 |         | -2/3   2a/3   -1/3  |
 *           | 0  -pb  -p     b    1  0 |          | 0  pa  -pa   qb   -qb  1 |         |  1/6   b/6     1/3  |
 *           | 0   pb  -p    -b    1  0 |                                               |  1/6  -b/6     1/3  |
 *           | 0   1    0   -5/2   0  1 |                                               |  0      0       1   |
 *
 * Pixels are stored channels last. Some tiles at a time go through all three steps, so few that what lies
 * between the steps stays in the core's second cache.
 */
#ifndef ANIMEGAN_CONV_WINOGRAD_H
#define ANIMEGAN_CONV_WINOGRAD_H

#include "product.h"

enum { TILE = 4, KERNEL = 3, WINDOW = TILE + KERNEL - 1, POINTS = WINDOW * WINDOW };

static const float A = 0.70710678118654752f, B = 1.41421356237309505f, P = 0.5f, Q = 2.0f;

INLINE int64_t tiles_along(int64_t size) { return (size - (KERNEL - 1) + TILE - 1) / TILE; }
INLINE int64_t count_tiles(const pictures *p) {
    return p->count * tiles_along(p->height) * tiles_along(p->width);
}

/* Tiles that go through the steps together: what lies between takes about 900 kB, half of it when the
 * next step reads it; fewer than 24 would read the weights too often. */
INLINE int64_t tiles_together(const convolution *c) {
    int64_t fit = 225000 / (POINTS * (c->inputs + groups(c) * GROUP)) / ROWS * ROWS;
    return fit < 24 ? 24 : fit > 48 ? 48 : fit;
}

/* Between two points of what lies between the steps; not a power of two, or all would share a cache set. */
INLINE int64_t between_points(int64_t tiles, int64_t channels) { return tiles * channels + LANES; }

INLINE size_t workspace_bytes(const convolution *c) {
    int64_t tiles = tiles_together(c);
    int64_t floats = between_points(tiles, c->inputs) + between_points(tiles, groups(c) * GROUP);
    return (size_t)(POINTS * floats) * sizeof(float);
}

/* G g G^T of every kernel [outputs][inputs][3][3]. False: there is no memory. */
static bool prepare_3x3(convolution *c, const float *kernels, const float *bias) {
    static const double G[WINDOW][KERNEL] = {
        {1, 0, 0},
        {-2 / 3., -2 / 3. * 0.70710678118654752440, -1 / 3.},
        {-2 / 3., 2 / 3. * 0.70710678118654752440, -1 / 3.},
        {1 / 6., 1 / 6. * 1.41421356237309504880, 1 / 3.},
        {1 / 6., -1 / 6. * 1.41421356237309504880, 1 / 3.},
        {0, 0, 1},
    };
    int64_t point = groups(c) * c->inputs * GROUP;
    if (!allocate(c, POINTS, bias)) return false;
    for (int64_t o = 0; o < c->outputs; o++) {
        for (int64_t i = 0; i < c->inputs; i++) {
            const float *g = kernels + (o * c->inputs + i) * KERNEL * KERNEL;
            float *to = c->weights + (o / GROUP * c->inputs + i) * GROUP + o % GROUP;
            for (int row = 0; row < WINDOW; row++) {
                double half[KERNEL];
                for (int k = 0; k < KERNEL; k++)
                    half[k] = G[row][0] * g[k] + G[row][1] * g[KERNEL + k] + G[row][2] * g[2 * KERNEL + k];
                for (int col = 0; col < WINDOW; col++)
                    to[(row * WINDOW + col) * point] =
                        (float)(half[0] * G[col][0] + half[1] * G[col][1] + half[2] * G[col][2]);
            }
        }
    }
    return true;
}

/* B^T d for six vectors `step` apart, in place. */
INLINE void transform_inputs(lanes *d, int step) {
    lanes d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    lanes even_a = mul_add(all(-Q), d2, d4), odd_a = mul_add(all(A), d3, all(-Q * A) * d1);
    lanes even_b = mul_add(all(-P), d2, d4), odd_b = mul_add(all(B), d3, all(-P * B) * d1);
    d[0] = mul_add(all(-P - Q), d2, d0 + d4);
    d[step] = even_a + odd_a;
    d[2 * step] = even_a - odd_a;
    d[3 * step] = even_b + odd_b;
    d[4 * step] = even_b - odd_b;
    d[5 * step] = mul_add(all(-P - Q), d3, d1 + d5);
}

/* A^T m for six vectors; the four results go `step` apart. */
INLINE void transform_outputs(const lanes *m, lanes *y, int step) {
    lanes sum_a = m[1] + m[2], difference_a = m[1] - m[2];
    lanes sum_b = m[3] + m[4], difference_b = m[3] - m[4];
    y[0] = m[0] + sum_a + sum_b;
    y[step] = mul_add(all(A), difference_a, all(B) * difference_b);
    y[2 * step] = mul_add(all(P), sum_a, all(Q) * sum_b);
    y[3 * step] = mul_add(all(P * A), difference_a, mul_add(all(Q * B), difference_b, m[5]));
}

/* One tile's window of all input channels -> `to`, its points `stride` apart. `row` and `column` of its
 * first pixel; a window that leaves the picture repeats the border, for outputs that nobody stores. */
INLINE void read_window(const pictures *p, const float *picture, int64_t row, int64_t column,
                        int64_t channels, float *to, int64_t stride) {
    const float *rows[WINDOW];
    int64_t columns[WINDOW];
    for (int k = 0; k < WINDOW; k++) {
        int64_t r = row + k < p->height ? row + k : p->height - 1;
        int64_t c = column + k < p->width ? column + k : p->width - 1;
        rows[k] = picture + r * p->width * channels;
        columns[k] = c * channels;
    }
    for (int64_t channel = 0; channel < channels; channel += LANES) {
        lanes d[POINTS];
        for (int c = 0; c < WINDOW; c++) {
#pragma GCC unroll 6
            for (int r = 0; r < WINDOW; r++) d[r * WINDOW + c] = load(rows[r] + columns[c] + channel);
            transform_inputs(d + c, WINDOW);
        }
        for (int r = 0; r < WINDOW; r++) {
            transform_inputs(d + r * WINDOW, 1);
#pragma GCC unroll 6
            for (int c = 0; c < WINDOW; c++)
                store(to + (r * WINDOW + c) * stride + channel, d[r * WINDOW + c]);
        }
    }
}

/* ROWS tiles by `vectors` registers of outputs, at one point. */
INLINE void multiply(const float *windows, const float *weights, int64_t inputs, float *to, int64_t stride,
                     const int vectors) {
    lanes sums[ROWS][2];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < vectors; v++) sums[r][v] = all(0);
    add_product(sums, windows, inputs, inputs, weights, ROWS, vectors);
#pragma GCC unroll 12
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < vectors; v++) store(to + r * stride + v * LANES, sums[r][v]);
}

/* One tile's products, their points `stride` apart, -> its pixels, those that the picture has. */
INLINE void write_tile(const convolution *c, const float *products, int64_t stride, const pictures *p,
                       float *picture, int64_t row, int64_t column) {
    int64_t height = p->height - (KERNEL - 1), width = p->width - (KERNEL - 1);
    int64_t rows = height - row < TILE ? height - row : TILE;
    int64_t columns = width - column < TILE ? width - column : TILE;
    for (int64_t channel = 0; channel < c->outputs; channel += LANES) {
        lanes half[TILE * WINDOW], y[TILE * TILE];
        for (int k = 0; k < WINDOW; k++) {
            lanes m[WINDOW];
#pragma GCC unroll 6
            for (int r = 0; r < WINDOW; r++) m[r] = load(products + (r * WINDOW + k) * stride + channel);
            transform_outputs(m, half + k, WINDOW);
        }
#pragma GCC unroll 4
        for (int r = 0; r < TILE; r++) transform_outputs(half + r * WINDOW, y + r * TILE, 1);
        for (int64_t r = 0; r < rows; r++) {
            float *to = picture + ((row + r) * width + column) * c->outputs + channel;
            for (int64_t k = 0; k < columns; k++, to += c->outputs)
                store_some(to, rectified(c, y[r * TILE + k], channel), c->outputs - channel);
        }
    }
}

/* The tiles from `first` on, at most tiles_together() of them. */
static void compute_tiles(const convolution *c, const pictures *p, int64_t first, int64_t count, float *work) {
    int64_t across = tiles_along(p->width), each = across * tiles_along(p->height);
    int64_t tiles = tiles_together(c), padded = groups(c) * GROUP;
    int64_t read_stride = between_points(tiles, c->inputs), stride = between_points(tiles, padded);
    int64_t read_size = p->height * p->width * c->inputs;
    int64_t written_size = (p->height - (KERNEL - 1)) * (p->width - (KERNEL - 1)) * c->outputs;
    float *windows = work, *products = work + POINTS * read_stride;
    for (int64_t t = 0; t < count; t++) {
        int64_t number = first + t, place = number % each;
        read_window(p, p->read + number / each * read_size, place / across * TILE, place % across * TILE,
                    c->inputs, windows + t * c->inputs, read_stride);
    }
    for (int point = 0; point < POINTS; point++) {
        for (int64_t g = 0; g < groups(c); g++) {
            const float *weights = c->weights + (point * groups(c) + g) * c->inputs * GROUP;
            const float *from = windows + point * read_stride;
            float *to = products + point * stride + g * GROUP;
            bool narrow = c->outputs - g * GROUP <= LANES;
            /* The last rows may hold what earlier tiles left: their sums are not looked at. */
            for (int64_t t = 0; t < count; t += ROWS) {
                const float *a = from + t * c->inputs;
                if (narrow) multiply(a, weights, c->inputs, to + t * padded, padded, 1);
                else multiply(a, weights, c->inputs, to + t * padded, padded, 2);
            }
        }
    }
    for (int64_t t = 0; t < count; t++) {
        int64_t number = first + t, place = number % each;
        write_tile(c, products + t * padded, stride, p, p->written + number / each * written_size,
                   place / across * TILE, place % across * TILE);
    }
}

static void compute_3x3(const convolution *c, const pictures *p, int64_t first, int64_t end, float *work) {
    int64_t together = tiles_together(c);
    for (; first < end; first += together)
        compute_tiles(c, p, first, end - first < together ? end - first : together, work);
}

#endif
