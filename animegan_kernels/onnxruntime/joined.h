/* An input of several requests as one tensor. */
#ifndef ANIMEGAN_ORT_JOINED_H
#define ANIMEGAN_ORT_JOINED_H

#include "job.h"

typedef struct {
    char *data; /* NULL: an optional input that was left out */
    void *owned; /* what is to be freed: NULL where the data is Triton's */
    int64_t sizes[MOST_DIMENSIONS]; /* those of all rows */
    size_t dimensions, bytes;
} joined;

/* Joins input `index` along the first dimension. It is copied only where it lies in several pieces, or where no
 * processor's loads would be aligned. After an error, too, free what is owned. */
TRITONSERVER_Error *join(joined *to, job *const *jobs, size_t count, size_t index, const element_type *type);

#endif
