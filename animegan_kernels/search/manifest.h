/* What an index says about itself: its sources, its shards, the record of each file, its digest. */
#ifndef ANIMEGAN_MANIFEST_H
#define ANIMEGAN_MANIFEST_H

#include <stdint.h>

#include "common/json.h"
#include "common/sha256.h"
#include "engine.h"
#include "failure.h"
#include "records.h"

#define MANIFEST_FILE "manifest.json"
#define REBUILD "restore it, or build the index anew with `anime-gan index build`"

/* A file of the index's directory. */
typedef struct { const json *name, *sha256; int64_t bytes; } file_record;

/* A dataset whose images the index holds: image i of it has the id first_id + i. */
typedef struct { const json *name, *digest, *licence; int64_t first_id, count; } source_record;

typedef struct {
    const json *name;
    int64_t count; /* images, removed ones included */
    file_record tiles, ids, *dead; /* dead: NULL where no image was removed */
} shard_record;

/* Images that the index does not hold, kept to calibrate it again. */
typedef struct { const json *name, *digest, *licence; int64_t count; file_record images; } heldout_record;

typedef struct {
    const json *index_digest; /* the state of the index to which it belongs */
    heldout_record heldout;
    record_list nearest; /* of file_record: one for each shard that was there */
} calibration_record;

typedef struct {
    json_document *document; /* keeps all strings */
    const json *name, *definition_name;
    const ssim_definition *definition;
    int64_t shape[3];    /* height, width, channels; a picture has at most 2^27 values */
    record_list sources; /* of source_record; at least one */
    record_list shards;  /* of shard_record; at least one */
    calibration_record *calibration;
    const file_record **files; /* every file but the manifest: of each shard in turn, then the calibration's */
    size_t file_count;
    char digest[SHA256_TEXT];   /* over all that decides an answer */
    char checksum[SHA256_TEXT]; /* of the whole manifest */
} manifest;

/* Reads the manifest of the index in a directory and checks that it is whole and makes sense. */
bool manifest_read(manifest *into, const char *directory, failure *why);
/* The same for one that is in memory; `path` is for messages. */
bool manifest_parse(manifest *into, const char *content, size_t bytes, const char *path, failure *why);
void manifest_free(manifest *held);

/* There is a calibration, and it belongs to the index as it is now. */
bool manifest_is_calibrated(const manifest *of);

/* It can name an index or a shard: 1 to 63 of a-z, 0-9, '.', '_', '-', a letter or digit first. */
bool is_name(text name);
text text_of(const json *string);
/* It is this text, and no longer. */
bool is_text(const json *string, const char *wanted);

/* Fills `definition`, `files` and `file_count`, and checks what types cannot. */
bool manifest_check(manifest *read, failure *why);

#endif
