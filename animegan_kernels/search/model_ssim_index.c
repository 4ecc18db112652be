/* What the indexes below $ANIMEGAN_INDEXES are, and their images.
 *
 * `shard` "" asks for the manifest, JSON as library_describe writes it, and no images; "<index>" (or "<index>/<shard>")
 * asks for the images with these `ids`, UINT8 [n, H, W, C]. Any server with the index's directory can answer, whichever
 * shards it searches. `ssim_search` compares indexes with their checksums; here they are only mapped. */
#include <stdlib.h>
#include <string.h>

#include "library.h"
#include "request.h"

static const input shard_input = {"shard", TRITONSERVER_TYPE_BYTES, 1, false};
static const input ids_input = {"ids", TRITONSERVER_TYPE_INT64, 1, false};

/* What one answer of Triton's protocols can hold. */
enum { MOST_BYTES = INT32_MAX };

static void *open_model(workers *threads, failure *why) { return library_from_environment(false, threads, why); }

static void close_model(void *model) { library_free(model); }

static bool put_manifest(request *r, const char *content) {
    return output_text(r, "manifest", (const int64_t[]){1}, 1, content);
}

static void answer_manifest(library *l, request *r) {
    uint8_t *nothing;
    json_writer told = {0};
    bool well = library_describe(l, &told, &r->why);
    json_write_raw(&told, "", 1);
    if (well && told.failed) well = no_memory(&r->why);
    if (well) well = put_manifest(r, told.text);
    if (well) output_begin(r, "images", TRITONSERVER_TYPE_UINT8, (const int64_t[]){0, 1, 1, 1}, 4, &nothing);
    free(told.text);
}

static bool put_images(const ssim_index *index, request *r, const tensor *ids) {
    const int64_t *shape = index->manifest.shape;
    uint8_t *to;
    if (ids->count > MOST_BYTES / index_image_bytes(index))
        return fails(&r->why, MISFIT, "%lld images do not fit into one answer", (long long)ids->count);
    if (!index_is_whole(index, NULL, &r->why) || !index_has(index, (const int64_t *)ids->data, ids->count, &r->why)) return false;
    if (!output_begin(r, "images", TRITONSERVER_TYPE_UINT8, (const int64_t[]){ids->count, shape[0], shape[1], shape[2]}, 4,
                      &to))
        return false;
    if (to) index_images(index, (const int64_t *)ids->data, ids->count, to);
    return true;
}

static void answer_images(library *l, request *r, text name, const tensor *ids) {
    const char *slash = memchr(name.at, '/', name.length);
    if (slash) name.length = (size_t)(slash - name.at);
    const ssim_index *index = library_index(l, name, &r->why);
    if (!index) return;
    if (put_images(index, r, ids)) put_manifest(r, "");
    library_give_back(l, index);
}

static void answer_one(library *l, request *r) {
    tensor asked = {0}, ids = {0};
    text name;
    bool same;
    if (tensor_read(r, &shard_input, &asked) && tensor_text(r, &shard_input, &asked, &name, &same) &&
        tensor_read(r, &ids_input, &ids)) {
        if (name.length) answer_images(l, r, name, &ids);
        else answer_manifest(l, r);
    }
    tensor_free(&asked), tensor_free(&ids);
}

static void answer(void *model, request *requests, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (requests[i].why.kind == NO_FAILURE) answer_one(model, &requests[i]);
}

const served_model ssim_index_model = {"ssim_index", open_model, close_model, answer};
