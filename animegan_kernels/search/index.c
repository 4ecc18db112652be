#include "index.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 16 };

/* A held-out image's nearest reference of a shard: its row there and its score; -1, -1: none. */
typedef struct { int64_t row; double ssim; } nearest;

static const array_type int64_type = {"'<i8'", "int64", sizeof(int64_t), 1, {-1}};
static const array_type nearest_type = {"[('row', '<i8'), ('ssim', '<f8')]", "[('row', '<i8'), ('ssim', '<f8')]",
                                        sizeof(nearest), 1, {-1}};

/* ---- files -------------------------------------------------------------------------------------- */

static bool map_file(ssim_index *index, size_t place, failure *why) {
    char path[PATH_ROOM];
    const file_record *record = index->manifest.files[place];
    mapping *mapped = &index->files[place];
    const bool fits = join_path(path, index->directory, record->name->text);
    const file_state state = fits ? file_map(path, mapped) : FILE_MISSING;
    if (state == FILE_MISSING) return fails(why, DAMAGED, "%s is missing: %s", path, REBUILD);
    if (state == FILE_UNREADABLE) return fails(why, DAMAGED, "%s cannot be read: %s", path, REBUILD);
    if (mapped->bytes != (uint64_t)record->bytes)
        return fails(why, DAMAGED, "%s has %zu bytes, expected %lld: %s", path, mapped->bytes, (long long)record->bytes,
                     REBUILD);
    return true;
}

typedef struct { const ssim_index *index; bool *same; } verification;

static void hash_file(void *data, int64_t place) {
    const verification *v = data;
    char digest[SHA256_TEXT];
    const mapping *mapped = &v->index->files[place];
    sha256_of(mapped->data, mapped->bytes, digest);
    v->same[place] = is_text(v->index->manifest.files[place]->sha256, digest);
}

static bool compare_files(const ssim_index *index, workers *threads, failure *why) {
    const size_t count = index->manifest.file_count;
    verification v = {index, calloc(count, sizeof *v.same)};
    if (!v.same) return no_memory(why);
    workers_loop(threads, hash_file, &v, (int64_t)count);
    size_t place = 0;
    while (place < count && v.same[place]) place++;
    free(v.same);
    return place == count || fails(why, DAMAGED, "%s/%s does not match its checksum: %s", index->directory,
                                   index->manifest.files[place]->name->text, REBUILD);
}

/* ---- shards ------------------------------------------------------------------------------------- */

static const void *array_of(const ssim_index *index, size_t file, array_type type, int64_t length, int64_t *count,
                            failure *why) {
    char path[PATH_ROOM];
    join_path(path, index->directory, index->manifest.files[file]->name->text);
    type.shape[0] = length;
    return array_in(&index->files[file], path, &type, REBUILD, count, why);
}

static bool check_ascending(const ssim_index *index, const file_record *file, const int64_t *numbers, int64_t count,
                            int64_t low, int64_t high, failure *why) {
    return ascends(numbers, count, low, high) ||
           fails(why, DAMAGED, "%s/%s: its numbers must ascend within %lld to %lld: %s", index->directory,
                 file->name->text, (long long)low, (long long)high - 1, REBUILD);
}

static bool bury(const ssim_index *index, shard *s, size_t file, failure *why) {
    int64_t count;
    const int64_t *dead = array_of(index, file, int64_type, -1, &count, why);
    if (!dead || !check_ascending(index, s->record->dead, dead, count, 0, s->record->count, why)) return false;
    if (!(s->alive = malloc((size_t)s->record->count))) return no_memory(why);
    memset(s->alive, 1, (size_t)s->record->count);
    for (int64_t i = 0; i < count; i++) s->alive[dead[i]] = 0;
    s->references.alive = s->alive;
    s->alive_count -= count;
    return true;
}

/* Opens a shard; `file` is the place of its first file. */
static bool open_shard(ssim_index *index, shard *s, size_t file, failure *why) {
    const manifest *m = &index->manifest;
    const int64_t count = s->record->count, tiles = count / LANES + (count % LANES > 0);
    const array_type type = {"'|i1'", "int8", 1, 5, {tiles, m->shape[2], m->shape[0], m->shape[1], LANES}};
    int64_t items;
    s->alive_count = count;
    s->references = (references){.definition = m->definition,
                                 .tiles = array_of(index, file, type, tiles, &items, why),
                                 .count = count,
                                 .channels = (int32_t)m->shape[2],
                                 .height = (int32_t)m->shape[0],
                                 .width = (int32_t)m->shape[1]};
    if (!s->references.tiles) return false;
    if (!(s->ids = array_of(index, file + 1, int64_type, count, &items, why))) return false;
    return !s->record->dead || bury(index, s, file + 2, why);
}

static bool open_shards(ssim_index *index, failure *why) {
    const shard_record *records = index->manifest.shards.items;
    int64_t first = 0;
    if (!(index->shards = calloc(index->manifest.shards.count, sizeof *index->shards))) return no_memory(why);
    for (size_t i = 0, file = 0; i < index->manifest.shards.count; file += records[i].dead ? 3 : 2, i++) {
        shard *s = &index->shards[index->shard_count++];
        s->record = &records[i], s->file = file, s->first = first;
        if (!open_shard(index, s, file, why)) return false;
        first += s->record->count; /* each has 8 bytes in a mapped file: the sum cannot overflow */
        index->count += s->alive_count;
    }
    return true;
}

/* The ids of a shard follow those of the one before, and are those of the sources. */
static bool check_ids(const ssim_index *index, failure *why) {
    const source_record *sources = index->manifest.sources.items, *last = &sources[index->manifest.sources.count - 1];
    int64_t low = 0, high;
    if (__builtin_add_overflow(last->first_id, last->count, &high))
        return fails(why, DAMAGED, "%s/%s: its sources are too large: %s", index->directory, MANIFEST_FILE, REBUILD);
    for (size_t i = 0; i < index->shard_count; i++) {
        const shard *s = &index->shards[i];
        if (!check_ascending(index, &s->record->ids, s->ids, s->record->count, low, high, why)) return false;
        low = s->ids[s->record->count - 1] + 1;
    }
    return true;
}

/* ---- calibration -------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The largest score of each held-out image to any shard, sorted. */
static bool read_calibration(ssim_index *index, failure *why) {
    const manifest *m = &index->manifest;
    if (!manifest_is_calibrated(m)) return true;
    const int64_t count = m->calibration->heldout.count;
    const size_t parts = m->calibration->nearest.count;
    int64_t items;
    if (count < 0 || !parts)
        return fails(why, DAMAGED, "%s/%s: its calibration is empty: %s", index->directory, MANIFEST_FILE, REBUILD);
    for (size_t part = 0; part < parts; part++) {
        const nearest *near = array_of(index, m->file_count - parts + part, nearest_type, count, &items, why);
        if (!near) return false;
        if (!index->maxima && !(index->maxima = malloc(((size_t)count + 1) * sizeof *index->maxima)))
            return no_memory(why);
        for (int64_t i = 0; i < count; i++)
            if (!part || !(near[i].ssim <= index->maxima[i])) index->maxima[i] = near[i].ssim;
    }
    index->calibration = (calibration){index->maxima, count};
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(index->maxima[i]))
            return fails(why, DAMAGED, "%s: the calibration holds a score that is no number: %s", index->directory,
                         REBUILD);
    qsort(index->maxima, (size_t)count, sizeof *index->maxima, by_size);
    return true;
}

static void unmap_calibration(ssim_index *index) {
    const manifest *m = &index->manifest;
    const size_t files = m->calibration ? 1 + m->calibration->nearest.count : 0;
    for (size_t place = m->file_count - files; place < m->file_count; place++) file_unmap(&index->files[place]);
}

/* ---- opening ------------------------------------------------------------------------------------ */

static bool fill(ssim_index *index, bool verify, workers *threads, failure *why) {
    if (!(index->files = calloc(index->manifest.file_count, sizeof *index->files))) return no_memory(why);
    for (size_t place = 0; place < index->manifest.file_count; place++)
        if (!map_file(index, place, why)) return false;
    if (!open_shards(index, why) || !read_calibration(index, why)) return false;
    if (verify && !(compare_files(index, threads, why) && check_ids(index, why))) return false;
    unmap_calibration(index);
    return true;
}

/* Takes the manifest over. */
static ssim_index *open_with(manifest *read, const char *directory, bool verify, workers *threads, failure *why) {
    ssim_index *index = calloc(1, sizeof *index);
    if (!index) return manifest_free(read), no_memory(why), NULL;
    index->manifest = *read;
    index->directory = strdup(directory);
    if (index->directory ? fill(index, verify, threads, why) : no_memory(why)) return index;
    index_close(index);
    return NULL;
}

ssim_index *index_open(const char *directory, bool verify, workers *threads, failure *why) {
    char checksum[SHA256_TEXT];
    manifest read;
    failure second;
    if (!manifest_read(&read, directory, why)) return NULL;
    memcpy(checksum, read.checksum, sizeof checksum);
    ssim_index *index = open_with(&read, directory, verify, threads, why);
    if (index || why->kind != DAMAGED) return index;
    if (!manifest_read(&read, directory, &second)) return *why = second, NULL;
    if (strcmp(read.checksum, checksum)) /* it was changed while it was being opened, and the old files are gone */
        return open_with(&read, directory, verify, threads, why);
    manifest_free(&read);
    return NULL;
}

static bool shard_is_whole(const ssim_index *index, const shard *s, failure *why) {
    char path[PATH_ROOM];
    for (size_t place = s->file; place < s->file + 2; place++) { /* its tiles and ids */
        join_path(path, index->directory, index->manifest.files[place]->name->text);
        if (!file_is_whole(path, &index->files[place]))
            return fails(why, DAMAGED, "%s became shorter while it was searched: %s", path, REBUILD);
    }
    return true;
}

bool index_is_whole(const ssim_index *index, const shard *of, failure *why) {
    if (of) return shard_is_whole(index, of, why);
    for (size_t i = 0; i < index->shard_count; i++)
        if (!shard_is_whole(index, &index->shards[i], why)) return false;
    return true;
}

void index_close(ssim_index *index) {
    if (!index) return;
    for (size_t place = 0; index->files && place < index->manifest.file_count; place++)
        file_unmap(&index->files[place]);
    for (size_t i = 0; i < index->shard_count; i++) free(index->shards[i].alive);
    manifest_free(&index->manifest);
    free(index->shards), free(index->files), free(index->maxima), free(index->description), free(index->directory);
    free(index);
}
