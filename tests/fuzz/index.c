/* Whole directories of an index: "some" below $ANIMEGAN_INDEXES (material.py) with changed files, below $TMPDIR.
 *
 * The first byte says how it is opened, and whether sizes and checksums are made to agree; each change that follows
 * names a file, what to do with it, and a number. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "repair.h"
#include "search/copies.h"
#include "search/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { MOST_FILES = 32, ROOM = 1 << 14, IMAGES = 40, EMBEDDING = 8 };
enum { VERIFY = 1, AGREES = 2 };
enum { PUT_BYTE, PUT_NUMBER, CUT, LENGTHEN, REMOVE, PIPE, FOLDER, LINK, CHANGES };
typedef enum { UNKNOWN, REGULAR, MISSING, A_PIPE, A_FOLDER, A_LINK } file_form;

typedef struct {
    char name[64]; /* from the index's directory on */
    char content[ROOM];
    size_t bytes;
    file_form form;
    char sum[SHA256_TEXT];
} file;

typedef struct { const uint8_t *at, *end; } source;

static file original[MOST_FILES], files[MOST_FILES], on_disk[MOST_FILES];
static size_t file_count;
static char directory[PATH_ROOM];
static workers *threads;

static void require(bool holds, const char *what) {
    if (holds) return;
    perror(what);
    abort();
}

/* ---- what it begins with ------------------------------------------------------------------------ */

static void read_folder(const char *folder, const char *prefix) {
    char path[PATH_ROOM];
    DIR *open = opendir(folder);
    require(open != NULL, folder);
    for (const struct dirent *item; (item = readdir(open));) {
        file *f = &original[file_count];
        if (item->d_name[0] == '.' || !strcmp(item->d_name, COPIES_FOLDER)) continue;
        require(file_count < MOST_FILES && join_path(path, folder, item->d_name), "too many files");
        snprintf(f->name, sizeof f->name, "%s%.40s", prefix, item->d_name);
        FILE *content = fopen(path, "rb");
        require(content != NULL, path);
        f->bytes = fread(f->content, 1, ROOM, content);
        require(f->bytes < ROOM && !fclose(content), path);
        f->form = REGULAR;
        file_count++;
    }
    closedir(open);
}

static int by_name(const void *a, const void *b) { return strcmp(((const file *)a)->name, ((const file *)b)->name); }

static void begin(void) {
    char folder[PATH_ROOM], copies[PATH_ROOM];
    const char *scratch = getenv("TMPDIR");
    require(join_path(folder, getenv("ANIMEGAN_INDEXES"), "some") && join_path(copies, folder, COPIES_FOLDER), "folder");
    read_folder(folder, "");
    read_folder(copies, COPIES_FOLDER "/");
    qsort(original, file_count, sizeof *original, by_name);
    require(join_path(directory, scratch ? scratch : "/tmp", "index-XXXXXX") && mkdtemp(directory), "mkdtemp");
    require(join_path(folder, directory, COPIES_FOLDER) && !mkdir(folder, 0700), folder);
    require((threads = workers_start(1)) != NULL, "workers");
}

/* ---- changes ------------------------------------------------------------------------------------ */

static uint8_t next(source *from) { return from->at < from->end ? *from->at++ : 0; }

static void change(source *from) {
    static const int64_t odd[] = {0, 1, -1, 16, 37, INT32_MAX, INT64_MAX, INT64_MIN};
    file *f = &files[next(from) % file_count];
    const uint8_t what = next(from) % CHANGES;
    const size_t number = next(from) | (size_t)next(from) << 8, at = f->bytes ? number % f->bytes : 0;
    switch (what) {
    case PUT_BYTE: f->content[at] = (char)next(from); break;
    case PUT_NUMBER:
        if (f->bytes >= at + 8) memcpy(f->content + at, &odd[next(from) % 8], 8);
        break;
    case CUT: f->bytes = at; break;
    case LENGTHEN: f->bytes += f->bytes + number % 64 < ROOM ? number % 64 : 0; break;
    default: f->form = (file_form)(what - REMOVE) + MISSING;
    }
}

static file *file_called(const char *prefix, const json *name) {
    char whole[128];
    snprintf(whole, sizeof whole, "%s%.64s", prefix, name->text);
    for (size_t i = 0; i < file_count; i++)
        if (!strcmp(files[i].name, whole)) return &files[i];
    return NULL;
}

static void agree(const json *value) {
    const json *name = json_member(value, "name"), *sum = json_member(value, "sha256");
    const file *f = name && name->kind == JSON_STRING && sum ? file_called("", name) : NULL;
    if (f) set_text(sum, f->sum), set_integer(json_member(value, "bytes"), (int64_t)f->bytes);
    for (const json *inside = value->first; inside; inside = inside->next) agree(inside);
}

static json_document *manifest_at(const char *name, file **at) {
    const char *complaint;
    const json called = {.text = name};
    *at = file_called("", &called);
    json_document *document = *at ? json_read((*at)->content, (*at)->bytes, &complaint) : NULL;
    if (document && json_root(document)->kind == JSON_OBJECT) return document;
    json_free(document);
    return NULL;
}

static void take(file *f, json_writer *written) {
    if (written->length < ROOM) memcpy(f->content, written->text, f->bytes = written->length);
    free(written->text);
}

static void agree_index(char digest[SHA256_TEXT]) {
    file *f;
    json_document *document = manifest_at(MANIFEST_FILE, &f);
    if (!document) return;
    agree(json_root(document));
    json_writer once = repaired(json_root(document), digest); /* only to find the digest */
    set_text(json_member(json_member(json_root(document), "calibration"), "index_digest"), digest);
    json_writer twice = repaired(json_root(document), digest);
    free(once.text);
    take(f, &twice);
    json_free(document);
}

static void agree_copies(const char *digest) {
    file *f;
    json_document *document = manifest_at(COPIES_FOLDER "/" MANIFEST_FILE, &f);
    if (!document) return;
    const json *sums = json_member(json_root(document), "files");
    for (const json *sum = sums ? sums->first : NULL; sum && sum->name; sum = sum->next) {
        const json called = {.text = sum->name};
        const file *of = file_called(COPIES_FOLDER "/", &called);
        if (of) set_text(sum, of->sum);
    }
    set_text(json_member(json_root(document), "index_digest"), digest);
    json_writer written = {0};
    json_write_sorted(&written, json_root(document), NULL);
    take(f, &written);
    json_free(document);
}

/* ---- the directory ------------------------------------------------------------------------------ */

static bool same(const file *a, const file *b) {
    return a->form == b->form && a->bytes == b->bytes && !memcmp(a->content, b->content, a->bytes);
}

static void write_file(const file *f) {
    char path[PATH_ROOM];
    require(join_path(path, directory, f->name), f->name);
    if (remove(path)) require(access(path, F_OK) != 0, path);
    if (f->form == A_PIPE) require(!mkfifo(path, 0600), path);
    if (f->form == A_FOLDER) require(!mkdir(path, 0700), path);
    if (f->form == A_LINK) require(!symlink("manifest.json", path), path);
    if (f->form != REGULAR) return;
    FILE *to = fopen(path, "wb");
    require(to && fwrite(f->content, 1, f->bytes, to) == f->bytes && !fclose(to), path);
}

static void use_index(bool verify) {
    static const uint8_t picture[1 << 12];
    failure why;
    ssim_index *index = index_open(directory, verify, threads, &why);
    if (!index) return;
    const int64_t bytes = index_image_bytes(index);
    uint8_t *image = malloc((size_t)bytes);
    for (int64_t id = -1; image && id < IMAGES; id++)
        if (index_has(index, &id, 1, &why)) index_images(index, &id, 1, image);
    free(image);
    for (size_t i = 0; i < index->shard_count && bytes <= (int64_t)sizeof picture; i++) {
        found result;
        if (!index_is_whole(index, &index->shards[i], &why)) abort();
        if (!search(threads, &index->shards[i].references, picture, 1, 3, NULL, &result)) found_free(&result);
    }
    index_close(index);
}

static void use_copies(void) {
    static const float embedding[EMBEDDING] = {1};
    failure why;
    copies_found result;
    copy_index *copies = copies_open(directory, &why);
    if (copies && copies_search(copies, threads, embedding, EMBEDDING, 3, 0.05, &result, &why)) copies_found_free(&result);
    copies_close(copies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    source from = {data, data + bytes};
    char digest[SHA256_TEXT] = "";
    if (!file_count) begin();
    const uint8_t how = next(&from);
    memcpy(files, original, sizeof files);
    while (from.at < from.end) change(&from);
    for (size_t i = 0; i < file_count; i++) sha256_of(files[i].content, files[i].bytes, files[i].sum);
    if (how & AGREES) agree_index(digest), agree_copies(digest);
    for (size_t i = 0; i < file_count; i++) {
        if (same(&files[i], &on_disk[i])) continue; /* written for an earlier input */
        write_file(&files[i]);
        on_disk[i] = files[i];
    }
    use_index(how & VERIFY);
    use_copies();
    return 0;
}
