#include "request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNED = 16 };

/* Where what was given without elements lies, so that it differs from what was not given. */
static const uint8_t nothing[ALIGNED] __attribute__((aligned(ALIGNED)));

/* Bytes of an element; 0: each has its own length. */
static size_t width_of(TRITONSERVER_DataType type) {
    switch (type) {
    case TRITONSERVER_TYPE_BOOL: case TRITONSERVER_TYPE_UINT8: return 1;
    case TRITONSERVER_TYPE_INT32: case TRITONSERVER_TYPE_FP32: return 4;
    case TRITONSERVER_TYPE_INT64: case TRITONSERVER_TYPE_FP64: return 8;
    default: return 0;
    }
}

static const char *name_of(TRITONSERVER_DataType type) {
    switch (type) {
    case TRITONSERVER_TYPE_BOOL: return "BOOL";
    case TRITONSERVER_TYPE_UINT8: return "UINT8";
    case TRITONSERVER_TYPE_INT32: return "INT32";
    case TRITONSERVER_TYPE_INT64: return "INT64";
    case TRITONSERVER_TYPE_FP32: return "FP32";
    case TRITONSERVER_TYPE_FP64: return "FP64";
    default: return "BYTES";
    }
}

/* ---- errors ------------------------------------------------------------------------------------- */

void log_text(TRITONSERVER_LogLevel level, const char *message) {
    TRITONSERVER_Error *error = TRITONSERVER_LogMessage(level, "animegan_search", 0, message);
    if (error) TRITONSERVER_ErrorDelete(error); /* what cannot be logged has no better place */
}

void log_error(TRITONSERVER_Error *error) {
    if (!error) return;
    log_text(TRITONSERVER_LOG_ERROR, TRITONSERVER_ErrorMessage(error));
    TRITONSERVER_ErrorDelete(error);
}

bool succeeds(TRITONSERVER_Error *error, failure *why) {
    if (!error) return true;
    fails(why, BROKEN, "%s", TRITONSERVER_ErrorMessage(error));
    TRITONSERVER_ErrorDelete(error);
    return false;
}

TRITONSERVER_Error *error_of(const failure *why) {
    static const TRITONSERVER_Error_Code codes[] = {
        [NOT_SERVED] = TRITONSERVER_ERROR_NOT_FOUND, [REFUSED] = TRITONSERVER_ERROR_UNAVAILABLE,
        [DAMAGED] = TRITONSERVER_ERROR_UNAVAILABLE,  [MISFIT] = TRITONSERVER_ERROR_INVALID_ARG,
        [STALE] = TRITONSERVER_ERROR_UNAVAILABLE,    [NO_MEMORY] = TRITONSERVER_ERROR_UNAVAILABLE,
        [BROKEN] = TRITONSERVER_ERROR_INTERNAL,      [CANCELLED] = TRITONSERVER_ERROR_CANCELLED};
    return why->kind == NO_FAILURE ? NULL : TRITONSERVER_ErrorNew(codes[why->kind], why->text);
}

/* ---- inputs ------------------------------------------------------------------------------------- */

static bool count_elements(tensor *t, uint32_t dimensions) {
    t->count = 1;
    for (uint32_t i = 0; i < dimensions; i++)
        if (t->shape[i] < 0 || __builtin_mul_overflow(t->count, t->shape[i], &t->count)) return false;
    return true;
}

/* Its elements take as many bytes as it has; those of BYTES are counted when they are read. */
static bool has_its_bytes(const tensor *t, TRITONSERVER_DataType type) {
    uint64_t bytes;
    const size_t width = width_of(type);
    return !width || (!__builtin_mul_overflow((uint64_t)t->count, width, &bytes) && bytes == t->bytes);
}

static bool part_of(TRITONBACKEND_Input *from, uint32_t place, const input *wanted, const void **data, uint64_t *bytes,
                    failure *why) {
    TRITONSERVER_MemoryType memory = TRITONSERVER_MEMORY_CPU;
    int64_t memory_id = 0;
    if (!succeeds(TRITONBACKEND_InputBuffer(from, place, data, bytes, &memory, &memory_id), why)) return false;
    return memory != TRITONSERVER_MEMORY_GPU ||
           fails(why, MISFIT, "the input '%s' lies in a GPU's memory; send it as plain bytes", wanted->name);
}

/* Takes a tensor that lies in one aligned piece as it is; joins or moves others. */
static bool take_parts(TRITONBACKEND_Input *from, uint32_t parts, const input *wanted, tensor *t, failure *why) {
    const void *data = NULL;
    uint64_t bytes = 0;
    size_t filled = 0;
    if (parts && !part_of(from, 0, wanted, &data, &bytes, why)) return false;
    if (parts == 1 && bytes == t->bytes && (uintptr_t)data % ALIGNED == 0) return t->data = bytes ? data : nothing, true;
    if (!(t->data = t->own = malloc(t->bytes + 1))) return no_memory(why);
    for (uint32_t i = 0; i < parts; i++) {
        if (!part_of(from, i, wanted, &data, &bytes, why)) return false;
        if (bytes > t->bytes - filled) break;
        if (bytes) memcpy(t->own + filled, data, bytes);
        filled += bytes;
    }
    return filled == t->bytes || fails(why, MISFIT, "the input '%s' is cut", wanted->name);
}

bool tensor_read(request *from, const input *wanted, tensor *into) {
    TRITONBACKEND_Input *given = NULL;
    TRITONSERVER_DataType type;
    uint32_t dimensions, parts;
    uint64_t bytes;
    failure *why = &from->why;
    *into = (tensor){0};
    TRITONSERVER_Error *missing = TRITONBACKEND_RequestInput(from->request, wanted->name, &given);
    if (missing) {
        TRITONSERVER_ErrorDelete(missing);
        return wanted->optional || fails(why, MISFIT, "the input '%s' is missing", wanted->name);
    }
    if (!succeeds(TRITONBACKEND_InputProperties(given, NULL, &type, &into->shape, &dimensions, &bytes, &parts), why))
        return false;
    into->bytes = bytes;
    const bool fits = type == wanted->type && dimensions == wanted->dimensions && count_elements(into, dimensions);
    if (!fits || !has_its_bytes(into, type))
        return fails(why, MISFIT, "the input '%s' must be %s with %u dimensions", wanted->name, name_of(wanted->type),
                     wanted->dimensions);
    return take_parts(given, parts, wanted, into, why);
}

void tensor_free(tensor *held) {
    free(held->own);
    *held = (tensor){0};
}

/* The element at *at, and moves on behind it. */
static bool next_text(const tensor *of, size_t *at, text *element) {
    uint32_t length;
    if (of->bytes - *at < sizeof length) return false;
    memcpy(&length, of->data + *at, sizeof length);
    *at += sizeof length;
    if (of->bytes - *at < length) return false;
    *element = (text){(const char *)of->data + *at, length};
    *at += length;
    return true;
}

bool tensor_text(request *from, const input *which, const tensor *of, text *first, bool *same) {
    size_t at = 0;
    *same = true;
    for (int64_t i = 0; i < of->count; i++) {
        text element;
        if (!next_text(of, &at, &element))
            return fails(&from->why, MISFIT, "the input '%s' is cut", which->name);
        if (!i) *first = element;
        *same = *same && element.length == first->length && !memcmp(element.at, first->at, element.length);
    }
    if (!of->count) return fails(&from->why, MISFIT, "the input '%s' is empty", which->name);
    return at == of->bytes || fails(&from->why, MISFIT, "the input '%s' is too long", which->name);
}

/* ---- outputs ------------------------------------------------------------------------------------ */

static bool is_wanted(request *from, const char *name, bool *wanted) {
    uint32_t count;
    *wanted = false;
    if (!succeeds(TRITONBACKEND_RequestOutputCount(from->request, &count), &from->why)) return false;
    for (uint32_t i = 0; i < count && !*wanted; i++) {
        const char *other;
        if (!succeeds(TRITONBACKEND_RequestOutputName(from->request, i, &other), &from->why)) return false;
        *wanted = !strcmp(other, name);
    }
    return true;
}

/* Room for so many bytes; *to is not NULL, even for none. */
static bool make_room(request *from, const char *name, TRITONSERVER_DataType type, const int64_t *shape,
                      uint32_t dimensions, uint64_t bytes, uint8_t **to) {
    static uint8_t no_bytes;
    TRITONBACKEND_Output *output;
    TRITONSERVER_MemoryType memory = TRITONSERVER_MEMORY_CPU;
    int64_t memory_id = 0;
    void *room = NULL;
    if (!succeeds(TRITONBACKEND_ResponseOutput(from->response, &output, name, type, shape, dimensions), &from->why) ||
        !succeeds(TRITONBACKEND_OutputBuffer(output, &room, bytes, &memory, &memory_id), &from->why))
        return false;
    if (memory == TRITONSERVER_MEMORY_GPU)
        return fails(&from->why, MISFIT, "the output '%s' cannot be written to a GPU's memory", name);
    *to = room ? room : &no_bytes;
    return room || !bytes || fails(&from->why, BROKEN, "there is no room for the output '%s'", name);
}

static bool product_of(const int64_t *shape, uint32_t dimensions, uint64_t width, uint64_t *bytes) {
    *bytes = width;
    for (uint32_t i = 0; i < dimensions; i++)
        if (__builtin_mul_overflow(*bytes, (uint64_t)shape[i], bytes)) return false;
    return true;
}

bool output_begin(request *from, const char *name, TRITONSERVER_DataType type, const int64_t *shape,
                  uint32_t dimensions, uint8_t **to) {
    bool wanted;
    uint64_t bytes;
    *to = NULL;
    if (!is_wanted(from, name, &wanted)) return false;
    if (!wanted) return true;
    if (!product_of(shape, dimensions, width_of(type), &bytes))
        return fails(&from->why, MISFIT, "the output '%s' is too large", name);
    return make_room(from, name, type, shape, dimensions, bytes, to);
}

void output_put(uint8_t **to, const void *data, size_t bytes) {
    if (bytes) memcpy(*to, data, bytes);
    *to += bytes;
}

bool output_text(request *from, const char *name, const int64_t *shape, uint32_t dimensions, const char *content) {
    const size_t length = strlen(content);
    const uint32_t prefix = (uint32_t)length;
    bool wanted;
    uint64_t bytes;
    uint8_t *to;
    if (!is_wanted(from, name, &wanted)) return false;
    if (!wanted) return true;
    if (length > INT32_MAX || !product_of(shape, dimensions, length + sizeof prefix, &bytes))
        return fails(&from->why, MISFIT, "the output '%s' is too large", name);
    if (!make_room(from, name, TRITONSERVER_TYPE_BYTES, shape, dimensions, bytes, &to)) return false;
    for (uint64_t i = 0; i < bytes; i += length + sizeof prefix) {
        output_put(&to, &prefix, sizeof prefix);
        output_put(&to, content, length);
    }
    return true;
}
