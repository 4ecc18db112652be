#include "products.h"

enum { PARALLEL = 16 };

/* In sums of their own, which the compiler puts into registers. */
static double product(const float *a, const double *b, int64_t length) {
    double sums[PARALLEL] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + PARALLEL <= length; i += PARALLEL)
        for (int j = 0; j < PARALLEL; j++) sums[j] += (double)a[i + j] * b[i + j];
    for (int j = 0; j < PARALLEL; j++) sum += sums[j];
    for (; i < length; i++) sum += (double)a[i] * b[i];
    return sum;
}

void NAME(inner_products)(const float *embeddings, const double *query, int64_t rows, int64_t length,
                          double *products) {
    for (int64_t row = 0; row < rows; row++) products[row] = product(embeddings + row * length, query, length);
}
