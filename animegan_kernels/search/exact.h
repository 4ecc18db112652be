/* SSIM in float64, one pair of pictures at a time: what reference.py computes, to the last bit. It decides ranks. */
#ifndef ANIMEGAN_EXACT_H
#define ANIMEGAN_EXACT_H

#include "definition.h"

/* A query, ready to be compared. */
typedef struct {
    picture_shape shape;
    double *values;          /* [H, W, C] */
    double *mean, *variance; /* of its windows, [down, across, C] */
} exact_query;

/* What comparing needs; of one thread. */
typedef struct exact_memory exact_memory;

/* Prepares a query, uint8 [H, W, C]. -1: no memory; nothing is to be freed then. */
int exact_begin(exact_query *query, const picture_shape *shape, const uint8_t *picture);
void exact_end(exact_query *query);
exact_memory *exact_memory_for(const picture_shape *shape); /* NULL: none; to be freed */
/* Mean SSIM of the query to the reference in place `row` of some tiles. */
double exact_ssim(const exact_query *query, const int8_t *tiles, int64_t row, exact_memory *memory);

#endif
