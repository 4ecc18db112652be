/* Requests that Triton gives a model: their inputs, checked, and their outputs. */
#ifndef ANIMEGAN_REQUEST_H
#define ANIMEGAN_REQUEST_H

#include "common/triton.h"
#include "failure.h"
#include "workers.h"

typedef struct {
    TRITONBACKEND_Request *request;
    TRITONBACKEND_Response *response;
    int64_t rows; /* of its batch, for statistics */
    failure why;  /* of kind NO_FAILURE as long as nothing is wrong with it */
} request;

/* One of the models that this backend serves. */
typedef struct {
    const char *kind; /* as its configuration calls it */
    void *(*open)(workers *threads, failure *why);
    void (*close)(void *model);
    /* Answers each request whose `why` is NO_FAILURE, or says why not; none fails for another's sake. */
    void (*answer)(void *model, request *requests, uint32_t count);
} served_model;

extern const served_model ssim_search_model, ssim_index_model, copy_search_model;

/* Logs it and frees it; NULL is ignored. */
void log_error(TRITONSERVER_Error *error);
void log_text(TRITONSERVER_LogLevel level, const char *message);
/* Whether there was no error; else it is noted down, and freed. */
bool succeeds(TRITONSERVER_Error *error, failure *why);
/* As Triton is told; NULL for NO_FAILURE. */
TRITONSERVER_Error *error_of(const failure *why);

/* ---- inputs ------------------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *data; /* aligned for every type; NULL: the input was not given */
    size_t bytes;
    const int64_t *shape; /* none is negative; the request's */
    int64_t count;        /* of elements */
    uint8_t *own;         /* where its parts were joined */
} tensor;

typedef struct {
    const char *name;
    TRITONSERVER_DataType type;
    uint32_t dimensions;
    bool optional;
} input;

/* Reads an input; tensor_free frees what it holds, whether this succeeds or not. */
bool tensor_read(request *from, const input *wanted, tensor *into);
void tensor_free(tensor *held);
/* The first text of a BYTES input, and whether all others are the same; it lies in the tensor. */
bool tensor_text(request *from, const input *which, const tensor *of, text *first, bool *same);

/* ---- outputs ------------------------------------------------------------------------------------ */

/* Room for an output in the response; *to is NULL where nobody asked for it. */
bool output_begin(request *from, const char *name, TRITONSERVER_DataType type, const int64_t *shape,
                  uint32_t dimensions, uint8_t **to);
/* Copies to the room, and moves on in it. */
void output_put(uint8_t **to, const void *data, size_t bytes);
/* A BYTES output whose elements are all the same. */
bool output_text(request *from, const char *name, const int64_t *shape, uint32_t dimensions, const char *content);

#endif
