/* Exact SSIM search of the shards below $ANIMEGAN_INDEXES.
 *
 * B queries of a request go to one shard, "<index>/<shard>", with one k; the requests that Triton has joined are
 * answered with one pass over each shard. Outputs, B rows each:
 *
 *     id INT64 [k'], ssim FP64 [k']      the nearest, nearest first, ties by id; k' = min(k, count).
 *                                        Double precision: shards are merged by these scores
 *     count INT64, total FP64, mean FP32 images searched, sum and mean of their scores
 *     histogram INT64 [1000]             equal bins over [-1, 1]
 *     digest BYTES                       of the index as it was searched
 *     score_id INT64 [count], scores FP32 [count]   with `all_scores`, ids ascending; else empty
 *
 * The shard "" is a canary: the engine answers a small question, whatever the query. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canary.h"
#include "library.h"
#include "question.h"

typedef struct {
    library *library;
    workers *threads;
} search_model;

/* Questions that share a pass. */
typedef struct {
    const search_model *model;
    question **asked;
    size_t count;
} group;

/* ---- loading ------------------------------------------------------------------------------------ */

static void tell_refused(const char *name, const failure *why) {
    char message[FAILURE_TEXT + 512];
    snprintf(message, sizeof message, "the index %.255s is refused: %s", name, why->text);
    log_text(TRITONSERVER_LOG_ERROR, message);
}

static void close_model(void *model) {
    library_free(((search_model *)model)->library);
    free(model);
}

/* Opens all indexes: no query has to wait for that. */
static bool prepare(search_model *model, failure *why) {
    found canary;
    if (!canary_sings(model->threads, &canary, why)) return false;
    found_free(&canary);
    model->library = library_from_environment(true, model->threads, why);
    return model->library && library_load(model->library, tell_refused, why);
}

static void *open_model(workers *threads, failure *why) {
    search_model *model = calloc(1, sizeof *model);
    if (!model) return no_memory(why), NULL;
    model->threads = threads;
    if (prepare(model, why)) return model;
    close_model(model);
    return NULL;
}

/* ---- one pass ----------------------------------------------------------------------------------- */

static void refuse_all(const group *g, const failure *why) {
    if (why->kind == REFUSED || why->kind == DAMAGED) log_text(TRITONSERVER_LOG_ERROR, why->text);
    for (size_t i = 0; i < g->count; i++) g->asked[i]->from->why = *why;
}

static void answer_canary(const group *g) {
    static const int64_t ids[CANARY_IMAGES] = {0, 1, 2};
    found result;
    failure why;
    if (!canary_sings(g->model->threads, &result, &why)) {
        refuse_all(g, &why);
        return;
    }
    for (size_t i = 0; i < g->count; i++) question_answer(g->asked[i], &result, 0, CANARY_IMAGES, ids, 1, "");
    found_free(&result);
}

/* Keeps those that fit the shard; the others are told why they do not. */
static void keep_fitting(group *g, const ssim_index *index, const shard *of) {
    size_t kept = 0;
    for (size_t i = 0; i < g->count; i++)
        if (question_fits(g->asked[i], index, of)) g->asked[kept++] = g->asked[i];
    g->count = kept;
}

static int64_t rows_of(const group *g) {
    int64_t rows = 0;
    for (size_t i = 0; i < g->count; i++) rows += question_rows(g->asked[i]);
    return rows;
}

/* One input of all questions, one behind the other: at most twice what Triton holds already. NULL: no memory. */
static uint8_t *join(const group *g, int place) {
    size_t bytes = 0, filled = 0;
    for (size_t i = 0; i < g->count; i++) bytes += g->asked[i]->inputs[place].bytes;
    uint8_t *all = malloc(bytes + 1);
    for (size_t i = 0; all && i < g->count; i++) {
        const tensor *t = &g->asked[i]->inputs[place];
        memcpy(all + filled, t->data, t->bytes);
        filled += t->bytes;
    }
    return all;
}

static bool search_shard(const group *g, const shard *of, found *results) {
    const bool scanned = g->asked[0]->scanned;
    int32_t k = 0;
    for (size_t i = 0; i < g->count; i++) k = g->asked[i]->k > k ? g->asked[i]->k : k;
    uint8_t *queries = join(g, QUERY), *scores = scanned ? join(g, SCORES) : NULL;
    const bool well = queries && (scores || !scanned) &&
                      !search(g->model->threads, &of->references, queries, rows_of(g), k,
                              (const float *)(const void *)scores, results);
    free(queries), free(scores);
    return well;
}

static void search_together(group *g, const ssim_index *index, const shard *of) {
    failure why;
    keep_fitting(g, index, of);
    const int64_t rows = rows_of(g);
    if (!rows) return;
    found *results = calloc((size_t)rows, sizeof *results);
    if (!results || !search_shard(g, of, results)) {
        no_memory(&why);
        refuse_all(g, &why);
        free(results);
        return;
    }
    const found *next = results;
    for (size_t i = 0; i < g->count; i++) {
        const question *q = g->asked[i];
        question_answer(q, next, 1, of->record->count, of->ids, q->k, index->manifest.digest);
        next += question_rows(q);
    }
    for (int64_t row = 0; row < rows; row++) found_free(&results[row]);
    free(results);
}

static void answer_group(group *g) {
    failure why;
    const shard *of;
    if (!g->asked[0]->shard.length) {
        answer_canary(g);
        return;
    }
    const ssim_index *index = library_shard(g->model->library, g->asked[0]->shard, &of, &why);
    if (!index) {
        refuse_all(g, &why);
        return;
    }
    search_together(g, index, of);
    library_give_back(g->model->library, index);
}

/* ---- all requests ------------------------------------------------------------------------------- */

static bool share_a_pass(const question *a, const question *b) {
    return a->scanned == b->scanned && a->shard.length == b->shard.length &&
           !memcmp(a->shard.at, b->shard.at, a->shard.length);
}

static void answer_groups(const search_model *model, question *questions, uint32_t count, question **room) {
    for (uint32_t i = 0; i < count; i++) {
        if (questions[i].answered) continue;
        group g = {model, room, 0};
        for (uint32_t j = i; j < count; j++) {
            if (questions[j].answered || !share_a_pass(&questions[i], &questions[j])) continue;
            questions[j].answered = true;
            room[g.count++] = &questions[j];
        }
        answer_group(&g);
    }
}

static void answer(void *model, request *requests, uint32_t count) {
    question *questions = calloc(count, sizeof *questions), **room = calloc(count, sizeof *room);
    for (uint32_t i = 0; i < count; i++) {
        failure *why = &requests[i].why;
        if (why->kind == NO_FAILURE && (!questions || !room)) no_memory(why);
        if (questions) questions[i].answered = why->kind != NO_FAILURE || !question_read(&questions[i], &requests[i]);
    }
    if (questions && room) answer_groups(model, questions, count, room);
    for (uint32_t i = 0; questions && i < count; i++) question_free(&questions[i]);
    free(questions), free(room);
}

const served_model ssim_search_model = {"ssim_search", open_model, close_model, answer};
