/* Requests made of any bytes, for models of either backend. */
#ifndef ANIMEGAN_FUZZ_REQUESTS_H
#define ANIMEGAN_FUZZ_REQUESTS_H

#include "triton.h"

enum { TOGETHER = 3, MOST_INPUTS = 6, MOST_OUTPUTS = 9, DIMENSIONS = 5 };

/* As a request that is answered has it. */
typedef struct {
    const char *name;
    TRITONSERVER_DataType type;
    uint32_t dimensions;
    int64_t shape[DIMENSIONS];
    const char *content; /* what it begins with; zeros follow */
    size_t content_bytes, bytes;
    bool optional; /* such a request lacks it */
} known_input;

typedef struct {
    known_input inputs[MOST_INPUTS]; /* up to one without a name */
    const char *outputs[MOST_OUTPUTS];
} known_model;

/* Makes one to three requests, lets the model answer them, and ends the program where one is not answered once, released
 * once, or something that was lent is not given back. Zeros describe requests that must be answered without an error, or
 * the corpus would find nothing; every bit can make something wrong with an input. */
void ask(TRITONBACKEND_Model *model, const known_model *known, const uint8_t *data, size_t bytes);

#endif
