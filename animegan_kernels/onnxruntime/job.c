#include "job.h"

#include <stdio.h>
#include <string.h>

TRITONSERVER_Error *invalid(const char *text) {
    char message[512];
    snprintf(message, sizeof message, "onnxruntime: %s", text);
    return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INVALID_ARG, message);
}

static TRITONSERVER_Error *find_input(TRITONBACKEND_Request *request, const tensor_setting *tensor, operand *o) {
    TRITONSERVER_Error *error = TRITONBACKEND_RequestInput(request, tensor->name, &o->input);
    if (!error) return NULL;
    o->input = NULL;
    if (!tensor->optional) return error;
    TRITONSERVER_ErrorDelete(error);
    return NULL;
}

static bool has_bytes(const operand *o, size_t element) {
    uint64_t bytes = element;
    for (size_t d = 0; d < o->dimensions; d++)
        if (o->sizes[d] < 0 || __builtin_mul_overflow(bytes, (uint64_t)o->sizes[d], &bytes)) return false;
    return bytes == o->bytes;
}

static TRITONSERVER_Error *read_operand(operand *o, const element_type *expected) {
    const char *name;
    TRITONSERVER_DataType type;
    uint32_t dimensions;
    TRY(TRITONBACKEND_InputProperties(o->input, &name, &type, &o->sizes, &dimensions, &o->bytes, &o->buffers));
    o->dimensions = dimensions;
    if (type != expected->triton) return invalid("an input has another type than the model's");
    if (dimensions > MOST_DIMENSIONS) return invalid("an input has more than 16 dimensions");
    if (!has_bytes(o, expected->bytes)) return invalid("an input's bytes do not fit its shape");
    return NULL;
}

/* All inputs have the batch in common. */
static TRITONSERVER_Error *read_rows(job *j, const operand *o, bool first) {
    if (!o->dimensions || o->sizes[0] < 1) return invalid("an input has no batch dimension, or an empty one");
    if (o->sizes[0] > INT32_MAX) return invalid("a batch has 2^31 rows or more");
    if (!first && o->sizes[0] != j->rows) return invalid("the inputs differ in their batch sizes");
    j->rows = o->sizes[0];
    return NULL;
}

static TRITONSERVER_Error *read_inputs(job *j, const model *m) {
    const settings *s = &m->settings;
    bool first = true;
    j->rows = 1;
    for (size_t i = 0; i < s->input_count; i++) {
        operand *o = &j->operands[i];
        TRY(find_input(j->request, &s->inputs[i], o));
        if (!o->input) continue;
        TRY(read_operand(o, s->inputs[i].type));
        if (s->batches) TRY(read_rows(j, o, first));
        first = false;
    }
    return first ? invalid("a request without inputs") : NULL;
}

static TRITONSERVER_Error *read_wanted(job *j, const settings *s) {
    uint32_t count;
    TRY(TRITONBACKEND_RequestOutputCount(j->request, &count));
    for (uint32_t i = 0; i < count; i++) {
        const char *name;
        TRY(TRITONBACKEND_RequestOutputName(j->request, i, &name));
        for (size_t k = 0; k < s->output_count; k++)
            if (strcmp(s->outputs[k].name, name) == 0) j->wanted[k] = true;
    }
    return NULL;
}

TRITONSERVER_Error *job_read(job *j, const model *m) {
    TRY(read_inputs(j, m));
    return read_wanted(j, &m->settings);
}
