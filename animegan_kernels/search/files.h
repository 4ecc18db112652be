/* Files of an index: read whole, or mapped; and NumPy's arrays in them. */
#ifndef ANIMEGAN_FILES_H
#define ANIMEGAN_FILES_H

#include <stdint.h>

#include "failure.h"

enum { PATH_ROOM = 4096 };

/* "<folder>/<name>"; false where it is too long for a path. */
bool join_path(char path[PATH_ROOM], const char *folder, const char *name);

typedef enum { FILE_READ, FILE_MISSING, FILE_UNREADABLE } file_state;

/* Reads a file of at most `most` bytes into new memory, with a 0 behind it. */
file_state file_read(const char *path, size_t most, char **content, size_t *bytes);

/* A file in memory, read-only; whoever writes indexes gives changed files new names or replaces them. */
typedef struct {
    const uint8_t *data; /* NULL: nothing is mapped */
    size_t bytes;
    uint64_t device, inode; /* of the file */
} mapping;

file_state file_map(const char *path, mapping *mapped);
void file_unmap(mapping *mapped);
/* Whether the file is still as long as it was: reading what is cut off would end the process. One that was replaced or
 * removed is, as whoever has mapped it keeps it. */
bool file_is_whole(const char *path, const mapping *mapped);

/* What an array must be. */
typedef struct {
    const char *descr;   /* as .npy files write it */
    const char *called;  /* in messages */
    size_t width;        /* bytes of an item */
    int dimensions;
    int64_t shape[5];    /* -1 stands for any length */
} array_type;

/* The data of an array in a mapped .npy file; NULL, and `why`, where it is another one. `remedy` ends the message. */
const void *array_in(const mapping *mapped, const char *path, const array_type *wanted, const char *remedy,
                     int64_t *count, failure *why);
/* One or more numbers that ascend from `low` on and stay below `high`. */
bool ascends(const int64_t *numbers, int64_t count, int64_t low, int64_t high);

#endif
