/* One request: what it brings, what it asks for, what becomes of it. */
#ifndef ANIMEGAN_ORT_JOB_H
#define ANIMEGAN_ORT_JOB_H

#include "model.h"

enum { MOST_DIMENSIONS = 16 }; /* of a tensor, with the batch's */

/* A tensor of a request; it belongs to Triton. */
typedef struct {
    TRITONBACKEND_Input *input; /* NULL: an optional one that was left out */
    const int64_t *sizes;
    size_t dimensions;
    uint64_t bytes;
    uint32_t buffers;
} operand;

typedef struct {
    TRITONBACKEND_Request *request;
    operand *operands; /* [inputs of the configuration] */
    bool *wanted;      /* [outputs of the configuration] */
    int64_t rows;      /* 1 where the model does not batch */
    bool failed;       /* for the statistics */
} job;

/* Reads all but the tensors' values, and checks sizes against bytes. */
TRITONSERVER_Error *job_read(job *j, const model *m);

TRITONSERVER_Error *invalid(const char *text);

#endif
