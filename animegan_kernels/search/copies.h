/* Embeddings of an index's images: the nearest to a picture's, and whether they are too near for chance. */
#ifndef ANIMEGAN_COPIES_H
#define ANIMEGAN_COPIES_H

#include "calibration.h"
#include "files.h"
#include "manifest.h"
#include "workers.h"

#define COPIES_FOLDER "copies"
#define COPIES_REBUILD "build it again with `anime-gan copies index`"

/* What made them; sha256: of its ONNX file. */
typedef struct { const json *name, *sha256; int64_t version; } detector_record;

/* How close unseen images come: the largest similarity of each, ascending. */
typedef struct {
    record_list maxima; /* of double */
    const json *index_digest, *heldout_name, *heldout_digest;
    int64_t identical;
} maxima_record;

/* What they say about themselves. */
typedef struct {
    const json *index_digest; /* the state of the SSIM index whose images they are */
    detector_record detector;
    int64_t count, embedding; /* how many, and how long each is */
    const json *files;        /* sha256 of each file, by name */
    maxima_record calibration;
} copies_record;

typedef struct {
    char *folder;
    json_document *document;
    copies_record record;
    mapping embeddings_file, ids_file;
    const float *embeddings; /* [count, embedding] of unit length */
    const int64_t *ids;      /* [count] */
    calibration calibration;
} copy_index;

/* Opens the embeddings of an SSIM index, by its directory, and verifies every byte. */
copy_index *copies_open(const char *directory, failure *why);
void copies_close(copy_index *copies);
/* As index_is_whole. */
bool copies_are_whole(const copy_index *copies, failure *why);
/* Reads what `copies/manifest.json` of an index says; `path` is for messages. Whether it succeeds or not,
 * copies_free_record frees what it holds. */
bool copies_parse(copy_index *into, const char *content, size_t bytes, const char *path, failure *why);
void copies_free_record(copy_index *copies);

/* The nearest images of one picture. */
typedef struct {
    int64_t k;
    int64_t *ids;      /* [k] nearest first, ties by their place */
    float *similarity; /* [k] cosines */
    double p_value, threshold; /* of the nearest, at the false-alarm rate */
} copies_found;

/* min(k, count) images; `embedding` has `length` values, and must be of unit length. */
bool copies_search(const copy_index *copies, workers *threads, const float *embedding, int64_t length, int32_t k,
                   double false_alarm_rate, copies_found *result, failure *why);
void copies_found_free(copies_found *result);

#endif
