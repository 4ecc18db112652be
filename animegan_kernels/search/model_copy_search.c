/* The images of an index that a picture may be a changed copy of.
 *
 * It takes what `copy_detector` answers, and searches the embeddings of the index `index` below $ANIMEGAN_INDEXES, which
 * `anime-gan copies index` has written:
 *
 *     id INT64 [k'], similarity FP32 [k']   nearest first, ties by id; k' = min(k, images)
 *     p_value FP64 [1], threshold FP64 [1]  of the nearest, at this false-alarm rate
 *     digest BYTES [1]                      of the SSIM index whose images they are
 *     detector BYTES [1]                    sha256 of the ONNX file that made the embeddings */
#include <stdlib.h>
#include <string.h>

#include "copy_library.h"
#include "request.h"

enum { INDEX, EMBEDDING, K, RATE, INPUTS };
static const input inputs[INPUTS] = {{"index", TRITONSERVER_TYPE_BYTES, 1, false},
                                     {"embedding", TRITONSERVER_TYPE_FP32, 1, false},
                                     {"k", TRITONSERVER_TYPE_INT32, 1, false},
                                     {"false_alarm_rate", TRITONSERVER_TYPE_FP64, 1, false}};

typedef struct {
    copy_library *library;
    workers *threads;
} copy_model;

static void close_model(void *model) {
    copy_library_free(((copy_model *)model)->library);
    free(model);
}

/* Embeddings are opened, and every byte verified, by the first query of an index. */
static void *open_model(workers *threads, failure *why) {
    copy_model *model = calloc(1, sizeof *model);
    if (!model) return no_memory(why), NULL;
    *model = (copy_model){copy_library_from_environment(why), threads};
    if (model->library) return model;
    free(model);
    return NULL;
}

static bool put_values(request *r, const char *name, TRITONSERVER_DataType type, int64_t count, const void *values,
                       size_t width) {
    uint8_t *to;
    if (!output_begin(r, name, type, &count, 1, &to)) return false;
    if (to) output_put(&to, values, (size_t)count * width);
    return true;
}

static bool put_answer(request *r, const copies_record *record, const copies_found *nearest) {
    static const int64_t one[] = {1};
    return put_values(r, "id", TRITONSERVER_TYPE_INT64, nearest->k, nearest->ids, sizeof *nearest->ids) &&
           put_values(r, "similarity", TRITONSERVER_TYPE_FP32, nearest->k, nearest->similarity, sizeof *nearest->similarity) &&
           put_values(r, "p_value", TRITONSERVER_TYPE_FP64, 1, &nearest->p_value, sizeof nearest->p_value) &&
           put_values(r, "threshold", TRITONSERVER_TYPE_FP64, 1, &nearest->threshold, sizeof nearest->threshold) &&
           output_text(r, "digest", one, 1, record->index_digest->text) &&
           output_text(r, "detector", one, 1, record->detector.sha256->text);
}

static void search_copies(const copy_model *model, request *r, text name, const tensor *read) {
    int32_t k;
    double rate;
    copies_found nearest;
    const copy_index *copies = copy_library_take(model->library, name, &r->why);
    if (!copies) return;
    memcpy(&k, read[K].data, sizeof k);
    memcpy(&rate, read[RATE].data, sizeof rate);
    if (copies_search(copies, model->threads, (const float *)(const void *)read[EMBEDDING].data, read[EMBEDDING].count, k,
                      rate, &nearest, &r->why)) {
        put_answer(r, &copies->record, &nearest);
        copies_found_free(&nearest);
    }
    copy_library_give_back(model->library, copies);
}

static bool has_one_value(request *r, int place, const tensor *t) {
    return t->count == 1 || fails(&r->why, MISFIT, "the input '%s' must have one element", inputs[place].name);
}

static void answer_one(const copy_model *model, request *r) {
    tensor read[INPUTS] = {0};
    text name;
    bool well = true, same;
    for (int i = 0; i < INPUTS && well; i++) well = tensor_read(r, &inputs[i], &read[i]);
    if (well && has_one_value(r, INDEX, &read[INDEX]) && has_one_value(r, K, &read[K]) &&
        has_one_value(r, RATE, &read[RATE]) && tensor_text(r, &inputs[INDEX], &read[INDEX], &name, &same))
        search_copies(model, r, name, read);
    for (int i = 0; i < INPUTS; i++) tensor_free(&read[i]);
}

static void answer(void *model, request *requests, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (requests[i].why.kind == NO_FAILURE) answer_one(model, &requests[i]);
}

const served_model copy_search_model = {"copy_search", open_model, close_model, answer};
