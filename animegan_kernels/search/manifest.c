#include "manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

#define FORMAT "animegan-ssim-index"
enum { FORMAT_VERSION = 1, MOST_BYTES = 16 << 20 };

#define FIELDS(array) array, sizeof array / sizeof *array
#define AT(type, member) offsetof(type, member)

/* ---- its form ----------------------------------------------------------------------------------- */

static const record_field file_fields[] = {
    {"name", FIELD_TEXT, AT(file_record, name), NULL, 0},
    {"bytes", FIELD_INTEGER, AT(file_record, bytes), NULL, 0},
    {"sha256", FIELD_TEXT, AT(file_record, sha256), NULL, 0}};
static const record_type file_type = {sizeof(file_record), FIELDS(file_fields), NULL};

static const record_field source_fields[] = {
    {"name", FIELD_TEXT, AT(source_record, name), NULL, 0},
    {"digest", FIELD_TEXT, AT(source_record, digest), NULL, 0},
    {"licence", FIELD_TEXT, AT(source_record, licence), NULL, 0},
    {"first_id", FIELD_INTEGER, AT(source_record, first_id), NULL, 0},
    {"count", FIELD_INTEGER, AT(source_record, count), NULL, 0}};
static const record_type source_type = {sizeof(source_record), FIELDS(source_fields), NULL};

static const record_field shard_fields[] = {
    {"name", FIELD_TEXT, AT(shard_record, name), NULL, 0},
    {"count", FIELD_INTEGER, AT(shard_record, count), NULL, 0},
    {"tiles", FIELD_RECORD, AT(shard_record, tiles), &file_type, 0},
    {"ids", FIELD_RECORD, AT(shard_record, ids), &file_type, 0},
    {"dead", FIELD_OPTIONAL, AT(shard_record, dead), &file_type, 0}};
static const record_type shard_type = {sizeof(shard_record), FIELDS(shard_fields), NULL};

static const record_field heldout_fields[] = {
    {"name", FIELD_TEXT, AT(heldout_record, name), NULL, 0},
    {"digest", FIELD_TEXT, AT(heldout_record, digest), NULL, 0},
    {"licence", FIELD_TEXT, AT(heldout_record, licence), NULL, 0},
    {"count", FIELD_INTEGER, AT(heldout_record, count), NULL, 0},
    {"images", FIELD_RECORD, AT(heldout_record, images), &file_type, 0}};
static const record_type heldout_type = {sizeof(heldout_record), FIELDS(heldout_fields), NULL};

static const record_field calibration_fields[] = {
    {"index_digest", FIELD_TEXT, AT(calibration_record, index_digest), NULL, 0},
    {"heldout", FIELD_RECORD, AT(calibration_record, heldout), &heldout_type, 0},
    {"nearest", FIELD_RECORDS, AT(calibration_record, nearest), &file_type, 0}};
static const record_type calibration_type = {sizeof(calibration_record), FIELDS(calibration_fields), NULL};

static const record_field manifest_fields[] = {
    {"name", FIELD_TEXT, AT(manifest, name), NULL, 0},
    {"definition", FIELD_TEXT, AT(manifest, definition_name), NULL, 0},
    {"shape", FIELD_INTEGERS, AT(manifest, shape), NULL, 3},
    {"sources", FIELD_RECORDS, AT(manifest, sources), &source_type, 0},
    {"shards", FIELD_RECORDS, AT(manifest, shards), &shard_type, 0},
    {"calibration", FIELD_OPTIONAL, AT(manifest, calibration), &calibration_type, 0}};
static const char *const stated[] = {"format", "format_version", "digest", "checksum", NULL};
static const record_type manifest_type = {sizeof(manifest), FIELDS(manifest_fields), stated};

/* ---- checksums ---------------------------------------------------------------------------------- */

static bool hash_written(json_writer *written, char digest[SHA256_TEXT], failure *why) {
    const bool well = !written->failed;
    if (well) sha256_of(written->text, written->length, digest);
    free(written->text);
    return well || no_memory(why);
}

static bool find_checksum(const json *root, char checksum[SHA256_TEXT], failure *why) {
    json_writer written = {0};
    json_write_sorted(&written, root, "checksum");
    return hash_written(&written, checksum, why);
}

/* The name and the calibration are not in it. */
static bool find_digest(const json *root, char digest[SHA256_TEXT], failure *why) {
    static const char *const names[] = {"definition", "shape", "shards", "sources"};
    json_writer written = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_write_raw(&written, i ? "," : "{", 1);
        json_write_string(&written, names[i], strlen(names[i]));
        json_write_raw(&written, ":", 1);
        json_write_sorted(&written, json_member(root, names[i]), NULL);
    }
    json_write_raw(&written, "}", 1);
    return hash_written(&written, digest, why);
}

static bool states(const json *root, const char *name, const char *wanted) {
    const json *member = json_member(root, name);
    return member && member->kind == JSON_STRING && is_text(member, wanted);
}

bool manifest_is_calibrated(const manifest *of) {
    return of->calibration && is_text(of->calibration->index_digest, of->digest);
}

/* ---- reading ------------------------------------------------------------------------------------ */

static bool is_readable(const json *root, const char *path, failure *why) {
    if (!states(root, "format", FORMAT))
        return fails(why, REFUSED, "%s is not the manifest of an %s: %s", path, FORMAT, REBUILD);
    const json *version = json_member(root, "format_version");
    if (version && version->kind == JSON_INTEGER && version->integer == FORMAT_VERSION) return true;
    json_writer told = {0};
    if (version) json_write_sorted(&told, version, NULL);
    fails(why, REFUSED,
          "%s has format version %.*s, this program reads version %d: "
          "update anime-gan, or build the index anew with `anime-gan index build`",
          path, (int)(told.length < 40 ? told.length : 40), told.text ? told.text : "", FORMAT_VERSION);
    free(told.text);
    return false;
}

/* Puts the file before the complaint, and the remedy behind it. */
static bool names_file(const char *path, failure *why) {
    char complaint[FAILURE_TEXT];
    if (why->kind != DAMAGED) return false;
    memcpy(complaint, why->text, sizeof complaint);
    return fails(why, DAMAGED, "%s: %s: %s", path, complaint, REBUILD);
}

static bool parse(manifest *into, const json *root, const char *path, failure *why) {
    if (!is_readable(root, path, why) || !find_checksum(root, into->checksum, why)) return false;
    if (!states(root, "checksum", into->checksum))
        return fails(why, DAMAGED, "%s does not match its own checksum: %s", path, REBUILD);
    if (!record_read(&manifest_type, root, "manifest", into, why) || !manifest_check(into, why)) return names_file(path, why);
    if (!find_digest(root, into->digest, why)) return false;
    return states(root, "digest", into->digest) ||
           fails(why, DAMAGED, "%s: its digest and its files do not agree: %s", path, REBUILD);
}

bool manifest_parse(manifest *into, const char *content, size_t bytes, const char *path, failure *why) {
    const char *complaint;
    *into = (manifest){.document = json_read(content, bytes, &complaint)};
    if (!into->document) return fails(why, DAMAGED, "%s cannot be read (%s): %s", path, complaint, REBUILD);
    if (parse(into, json_root(into->document), path, why)) return true;
    manifest_free(into);
    return false;
}

bool manifest_read(manifest *into, const char *directory, failure *why) {
    char path[PATH_ROOM], *content = NULL;
    size_t bytes = 0;
    const file_state state = join_path(path, directory, MANIFEST_FILE) ? file_read(path, MOST_BYTES, &content, &bytes)
                                                                       : FILE_MISSING;
    if (state == FILE_MISSING)
        return fails(why, REFUSED, "%s holds no index: %s is missing; make one with `anime-gan index build`", directory,
                     MANIFEST_FILE);
    if (state == FILE_UNREADABLE) return fails(why, DAMAGED, "%s cannot be read: %s", path, REBUILD);
    const bool well = manifest_parse(into, content, bytes, path, why);
    free(content);
    return well;
}

void manifest_free(manifest *held) {
    record_free(&manifest_type, held);
    free(held->files);
    json_free(held->document);
    *held = (manifest){0};
}
