/* What computes a convolution, for operator.c, which hands it to ONNX Runtime. */
#ifndef ANIMEGAN_CONV_ALGORITHM_H
#define ANIMEGAN_CONV_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/target.h"

enum { WINOGRAD_3X3, HALVING_2X2, DOUBLING_2X2, ALGORITHMS };
enum { CHANNELS_TOGETHER = 16 }; /* a convolution's inputs are a multiple: the lanes of the widest register */

/* With a leaky rectifier behind it (slope 1: none). */
typedef struct {
    int64_t inputs, outputs; /* channels */
    float slope;
    float *weights; /* in the order in which they are read, padded with zeros to whole groups of outputs */
    float *bias;    /* [groups][GROUP] */
} convolution;

/* The pictures that a convolution reads [count][height][width][inputs], and where it writes. */
typedef struct {
    const float *read;
    float *written;
    int64_t count, height, width;
} pictures;

typedef struct {
    /* Fills in weights and bias, which the caller frees. False: there is no memory. */
    bool (*prepare)(convolution *c, const float *kernels, const float *bias);
    int64_t (*units)(const pictures *p);        /* of work */
    int64_t (*least)(const convolution *c);     /* units that one part is worth */
    size_t (*workspace)(const convolution *c);  /* bytes */
    void (*compute)(const convolution *c, const pictures *p, int64_t first, int64_t end, float *work);
} algorithm;

/* [ALGORITHMS] */
FOR_EACH_TARGET(const algorithm *, algorithms, (void));

#endif
