/* Inner products of embeddings with a query, in double precision. */
#ifndef ANIMEGAN_PRODUCTS_H
#define ANIMEGAN_PRODUCTS_H

#include <stdint.h>

#include "common/target.h"

/* products[i] of row i of embeddings [rows, length]. Sums have one order, so that equal rows have equal products, on
 * every processor. */
FOR_EACH_TARGET(void, inner_products, (const float *embeddings, const double *query, int64_t rows, int64_t length,
                                       double *products));

#endif
