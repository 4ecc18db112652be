/* What all convolutions here have in common: their weights and the innermost product. */
#ifndef ANIMEGAN_CONV_PRODUCT_H
#define ANIMEGAN_CONV_PRODUCT_H

#include <stdlib.h>

#include "algorithm.h"
#include "lanes.h"

enum { GROUP = 2 * LANES }; /* output channels that are computed together */

INLINE int64_t groups(const convolution *c) { return (c->outputs + GROUP - 1) / GROUP; }

/* Memory for so many points of the kernel, each [groups][inputs][GROUP], and the bias. */
static bool allocate(convolution *c, int64_t points, const float *bias) {
    c->weights = calloc((size_t)(points * groups(c) * c->inputs * GROUP), sizeof(float));
    c->bias = calloc((size_t)(groups(c) * GROUP), sizeof(float));
    if (!c->weights || !c->bias) return false;
    memcpy(c->bias, bias, (size_t)c->outputs * sizeof(float));
    return true;
}

/* sums [rows][vectors] += a [rows][length], rows `stride` apart, x weights [length][GROUP]. */
INLINE void add_product(lanes sums[ROWS][2], const float *a, int64_t stride, int64_t length,
                        const float *weights, const int rows, const int vectors) {
    for (int64_t i = 0; i < length; i++) {
        lanes w[2];
        for (int v = 0; v < vectors; v++) w[v] = load(weights + i * GROUP + v * LANES);
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            lanes x = all(a[r * stride + i]);
            for (int v = 0; v < vectors; v++) sums[r][v] = mul_add(x, w[v], sums[r][v]);
        }
    }
}

INLINE lanes rectified(const convolution *c, lanes sum, int64_t channel) {
    lanes z = sum + load(c->bias + channel);
    return larger(z, z * all(c->slope));
}

#endif
