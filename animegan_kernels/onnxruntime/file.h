/* Whole files in memory. */
#ifndef ANIMEGAN_ORT_FILE_H
#define ANIMEGAN_ORT_FILE_H

#include <stddef.h>

enum { LARGEST_FILE = 0x7fffffff }; /* bytes; protobuf, and so ONNX, knows no larger messages */

typedef struct {
    void *data;
    size_t bytes;
} file_content;

/* NULL, or what went wrong, as strerror() words it. On success free() the data. */
const char *file_read(const char *path, file_content *content);

#endif
