#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *read_all(int descriptor, char *to, size_t bytes) {
    for (size_t done = 0; done < bytes;) {
        const ssize_t got = read(descriptor, to + done, bytes - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return strerror(errno);
        if (got == 0) return "it became shorter while it was read";
        done += (size_t)got;
    }
    return NULL;
}

static const char *read_open(int descriptor, file_content *content) {
    struct stat about;
    if (fstat(descriptor, &about)) return strerror(errno);
    if (!S_ISREG(about.st_mode)) return "it is no regular file";
    if (about.st_size < 1 || about.st_size > LARGEST_FILE) return "it is empty, or has 2 GiB or more";
    content->bytes = (size_t)about.st_size;
    content->data = malloc(content->bytes);
    if (!content->data) return "no memory";
    const char *why = read_all(descriptor, content->data, content->bytes);
    if (why) free(content->data);
    return why;
}

const char *file_read(const char *path, file_content *content) {
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not make it wait */
    if (descriptor < 0) return strerror(errno);
    const char *why = read_open(descriptor, content);
    close(descriptor);
    return why;
}
