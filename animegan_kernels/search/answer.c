/* The outputs of ssim_search. */
#include <math.h>

#include "question.h"

/* What the outputs are written from. */
typedef struct {
    const question *asked;
    const found *results;
    int64_t step, rows, count, k; /* count: rows of the shard; k: how many are found */
    const int64_t *ids;
} answer;

static const found *result_of(const answer *a, int64_t row) { return &a->results[row * a->step]; }

static bool begin(const answer *a, const char *name, TRITONSERVER_DataType type, int64_t values, uint8_t **to) {
    return output_begin(a->asked->from, name, type, (const int64_t[]){a->rows, values}, 2, to);
}

static bool put_nearest(const answer *a) {
    uint8_t *id, *ssim;
    if (!begin(a, "id", TRITONSERVER_TYPE_INT64, a->k, &id) || !begin(a, "ssim", TRITONSERVER_TYPE_FP64, a->k, &ssim))
        return false;
    for (int64_t row = 0; row < a->rows; row++) {
        const found *result = result_of(a, row);
        for (int64_t i = 0; id && i < a->k; i++) output_put(&id, &a->ids[result->rows[i]], sizeof *a->ids);
        if (ssim) output_put(&ssim, result->ssim, (size_t)a->k * sizeof *result->ssim);
    }
    return true;
}

static bool put_sums(const answer *a) {
    uint8_t *count, *total, *mean;
    if (!begin(a, "count", TRITONSERVER_TYPE_INT64, 1, &count) || !begin(a, "total", TRITONSERVER_TYPE_FP64, 1, &total) ||
        !begin(a, "mean", TRITONSERVER_TYPE_FP32, 1, &mean))
        return false;
    for (int64_t row = 0; row < a->rows; row++) {
        const found *result = result_of(a, row);
        const float average = result->count ? (float)(result->total / (double)result->count) : NAN;
        if (count) output_put(&count, &result->count, sizeof result->count);
        if (total) output_put(&total, &result->total, sizeof result->total);
        if (mean) output_put(&mean, &average, sizeof average);
    }
    return true;
}

static bool put_histogram(const answer *a) {
    uint8_t *to;
    if (!begin(a, "histogram", TRITONSERVER_TYPE_INT64, HISTOGRAM_BINS, &to)) return false;
    for (int64_t row = 0; to && row < a->rows; row++)
        output_put(&to, result_of(a, row)->histogram, sizeof result_of(a, row)->histogram);
    return true;
}

/* Of the images that are alive; the others have no score. */
static bool put_scores(const answer *a) {
    uint8_t *id, *scores;
    const int64_t alive = a->asked->every ? result_of(a, 0)->count : 0;
    if (!begin(a, "score_id", TRITONSERVER_TYPE_INT64, alive, &id) ||
        !begin(a, "scores", TRITONSERVER_TYPE_FP32, alive, &scores))
        return false;
    for (int64_t row = 0; alive && row < a->rows; row++) {
        const float *all = result_of(a, row)->scores;
        for (int64_t i = 0; i < a->count; i++) {
            if (isnan(all[i])) continue;
            if (id) output_put(&id, &a->ids[i], sizeof *a->ids);
            if (scores) output_put(&scores, &all[i], sizeof *all);
        }
    }
    return true;
}

bool question_answer(const question *asked, const found *results, int64_t step, int64_t shard_count, const int64_t *ids,
                     int64_t k, const char *digest) {
    const int64_t rows = question_rows(asked), found_k = results->k < k ? results->k : k;
    const answer a = {asked, results, step, rows, shard_count, found_k, ids};
    return put_nearest(&a) && put_sums(&a) && put_histogram(&a) &&
           output_text(asked->from, "digest", (const int64_t[]){rows, 1}, 2, digest) && put_scores(&a);
}
