#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "npy.h"

bool join_path(char path[PATH_ROOM], const char *folder, const char *name) {
    const int length = snprintf(path, PATH_ROOM, "%s/%s", folder, name);
    return length > 0 && length < PATH_ROOM;
}

/* Opens a regular file; O_NONBLOCK, so that a pipe in its place cannot hold us up. */
static file_state open_file(const char *path, int *file, struct stat *status) {
    *file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*file < 0) return errno == ENOENT || errno == ENOTDIR ? FILE_MISSING : FILE_UNREADABLE;
    if (!fstat(*file, status) && S_ISREG(status->st_mode) && status->st_size >= 0) return FILE_READ;
    close(*file);
    return FILE_MISSING;
}

static bool read_all(int file, char *to, size_t bytes) {
    while (bytes) {
        const ssize_t got = read(file, to, bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        to += got, bytes -= (size_t)got;
    }
    return true;
}

file_state file_read(const char *path, size_t most, char **content, size_t *bytes) {
    struct stat status;
    int file;
    const file_state state = open_file(path, &file, &status);
    if (state != FILE_READ) return state;
    *bytes = (size_t)status.st_size;
    *content = *bytes <= most ? malloc(*bytes + 1) : NULL;
    const bool well = *content && read_all(file, *content, *bytes);
    close(file);
    if (well) return (*content)[*bytes] = 0, FILE_READ;
    free(*content);
    return *content = NULL, FILE_UNREADABLE;
}

file_state file_map(const char *path, mapping *mapped) {
    struct stat status;
    int file;
    const file_state state = open_file(path, &file, &status);
    if (state != FILE_READ) return state;
    *mapped = (mapping){.bytes = (size_t)status.st_size, .device = status.st_dev, .inode = status.st_ino};
    void *data = mapped->bytes ? mmap(NULL, mapped->bytes, PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
    close(file);
    mapped->data = data == MAP_FAILED ? NULL : data;
    return mapped->bytes && !mapped->data ? FILE_UNREADABLE : FILE_READ;
}

void file_unmap(mapping *mapped) {
    if (mapped->data) munmap((void *)(uintptr_t)mapped->data, mapped->bytes);
    *mapped = (mapping){0};
}

bool file_is_whole(const char *path, const mapping *mapped) {
    struct stat now;
    const bool same = !stat(path, &now) && now.st_dev == mapped->device && now.st_ino == mapped->inode;
    return !same || (now.st_size >= 0 && (uint64_t)now.st_size >= mapped->bytes);
}

/* ---- arrays ------------------------------------------------------------------------------------- */

static bool is_wanted(const npy_header *header, const array_type *wanted) {
    if (strcmp(header->descr, wanted->descr) || header->dimensions != wanted->dimensions) return false;
    for (int i = 0; i < wanted->dimensions; i++)
        if (wanted->shape[i] != -1 && wanted->shape[i] != header->shape[i]) return false;
    return true;
}

/* "[5, 6]" */
static const char *shape_text(char to[256], const int64_t *shape, int dimensions) {
    int length = snprintf(to, 256, "[");
    for (int i = 0; i < dimensions; i++)
        length += snprintf(to + length, 256 - (size_t)length, "%s%lld", i ? ", " : "", (long long)shape[i]);
    snprintf(to + length, 256 - (size_t)length, "]");
    return to;
}

const void *array_in(const mapping *mapped, const char *path, const array_type *wanted, const char *remedy,
                     int64_t *count, failure *why) {
    npy_header header;
    char shape[256], other[256];
    size_t bytes;
    const char *complaint = npy_read(mapped->data, mapped->bytes, &header);
    if (!complaint && is_wanted(&header, wanted)) {
        const bool whole = !__builtin_mul_overflow((uint64_t)header.count, wanted->width, &bytes) &&
                           bytes == mapped->bytes - header.start;
        if (whole) return *count = header.count, mapped->data + header.start;
        complaint = "its size and its header do not agree";
    }
    if (complaint)
        fails(why, DAMAGED, "%s cannot be read (%s): %s", path, complaint, remedy);
    else
        fails(why, DAMAGED, "%s: expected %s %s, found %s %s: %s", path, wanted->called,
              shape_text(shape, wanted->shape, wanted->dimensions), header.descr,
              shape_text(other, header.shape, header.dimensions), remedy);
    return NULL;
}

bool ascends(const int64_t *numbers, int64_t count, int64_t low, int64_t high) {
    if (count < 1 || numbers[0] < low || numbers[count - 1] >= high) return false;
    for (int64_t i = 1; i < count; i++)
        if (numbers[i] <= numbers[i - 1]) return false;
    return true;
}
