#include "npy.h"

#include <stdbool.h>
#include <string.h>

enum { MAGIC = 6, ALIGNMENT = 16 };

typedef struct { const char *at, *end; } cursor;

static bool takes(cursor *c, const char *word) {
    const size_t length = strlen(word);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length)) return false;
    c->at += length;
    return true;
}

/* 'name', or [('name', 'type'), ...]: up to the end of the quotes or of the list. */
static bool read_descr(cursor *c, char descr[NPY_DESCR]) {
    const char *begin = c->at;
    if (c->at == c->end || (*c->at != '\'' && *c->at != '[')) return false;
    const char closing = *c->at++ == '[' ? ']' : '\'';
    while (c->at < c->end && *c->at != closing) c->at++;
    if (c->at == c->end || c->at - begin + 2 > NPY_DESCR) return false;
    c->at++;
    memcpy(descr, begin, (size_t)(c->at - begin));
    descr[c->at - begin] = 0;
    return true;
}

static bool read_length(cursor *c, int64_t *length) {
    const char *begin = c->at;
    for (*length = 0; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        if (__builtin_mul_overflow(*length, 10, length) || __builtin_add_overflow(*length, *c->at - '0', length))
            return false;
    return c->at > begin;
}

/* Behind "(": "5,)" or "5, 6)" or ")". */
static bool read_shape(cursor *c, npy_header *header) {
    header->dimensions = 0, header->count = 1;
    while (!takes(c, ")")) {
        if (header->dimensions == NPY_DIMENSIONS || !read_length(c, &header->shape[header->dimensions])) return false;
        if (__builtin_mul_overflow(header->count, header->shape[header->dimensions++], &header->count)) return false;
        const bool comma = takes(c, ",");
        if (!comma && (header->dimensions == 1 || c->at == c->end || *c->at != ')')) return false;
        if (comma) takes(c, " ");
    }
    return true;
}

static const char *read_text(cursor c, npy_header *header) {
    if (!takes(&c, "{'descr': ") || !read_descr(&c, header->descr)) return "its header names no type";
    if (!takes(&c, ", 'fortran_order': False")) return "its header names no order, or Fortran's";
    if (!takes(&c, ", 'shape': (") || !read_shape(&c, header)) return "its header names no shape";
    if (!takes(&c, ", }")) return "its header does not end";
    while (c.at < c.end && *c.at == ' ') c.at++;
    return takes(&c, "\n") && c.at == c.end ? NULL : "its header holds more than NumPy writes";
}

const char *npy_read(const uint8_t *file, size_t bytes, npy_header *header) {
    if (bytes < MAGIC + 4 || memcmp(file, "\x93NUMPY", MAGIC)) return "it is no array of NumPy's";
    const int version = file[MAGIC], width = version == 1 ? 2 : 4;
    if (version < 1 || version > 3 || file[MAGIC + 1]) return "its format version is unknown";
    const size_t begin = MAGIC + 2 + (size_t)width;
    size_t length = 0;
    if (bytes < begin) return "it is cut short";
    for (int i = width; i-- > 0;) length = length << 8 | file[MAGIC + 2 + i];
    if (length > bytes - begin) return "it is cut short";
    header->start = begin + length;
    if (header->start % ALIGNMENT) return "its data is not aligned";
    const char *header_text = (const char *)file + begin;
    return read_text((cursor){header_text, header_text + length}, header);
}
