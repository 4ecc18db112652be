/* Drives a fuzz target where there is no libFuzzer: every file of a corpus as it is, then so many times changed at
 * random, always in the same way for the same seed. An input that ends the program, or takes ten seconds, is left in the
 * file "crash", as libFuzzer leaves it.
 *
 *     target [-runs=N] [-seed=S] FILE|FOLDER ... */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { MOST_FILES = 4096, LONGEST = 1 << 16, LONGEST_RUN = 10 /* seconds */ };

typedef struct { uint8_t *data; size_t bytes; } content;

static content files[MOST_FILES], running;
static size_t file_count;
static uint64_t state;

/* ---- what is left of an input that ends the program --------------------------------------------- */

void __sanitizer_set_death_callback(void (*callback)(void)); /* of the sanitizers' runtimes */
const char *__asan_default_options(void);

const char *__asan_default_options(void) { return "handle_abort=1:allocator_may_return_null=1"; }

static void keep_input(void) {
    FILE *file = running.data ? fopen("crash", "wb") : NULL;
    if (file) fwrite(running.data, 1, running.bytes, file), fclose(file);
}

static void take_too_long(int number) {
    (void)number;
    abort();
}

/* ---- the corpus --------------------------------------------------------------------------------- */

/* xorshift64 */
static uint64_t drawn(uint64_t below) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return below ? state % below : 0;
}

static void read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || file_count == MOST_FILES) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    uint8_t *data = malloc(LONGEST);
    if (!data) exit(2);
    const size_t bytes = fread(data, 1, LONGEST, file);
    fclose(file);
    files[file_count++] = (content){data, bytes};
}

static void read_corpus(const char *path) {
    DIR *folder = opendir(path);
    if (!folder) {
        read_file(path);
        return;
    }
    char inside[8192];
    for (struct dirent *item; (item = readdir(folder));) {
        if (item->d_name[0] == '.') continue;
        snprintf(inside, sizeof inside, "%s/%s", path, item->d_name);
        read_file(inside);
    }
    closedir(folder);
}

/* ---- changes ------------------------------------------------------------------------------------ */

/* Numbers at which programs go wrong. */
static void put_number(uint8_t *at, size_t room) {
    static const int64_t odd[] = {0, 1, -1, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, UINT32_MAX, 255, 65536};
    const int64_t number = odd[drawn(sizeof odd / sizeof *odd)];
    const size_t width = drawn(2) ? 8 : 4;
    if (room >= width) memcpy(at, &number, width);
}

static size_t splice(uint8_t *data, size_t bytes) {
    const content *other = &files[drawn(file_count)];
    const size_t from = drawn(other->bytes), length = drawn(other->bytes - from), at = drawn(bytes);
    if (at + length > LONGEST) return bytes;
    memcpy(data + at, other->data + from, length);
    return at + length > bytes ? at + length : bytes;
}

static size_t change(uint8_t *data, size_t bytes) {
    for (uint64_t times = 1 + drawn(4); times-- && bytes;) {
        const size_t at = drawn(bytes), length = drawn(bytes - at);
        switch (drawn(6)) {
        case 0: data[at] ^= (uint8_t)(1 << drawn(8)); break;
        case 1: data[at] = (uint8_t)drawn(256); break;
        case 2: put_number(data + at, bytes - at); break;
        case 3: memmove(data + at, data + at + length, bytes - at - length), bytes -= length; break;
        case 4: bytes = splice(data, bytes); break;
        default: data[at] = (uint8_t)"{}[]\",:-0919e'() "[drawn(17)];
        }
    }
    return bytes;
}

static void run(const uint8_t *data, size_t bytes) {
    uint8_t *copy = malloc(bytes + !bytes); /* of just this size: what is read beyond it is noticed */
    if (!copy) exit(2);
    memcpy(copy, data, bytes);
    running = (content){copy, bytes};
    alarm(LONGEST_RUN);
    LLVMFuzzerTestOneInput(copy, bytes);
    running.data = NULL;
    free(copy);
}

static int by_content(const void *a, const void *b) {
    const content *x = a, *y = b;
    const int difference = memcmp(x->data, y->data, x->bytes < y->bytes ? x->bytes : y->bytes);
    return difference ? difference : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

int main(int count, char **arguments) {
    unsigned long runs = 0, seed = 0;
    for (int i = 1; i < count; i++) {
        if (!strncmp(arguments[i], "-runs=", 6)) runs = strtoul(arguments[i] + 6, NULL, 10);
        else if (!strncmp(arguments[i], "-seed=", 6)) seed = strtoul(arguments[i] + 6, NULL, 10);
        else read_corpus(arguments[i]);
    }
    state = 0x9e3779b97f4a7c15u ^ seed;
    qsort(files, file_count, sizeof *files, by_content); /* folders have no order */
    __sanitizer_set_death_callback(keep_input);
    signal(SIGALRM, take_too_long);
    if (!file_count) return fprintf(stderr, "there is no corpus\n"), 2;
    uint8_t *room = malloc(LONGEST);
    for (size_t i = 0; i < file_count; i++) run(files[i].data, files[i].bytes);
    for (unsigned long i = 0; room && i < runs; i++) {
        const content *file = &files[drawn(file_count)];
        memcpy(room, file->data, file->bytes);
        run(room, change(room, file->bytes));
    }
    for (size_t i = 0; i < file_count; i++) free(files[i].data);
    free(room);
    printf("%zu files, %lu runs\n", file_count, runs);
    return 0;
}
