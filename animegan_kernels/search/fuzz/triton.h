/* A Triton of one thread, for tests: it hands a backend requests that a test makes up. */
#ifndef ANIMEGAN_FUZZ_TRITON_H
#define ANIMEGAN_FUZZ_TRITON_H

#include "common/triton.h"

enum { MOST_INPUTS = 8, MOST_PARTS = 4, MOST_OUTPUTS = 16 };

struct TRITONBACKEND_Input {
    const char *name;
    TRITONSERVER_DataType type;
    const int64_t *shape;
    uint32_t dimensions, parts;
    const uint8_t *data[MOST_PARTS];
    uint64_t bytes[MOST_PARTS];
    TRITONSERVER_MemoryType memory;
};

struct TRITONBACKEND_Request {
    TRITONBACKEND_Input inputs[MOST_INPUTS];
    uint32_t count;
    const char *outputs[MOST_OUTPUTS]; /* that are asked for */
    uint32_t output_count;
    bool cancelled;
    uint64_t room; /* bytes that an output may have; more cannot be allocated */
    /* What became of it. */
    int responses, releases;
    bool answered; /* without an error */
};

/* Loads a model by its configuration, as JSON; NULL where the backend refuses it. */
TRITONBACKEND_Model *fake_load(const char *config);
/* Lets it answer; every request must be answered once and released once, or the program ends. */
void fake_execute(TRITONBACKEND_Model *model, TRITONBACKEND_Request **requests, uint32_t count);
void fake_unload(TRITONBACKEND_Model *model);

#endif
