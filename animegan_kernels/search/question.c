#include "question.h"

#include <math.h>
#include <string.h>

static const input wanted[QUESTION_INPUTS] = {
    [QUERY] = {"query", TRITONSERVER_TYPE_UINT8, 4, false},  [K] = {"k", TRITONSERVER_TYPE_INT32, 2, false},
    [SHARD] = {"shard", TRITONSERVER_TYPE_BYTES, 2, false},  [ALL_SCORES] = {"all_scores", TRITONSERVER_TYPE_BOOL, 2, false},
    [SCORES] = {"scores", TRITONSERVER_TYPE_FP32, 2, true},  [SCORED] = {"scored", TRITONSERVER_TYPE_BYTES, 2, true}};

int64_t question_rows(const question *asked) { return asked->inputs[QUERY].shape[0]; }

/* Every input has one row for each picture, and all but pictures and scores one value a row. */
static bool check_rows(const question *q) {
    const int64_t rows = question_rows(q);
    failure *why = &q->from->why;
    if (rows < 1) return fails(why, MISFIT, "the input 'query' is empty");
    for (int i = 0; i < QUESTION_INPUTS; i++) {
        const tensor *t = &q->inputs[i];
        const bool single = i != QUERY && i != SCORES;
        if (t->data && (t->shape[0] != rows || (single && t->shape[1] != 1)))
            return fails(why, MISFIT, "the input '%s' must have %s for each of %lld queries", wanted[i].name,
                         single ? "one value" : "a row", (long long)rows);
    }
    return true;
}

static bool disagree(const question *q) {
    return fails(&q->from->why, MISFIT, "the queries of a request share one shard and one k");
}

static bool read_k(question *q) {
    memcpy(&q->k, q->inputs[K].data, sizeof q->k);
    for (int64_t row = 1; row < question_rows(q); row++)
        if (memcmp(q->inputs[K].data, q->inputs[K].data + row * (int64_t)sizeof q->k, sizeof q->k)) return disagree(q);
    return true;
}

static bool read_shard(question *q) {
    bool same;
    if (!tensor_text(q->from, &wanted[SHARD], &q->inputs[SHARD], &q->shard, &same)) return false;
    return same || disagree(q);
}

static bool read_scan(question *q) {
    bool same;
    q->scanned = q->inputs[SCORES].data != NULL;
    if (q->scanned != (q->inputs[SCORED].data != NULL))
        return fails(&q->from->why, MISFIT, "the inputs 'scores' and 'scored' come together, or not at all");
    if (!q->scanned) return true;
    if (!tensor_text(q->from, &wanted[SCORED], &q->inputs[SCORED], &q->scored, &same)) return false;
    return same || fails(&q->from->why, MISFIT, "the scores of a request are of one scan");
}

bool question_read(question *q, request *from) {
    *q = (question){.from = from};
    for (int i = 0; i < QUESTION_INPUTS; i++)
        if (!tensor_read(from, &wanted[i], &q->inputs[i])) return false;
    if (!check_rows(q)) return false;
    from->rows = question_rows(q);
    if (!read_k(q) || !read_shard(q) || !read_scan(q)) return false;
    for (int64_t row = 0; row < question_rows(q); row++) q->every = q->every || q->inputs[ALL_SCORES].data[row];
    return true;
}

void question_free(question *held) {
    for (int i = 0; i < QUESTION_INPUTS; i++) tensor_free(&held->inputs[i]);
}

/* ---- whether it fits ---------------------------------------------------------------------------- */

static bool check_scan(const question *q, const shard *of) {
    const tensor *scores = &q->inputs[SCORES];
    const text digest = text_of(of->record->tiles.sha256);
    const bool same = q->scored.length == digest.length && !memcmp(q->scored.at, digest.at, digest.length);
    if (!same || scores->shape[1] != of->record->count)
        return fails(&q->from->why, STALE,
                     "the scan of the shard '%.*s' is of other images than the index holds: its model must be exported again",
                     (int)q->shard.length, q->shard.at);
    for (int64_t i = 0; i < scores->count; i++) {
        float score;
        memcpy(&score, scores->data + i * (int64_t)sizeof score, sizeof score);
        if (!isfinite(score)) return fails(&q->from->why, MISFIT, "the input 'scores' holds what is no number");
    }
    return true;
}

bool question_fits(const question *q, const ssim_index *index, const shard *of) {
    const int64_t *shape = index->manifest.shape, *other = q->inputs[QUERY].shape + 1;
    if (memcmp(shape, other, 3 * sizeof *shape))
        return fails(&q->from->why, MISFIT,
                     "the index %s holds images of (%lld, %lld, %lld), the query has (%lld, %lld, %lld)",
                     index->manifest.name->text, (long long)shape[0], (long long)shape[1], (long long)shape[2],
                     (long long)other[0], (long long)other[1], (long long)other[2]);
    if (q->k < 0) return fails(&q->from->why, MISFIT, "k is %d; give 0 or more", (int)q->k);
    return !q->scanned || check_scan(q, of);
}
