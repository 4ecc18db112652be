/* References in a directory, mapped from the disk. */
#ifndef ANIMEGAN_INDEX_H
#define ANIMEGAN_INDEX_H

#include "calibration.h"
#include "engine.h"
#include "files.h"
#include "manifest.h"
#include "workers.h"

/* What one pass of the engine scans. */
typedef struct {
    const shard_record *record;
    size_t file;           /* place of its first file among the index's */
    int64_t first;         /* row of its first reference in the whole index */
    references references; /* as the engine takes them */
    const int64_t *ids;    /* [count] ascending; they stay when images are added or removed */
    uint8_t *alive;        /* [count]; NULL: no image was removed */
    int64_t alive_count;
} shard;

typedef struct {
    char *directory;
    manifest manifest;
    mapping *files; /* in the manifest's order; of the calibration's files nothing stays mapped */
    shard *shards;
    size_t shard_count;
    int64_t count; /* images that are searched; removed ones are not */
    calibration calibration;
    double *maxima;
    char *description; /* JSON, as index_describe wrote it; whoever opens the index may put it here */
} ssim_index;

/* Opens an index. Names, sizes, types and shapes are always checked; with `verify`, every byte is read and compared with
 * the checksums, several files at a time. NULL, and `why`, where something is wrong. */
ssim_index *index_open(const char *directory, bool verify, workers *threads, failure *why);
void index_close(ssim_index *index);

/* Whether the files of a shard, or of all where it is NULL, are still as long as they were when they were mapped. To be
 * asked before they are read: whoever writes indexes never cuts a file, but a copy that is made in place does. */
bool index_is_whole(const ssim_index *index, const shard *of, failure *why);

/* Whether it holds all these ids; `why` names the first that it does not. */
bool index_has(const ssim_index *index, const int64_t *ids, int64_t count, failure *why);
/* Copies the images of ids that it holds to uint8 [count, H, W, C]. */
void index_images(const ssim_index *index, const int64_t *ids, int64_t count, uint8_t *to);
/* Bytes of an image. */
int64_t index_image_bytes(const ssim_index *index);

#endif
