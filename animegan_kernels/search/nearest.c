/* Exact search of embeddings by their inner products, in double precision. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "copies.h"
#include "products.h"

enum { ROWS = 1024 }; /* at a time */

/* How far the square of an embedding's length may be from 1; float32 rounds at 1e-7. */
static const double LENGTH_TOLERANCE = 1e-3;

typedef struct { double product; int64_t row; } neighbour;

typedef struct {
    const copy_index *copies;
    const double *query;
    neighbour *all;
} comparison;

static void compare_some(void *data, int64_t i) {
    const comparison *c = data;
    const int64_t length = c->copies->record.embedding, first = i * ROWS, left = c->copies->record.count - first;
    const int64_t rows = left < ROWS ? left : ROWS;
    double products[ROWS];
    FASTEST(inner_products)(c->copies->embeddings + first * length, c->query, rows, length, products);
    for (int64_t j = 0; j < rows; j++)
        c->all[first + j] = (neighbour){isnan(products[j]) ? -INFINITY : products[j], first + j};
}

static bool comes_before(neighbour a, neighbour b) {
    return a.product > b.product || (a.product == b.product && a.row < b.row);
}

static int by_nearness(const void *a, const void *b) {
    const neighbour x = *(const neighbour *)a, y = *(const neighbour *)b;
    return comes_before(y, x) - comes_before(x, y);
}

/* Moves the one at `place` down a heap whose root is the farthest. */
static void sink(neighbour *heap, int64_t count, int64_t place) {
    for (int64_t child; (child = 2 * place + 1) < count; place = child) {
        if (child + 1 < count && comes_before(heap[child], heap[child + 1])) child++;
        if (!comes_before(heap[place], heap[child])) return;
        const neighbour farther = heap[child];
        heap[child] = heap[place], heap[place] = farther;
    }
}

/* Puts the nearest k at the front, in order. */
static void select_nearest(neighbour *all, int64_t count, int64_t k) {
    for (int64_t i = k / 2; i-- > 0;) sink(all, k, i);
    for (int64_t i = k; i < count; i++)
        if (comes_before(all[i], all[0])) all[0] = all[i], sink(all, k, 0);
    qsort(all, (size_t)k, sizeof *all, by_nearness);
}

static bool check(const copy_index *copies, const float *embedding, int64_t length, int32_t k, failure *why) {
    double square = 0;
    if (length != copies->record.embedding)
        return fails(why, MISFIT, "embeddings must be float32 [Q, %lld], got float32 [1, %lld]",
                     (long long)copies->record.embedding, (long long)length);
    for (int64_t i = 0; i < length; i++) square += (double)embedding[i] * embedding[i];
    if (!(fabs(square - 1) <= LENGTH_TOLERANCE))
        return fails(why, MISFIT, "embeddings must be of unit length, as the copy detector makes them");
    return k >= 1 || fails(why, MISFIT, "k must be at least 1, got %d", (int)k);
}

static bool keep(const copy_index *copies, const neighbour *nearest, copies_found *result) {
    result->ids = malloc((size_t)result->k * sizeof *result->ids);
    result->similarity = malloc((size_t)result->k * sizeof *result->similarity);
    for (int64_t i = 0; result->ids && result->similarity && i < result->k; i++) {
        result->ids[i] = copies->ids[nearest[i].row];
        result->similarity[i] = (float)nearest[i].product;
    }
    if (result->ids && result->similarity) return true;
    copies_found_free(result);
    return false;
}

static bool find(const copy_index *copies, workers *threads, const float *embedding, copies_found *result) {
    const int64_t count = copies->record.count, length = copies->record.embedding;
    double *query = calloc((size_t)length, sizeof *query);
    neighbour *all = calloc((size_t)count, sizeof *all);
    bool well = query && all;
    if (well) {
        for (int64_t i = 0; i < length; i++) query[i] = embedding[i];
        comparison c = {copies, query, all};
        workers_loop(threads, compare_some, &c, (count - 1) / ROWS + 1);
        select_nearest(all, count, result->k);
        well = keep(copies, all, result);
    }
    free(query), free(all);
    return well;
}

bool copies_search(const copy_index *copies, workers *threads, const float *embedding, int64_t length, int32_t k,
                   double false_alarm_rate, copies_found *result, failure *why) {
    *result = (copies_found){.k = k < copies->record.count ? k : copies->record.count};
    if (!check(copies, embedding, length, k, why) || !copies_are_whole(copies, why)) return false;
    if (!calibration_threshold(&copies->calibration, false_alarm_rate, &result->threshold, why)) return false;
    if (!find(copies, threads, embedding, result)) return no_memory(why);
    result->p_value = calibration_p_value(&copies->calibration, (double)result->similarity[0]);
    return true;
}

void copies_found_free(copies_found *result) {
    free(result->ids), free(result->similarity);
    *result = (copies_found){0};
}
