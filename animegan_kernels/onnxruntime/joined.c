#include "joined.h"

#include <stdlib.h>
#include <string.h>

static char nothing[8]; /* where a tensor without elements lies; nobody reads or writes it */

static TRITONSERVER_Error *piece(const operand *o, uint32_t index, const void **data, uint64_t *bytes) {
    TRITONSERVER_MemoryType memory = TRITONSERVER_MEMORY_CPU;
    int64_t memory_id = 0;
    TRY(TRITONBACKEND_InputBuffer(o->input, index, data, bytes, &memory, &memory_id));
    return memory == TRITONSERVER_MEMORY_GPU ? invalid("an input lies in the memory of a GPU") : NULL;
}

/* The pieces of one request, which together have as many bytes as the tensor. */
static TRITONSERVER_Error *copy(char *to, const operand *o) {
    uint64_t left = o->bytes;
    for (uint32_t i = 0; i < o->buffers; i++) {
        const void *data;
        uint64_t bytes;
        TRY(piece(o, i, &data, &bytes));
        if (bytes > left) return invalid("an input is longer than its shape");
        if (bytes) memcpy(to, data, bytes);
        to += bytes, left -= bytes;
    }
    return left ? invalid("an input is shorter than its shape") : NULL;
}

/* What all have in common; their rows are added up. */
static TRITONSERVER_Error *measure(joined *to, job *const *jobs, size_t count, size_t index) {
    const operand *first = &jobs[0]->operands[index];
    to->dimensions = first->dimensions;
    if (first->dimensions) memcpy(to->sizes, first->sizes, first->dimensions * sizeof *to->sizes);
    to->bytes = first->bytes;
    for (size_t i = 1; i < count; i++) {
        const operand *o = &jobs[i]->operands[index];
        if (!o->input != !first->input) return invalid("optional inputs differ between requests");
        if (!o->input) continue;
        if (o->dimensions != to->dimensions ||
            memcmp(o->sizes + 1, to->sizes + 1, (to->dimensions - 1) * sizeof *to->sizes) != 0)
            return invalid("the sizes of requests differ");
        if (__builtin_add_overflow(to->bytes, o->bytes, &to->bytes) ||
            __builtin_add_overflow(to->sizes[0], o->sizes[0], &to->sizes[0]))
            return invalid("the requests of a batch are too large together");
    }
    return NULL;
}

static TRITONSERVER_Error *lend(joined *to, const operand *o, size_t alignment) {
    const void *data;
    uint64_t bytes;
    if (o->buffers != 1) return NULL;
    TRY(piece(o, 0, &data, &bytes));
    /* ONNX Runtime takes it as not const, and does not write to it. */
    if (bytes == o->bytes && (uintptr_t)data % alignment == 0) to->data = (char *)(uintptr_t)data;
    return NULL;
}

TRITONSERVER_Error *join(joined *to, job *const *jobs, size_t count, size_t index, const element_type *type) {
    const operand *first = &jobs[0]->operands[index];
    TRY(measure(to, jobs, count, index));
    if (!first->input) return NULL;
    if (!to->bytes) to->data = nothing;
    else if (count == 1) TRY(lend(to, first, type->bytes));
    if (to->data) return NULL;
    to->owned = malloc(to->bytes);
    if (!to->owned) return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_UNAVAILABLE, "onnxruntime: no memory for an input");
    to->data = to->owned;
    char *at = to->data;
    for (size_t i = 0; i < count; at += jobs[i]->operands[index].bytes, i++)
        TRY(copy(at, &jobs[i]->operands[index]));
    return NULL;
}
