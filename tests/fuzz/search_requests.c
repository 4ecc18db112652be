/* Requests to the three models that search what lies below $ANIMEGAN_INDEXES: an index "some" (material.py), whose images
 * are 12x12 pixels, with embeddings of 8 numbers. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "requests.h"
#include "search/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { MODELS = 3, SIZE = 12, CHANNELS = 3, ROWS = 16, EMBEDDING = 8, DIGEST = 64 };

#define CONFIG(kind) "{\"parameters\": {\"kind\": {\"string_value\": \"" kind "\"}}}"
#define BYTES(text) text, sizeof text - 1

static char tiles_digest[DIGEST]; /* of the first shard, as its manifest has it */

static const char *const configs[MODELS] = {CONFIG("ssim_search"), CONFIG("ssim_index"), CONFIG("copy_search")};

static const known_model models[MODELS] = {
    {{{"query", TRITONSERVER_TYPE_UINT8, 4, {1, SIZE, SIZE, CHANNELS}, BYTES(""), SIZE * SIZE * CHANNELS, false},
      {"k", TRITONSERVER_TYPE_INT32, 2, {1, 1}, BYTES("\3"), 4, false},
      {"shard", TRITONSERVER_TYPE_BYTES, 2, {1, 1}, BYTES("\12\0\0\0some/00000"), 14, false},
      {"all_scores", TRITONSERVER_TYPE_BOOL, 2, {1, 1}, BYTES("\1"), 1, false},
      {"scores", TRITONSERVER_TYPE_FP32, 2, {1, ROWS}, BYTES(""), 4 * ROWS, true},
      {"scored", TRITONSERVER_TYPE_UINT8, 2, {1, DIGEST}, tiles_digest, DIGEST, DIGEST, true}},
     {"id", "ssim", "count", "total", "mean", "histogram", "digest", "score_id", "scores"}},
    {{{"shard", TRITONSERVER_TYPE_BYTES, 1, {1}, BYTES("\4\0\0\0some"), 8, false},
      {"ids", TRITONSERVER_TYPE_INT64, 1, {2}, BYTES("\1\0\0\0\0\0\0\0\3"), 16, false}},
     {"manifest", "images"}},
    {{{"index", TRITONSERVER_TYPE_BYTES, 1, {1}, BYTES("\4\0\0\0some"), 8, false},
      {"embedding", TRITONSERVER_TYPE_FP32, 1, {EMBEDDING}, BYTES("\0\0\200\77"), 4 * EMBEDDING, false}, /* 1, 0, ... */
      {"k", TRITONSERVER_TYPE_INT32, 1, {1}, BYTES("\3"), 4, false},
      {"false_alarm_rate", TRITONSERVER_TYPE_FP64, 1, {1}, BYTES("\232\231\231\231\231\231\251\77"), 8, false}}, /* 0.05 */
     {"id", "similarity", "p_value", "threshold", "digest", "detector"}},
};

/* A scan on a GPU names the tiles that it scanned. */
static void read_digest(void) {
    char path[PATH_ROOM], *content = NULL;
    const char *complaint;
    size_t bytes;
    if (!join_path(path, getenv("ANIMEGAN_INDEXES"), "some/manifest.json")) abort();
    if (file_read(path, 1 << 20, &content, &bytes) != FILE_READ) abort();
    json_document *document = json_read(content, bytes, &complaint);
    if (!document) abort();
    const json *shards = json_member(json_root(document), "shards");
    const char *digest = json_text(json_member(shards->first, "tiles"), "sha256");
    memcpy(tiles_digest, digest, sizeof tiles_digest);
    json_free(document);
    free(content);
}

static TRITONBACKEND_Model *load(int place) {
    char message[MESSAGE];
    TRITONBACKEND_Backend *backend = fake_backend("{}", "/nowhere", message);
    TRITONBACKEND_Model *model = backend ? fake_model(backend, "/nowhere", 1, configs[place], message) : NULL;
    if (!model) abort();
    return model;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static TRITONBACKEND_Model *loaded[MODELS];
    const int place = bytes ? data[0] % MODELS : 0;
    if (!*tiles_digest) read_digest();
    if (!loaded[place]) loaded[place] = load(place);
    ask(loaded[place], &models[place], data + (bytes > 0), bytes - (bytes > 0));
    return 0;
}
