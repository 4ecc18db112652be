/* The indexes below a folder, as they are now: what a server of shards opens, watches and describes.
 *
 * An index is called after its directory. Its manifest is replaced atomically by whoever changes it, so one `stat` a
 * request tells whether to open it anew. Of each index a server may serve only some shards: see part.h. */
#ifndef ANIMEGAN_LIBRARY_H
#define ANIMEGAN_LIBRARY_H

#include "common/json.h"
#include "index.h"
#include "part.h"

#define INDEXES_VARIABLE "ANIMEGAN_INDEXES"
#define SHARDS_VARIABLE "ANIMEGAN_SHARDS"

typedef struct library library;

/* `folder` holds one directory for each index; it may be missing: there is no index then. With `verify`, an index is
 * compared with its checksums when it is opened. */
library *library_new(const char *folder, part served, bool verify, workers *threads, failure *why);
/* The library that $ANIMEGAN_INDEXES and $ANIMEGAN_SHARDS describe. */
library *library_from_environment(bool verify, workers *threads, failure *why);
void library_free(library *library); /* NULL is ignored; nothing may be in use */

/* The index of this name, opened anew if it has changed; the caller gives it back. */
const ssim_index *library_index(library *library, text name, failure *why);
/* The shard "<index>/<shard>", if it is served here; the caller gives its index back. */
const ssim_index *library_shard(library *library, text name, const shard **one, failure *why);
void library_give_back(library *library, const ssim_index *index);

/* Opens every index, so that no query waits for that; tells of each that is refused. */
bool library_load(library *library, void (*refused)(const char *name, const failure *why), failure *why);
/* All indexes as JSON, as Python's json.dumps writes it:
 * {"indexes": [{"name", "definition", "shape", "count", "digest", "sources": [{"name", "digest", "licence", "first_id",
 * "count"}], "shards": [{"name", "first", "count", "alive", "served"}], "calibration": null or {"maxima", "index_digest",
 * "heldout_name", "heldout_digest", "identical"}}], "refused": {name: why}} */
bool library_describe(library *library, json_writer *to, failure *why);

#endif
