#include "copies.h"

#include <stdlib.h>
#include <string.h>

#include "common/sha256.h"

#define FORMAT "animegan-copies"
#define EMBEDDINGS_FILE "embeddings.npy"
#define IDS_FILE "ids.npy"
enum { FORMAT_VERSION = 1, MOST_BYTES = 16 << 20 };

#define FIELDS(array) array, sizeof array / sizeof *array
#define AT(type, member) offsetof(type, member)

static const record_field detector_fields[] = {
    {"name", FIELD_TEXT, AT(detector_record, name), NULL, 0},
    {"version", FIELD_INTEGER, AT(detector_record, version), NULL, 0},
    {"sha256", FIELD_TEXT, AT(detector_record, sha256), NULL, 0}};
static const record_type detector_type = {sizeof(detector_record), FIELDS(detector_fields), NULL};

static const record_field maxima_fields[] = {
    {"maxima", FIELD_REALS, AT(maxima_record, maxima), NULL, 0},
    {"index_digest", FIELD_TEXT, AT(maxima_record, index_digest), NULL, 0},
    {"heldout_name", FIELD_TEXT, AT(maxima_record, heldout_name), NULL, 0},
    {"heldout_digest", FIELD_TEXT, AT(maxima_record, heldout_digest), NULL, 0},
    {"identical", FIELD_INTEGER, AT(maxima_record, identical), NULL, 0}};
static const record_type maxima_type = {sizeof(maxima_record), FIELDS(maxima_fields), NULL};

static const record_field copies_fields[] = {
    {"index_digest", FIELD_TEXT, AT(copies_record, index_digest), NULL, 0},
    {"detector", FIELD_RECORD, AT(copies_record, detector), &detector_type, 0},
    {"count", FIELD_INTEGER, AT(copies_record, count), NULL, 0},
    {"embedding", FIELD_INTEGER, AT(copies_record, embedding), NULL, 0},
    {"files", FIELD_OBJECT, AT(copies_record, files), NULL, 0},
    {"calibration", FIELD_RECORD, AT(copies_record, calibration), &maxima_type, 0}};
static const char *const stated[] = {"format", "format_version", NULL};
static const record_type copies_type = {sizeof(copies_record), FIELDS(copies_fields), stated};

/* ---- the manifest ------------------------------------------------------------------------------- */

static bool cannot_read(const char *path, const char *complaint, failure *why) {
    return fails(why, DAMAGED, "%s cannot be read (%s): %s", path, complaint, COPIES_REBUILD);
}

static bool is_readable(const json *root, const char *path, failure *why) {
    const json *format = json_member(root, "format"), *version = json_member(root, "format_version");
    if (!format || !version) return cannot_read(path, "its format is missing", why);
    if (format->kind == JSON_STRING && is_text(format, FORMAT) && version->kind == JSON_INTEGER &&
        version->integer == FORMAT_VERSION)
        return true;
    return fails(why, DAMAGED, "%s is %s %lld, this program reads %s %d: %s", path,
                 format->kind == JSON_STRING ? format->text : "of no format", (long long)version->integer, FORMAT,
                 FORMAT_VERSION, COPIES_REBUILD);
}

static bool read_record(copy_index *into, const char *path, failure *why) {
    const json *root = json_root(into->document);
    copies_record *record = &into->record;
    failure complaint;
    if (!is_readable(root, path, why)) return false;
    if (!record_read(&copies_type, root, "manifest", record, &complaint)) {
        if (complaint.kind == DAMAGED) return cannot_read(path, complaint.text, why);
        return *why = complaint, false;
    }
    into->calibration = (calibration){record->calibration.maxima.items, (int64_t)record->calibration.maxima.count};
    if (!calibration_is_sound(&into->calibration)) return cannot_read(path, "its maxima do not ascend", why);
    if (record->count < 1 || record->embedding < 1) return cannot_read(path, "it holds no embeddings", why);
    return true;
}

bool copies_parse(copy_index *into, const char *content, size_t bytes, const char *path, failure *why) {
    const char *complaint;
    *into = (copy_index){.document = json_read(content, bytes, &complaint)};
    return into->document ? read_record(into, path, why) : cannot_read(path, complaint, why);
}

static bool read_manifest(copy_index *into, const char *folder, failure *why) {
    char path[PATH_ROOM], *content = NULL;
    size_t bytes = 0;
    const bool fits = join_path(path, folder, MANIFEST_FILE);
    if (!fits || file_read(path, MOST_BYTES, &content, &bytes) != FILE_READ)
        return cannot_read(path, "there is no such file, or none that can be read", why);
    const bool well = copies_parse(into, content, bytes, path, why);
    free(content);
    return well;
}

/* They belong to the index as it is now. */
static bool is_current(const copy_index *copies, const char *directory, failure *why) {
    manifest index;
    if (!manifest_read(&index, directory, why)) return false;
    const bool current = is_text(copies->record.index_digest, index.digest);
    manifest_free(&index);
    return current || fails(why, DAMAGED, "%s/%s is of an earlier state of its index: %s", directory, COPIES_FOLDER,
                            COPIES_REBUILD);
}

/* ---- arrays ------------------------------------------------------------------------------------- */

static const void *load(const copy_index *copies, const char *folder, const char *name, const array_type *type,
                        mapping *mapped, failure *why) {
    char path[PATH_ROOM], digest[SHA256_TEXT];
    int64_t count;
    const json *sum = json_member(copies->record.files, name);
    if (!sum || sum->kind != JSON_STRING)
        return fails(why, DAMAGED, "%s: the manifest lacks %s: %s", folder, name, COPIES_REBUILD), NULL;
    if (!join_path(path, folder, name) || file_map(path, mapped) != FILE_READ)
        return cannot_read(path, "there is no such file, or none that can be read", why), NULL;
    sha256_of(mapped->data, mapped->bytes, digest);
    if (!is_text(sum, digest))
        return fails(why, DAMAGED, "%s does not match its checksum: %s", path, COPIES_REBUILD), NULL;
    return array_in(mapped, path, type, COPIES_REBUILD, &count, why);
}

static bool load_arrays(copy_index *copies, const char *folder, failure *why) {
    const copies_record *record = &copies->record;
    const array_type of_embeddings = {"'<f4'", "float32", sizeof(float), 2, {record->count, record->embedding}};
    const array_type of_ids = {"'<i8'", "int64", sizeof(int64_t), 1, {record->count}};
    copies->embeddings = load(copies, folder, EMBEDDINGS_FILE, &of_embeddings, &copies->embeddings_file, why);
    if (!copies->embeddings) return false;
    copies->ids = load(copies, folder, IDS_FILE, &of_ids, &copies->ids_file, why);
    return copies->ids != NULL;
}

copy_index *copies_open(const char *directory, failure *why) {
    char folder[PATH_ROOM];
    copy_index *copies = calloc(1, sizeof *copies);
    if (!copies) return no_memory(why), NULL;
    const bool fits = join_path(folder, directory, COPIES_FOLDER) || cannot_read(folder, "its name is too long", why);
    if (fits && read_manifest(copies, folder, why) && is_current(copies, directory, why) &&
        load_arrays(copies, folder, why)) {
        if ((copies->folder = strdup(folder))) return copies;
        no_memory(why);
    }
    copies_close(copies);
    return NULL;
}

static bool is_whole(const copy_index *copies, const char *name, const mapping *mapped, failure *why) {
    char path[PATH_ROOM];
    join_path(path, copies->folder, name);
    return file_is_whole(path, mapped) ||
           fails(why, DAMAGED, "%s became shorter while it was searched: %s", path, COPIES_REBUILD);
}

bool copies_are_whole(const copy_index *copies, failure *why) {
    return is_whole(copies, EMBEDDINGS_FILE, &copies->embeddings_file, why) &&
           is_whole(copies, IDS_FILE, &copies->ids_file, why);
}

void copies_free_record(copy_index *copies) {
    record_free(&copies_type, &copies->record);
    json_free(copies->document);
}

void copies_close(copy_index *copies) {
    if (!copies) return;
    file_unmap(&copies->embeddings_file), file_unmap(&copies->ids_file);
    copies_free_record(copies);
    free(copies->folder), free(copies);
}
