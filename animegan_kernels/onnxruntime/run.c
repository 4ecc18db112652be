#include "run.h"

#include <stdlib.h>
#include <string.h>

#define CALL(call) TRY(as_error(m->runtime, TRITONSERVER_ERROR_INVALID_ARG, m->runtime->api->call))

static TRITONSERVER_Error *allocate(run *r, const settings *s) {
    const size_t tensors = s->input_count + s->output_count; /* at most 2 MOST_TENSORS */
    r->inputs = calloc(s->input_count, sizeof *r->inputs);
    r->names = calloc(tensors, sizeof *r->names);
    r->values = calloc(tensors, sizeof *r->values);
    r->places = calloc(tensors, sizeof *r->places);
    r->results = calloc(r->runs, s->output_count * sizeof *r->results);
    if (r->inputs && r->names && r->values && r->places && r->results) return NULL;
    return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_UNAVAILABLE, "onnxruntime: no memory for a request");
}

static void measure(run *r, const settings *s, job *const *jobs, size_t count) {
    for (size_t i = 0; i < count; i++) r->rows += jobs[i]->rows; /* each below 2^31 */
    r->rows_at_a_time = s->batches ? s->rows_at_a_time : r->rows;
    r->runs = (size_t)((r->rows + r->rows_at_a_time - 1) / r->rows_at_a_time);
}

static TRITONSERVER_Error *join_inputs(run *r, const settings *s, job *const *jobs, size_t count) {
    for (size_t i = 0; i < s->input_count; i++) {
        TRY(join(&r->inputs[i], jobs, count, i, s->inputs[i].type));
        if (!r->inputs[i].data) continue;
        r->names[r->given] = s->inputs[i].name;
        r->places[r->given++] = i;
    }
    return NULL;
}

static void choose_outputs(run *r, const settings *s, job *const *jobs, size_t count) {
    for (size_t k = 0; k < s->output_count; k++) {
        bool wanted = false;
        for (size_t i = 0; i < count; i++) wanted = wanted || jobs[i]->wanted[k];
        if (!wanted) continue;
        r->names[r->given + r->asked] = s->outputs[k].name;
        r->places[r->given + r->asked++] = k;
    }
}

/* Rows of the inputs, where they lie. */
static TRITONSERVER_Error *slice(run *r, const model *m, int64_t first, int64_t rows) {
    for (size_t i = 0; i < r->given; i++) {
        joined *input = &r->inputs[r->places[i]];
        int64_t sizes[MOST_DIMENSIONS];
        size_t offset = 0, bytes = input->bytes;
        memcpy(sizes, input->sizes, sizeof sizes);
        if (m->settings.batches) {
            const size_t row = input->bytes / (size_t)r->rows;
            sizes[0] = rows, offset = row * (size_t)first, bytes = row * (size_t)rows;
        }
        CALL(CreateTensorWithDataAsOrtValue(m->runtime->memory, input->data + offset, bytes, sizes, input->dimensions,
                                            m->settings.inputs[r->places[i]].type->onnx, &r->values[i]));
    }
    return NULL;
}

static TRITONSERVER_Error *read_sizes(const model *m, const OrtTensorTypeAndShapeInfo *info, result *to) {
    CALL(GetDimensionsCount(info, &to->dimensions));
    if (to->dimensions > MOST_DIMENSIONS) return invalid("an output has more than 16 dimensions");
    CALL(GetDimensions(info, to->sizes, to->dimensions));
    return NULL;
}

static TRITONSERVER_Error *read_result(const model *m, const element_type *type, result *to) {
    OrtTensorTypeAndShapeInfo *info;
    void *data;
    CALL(GetTensorTypeAndShape(to->value, &info));
    TRITONSERVER_Error *error = read_sizes(m, info, to);
    m->runtime->api->ReleaseTensorTypeAndShapeInfo(info);
    TRY(error);
    CALL(GetTensorMutableData(to->value, &data));
    to->data = data;
    to->bytes = type->bytes; /* the tensor lies in memory: its size does not overflow */
    for (size_t d = 0; d < to->dimensions; d++) to->bytes *= (size_t)to->sizes[d];
    return NULL;
}

/* What is to be joined or taken apart must have the batch's rows, and otherwise one shape. */
static bool fits(const result *part, const result *first, int64_t rows) {
    return part->dimensions && part->sizes[0] == rows && part->dimensions == first->dimensions &&
           memcmp(part->sizes + 1, first->sizes + 1, (part->dimensions - 1) * sizeof *part->sizes) == 0;
}

static TRITONSERVER_Error *keep_results(run *r, const model *m, size_t number, int64_t rows, bool whole) {
    result *results = r->results + number * m->settings.output_count;
    for (size_t i = 0; i < r->asked; i++) { /* first of all, so that an error frees them */
        results[r->places[r->given + i]].value = r->values[r->given + i];
        r->values[r->given + i] = NULL;
    }
    for (size_t i = 0; i < r->asked; i++) {
        const size_t place = r->places[r->given + i];
        TRY(read_result(m, m->settings.outputs[place].type, &results[place]));
        if (!whole && !fits(&results[place], &r->results[place], rows))
            return invalid("an output does not have the batch's first dimension, so it cannot be taken apart");
    }
    return NULL;
}

static void release_values(run *r, const model *m) {
    for (size_t i = 0; i < r->given + r->asked; i++)
        if (r->values[i]) m->runtime->api->ReleaseValue(r->values[i]);
    memset(r->values, 0, (r->given + r->asked) * sizeof *r->values);
}

static TRITONSERVER_Error *run_once(run *r, const model *m, int64_t first, int64_t rows) {
    TRY(slice(r, m, first, rows));
    CALL(Run(m->session, NULL, r->names, (const OrtValue *const *)r->values, r->given, r->names + r->given, r->asked,
             r->values + r->given));
    return NULL;
}

TRITONSERVER_Error *run_jobs(run *r, const model *m, job *const *jobs, size_t count) {
    const settings *s = &m->settings;
    *r = (run){0};
    measure(r, s, jobs, count);
    TRY(allocate(r, s));
    TRY(join_inputs(r, s, jobs, count));
    choose_outputs(r, s, jobs, count);
    const bool whole = count == 1 && r->runs == 1;
    for (size_t i = 0; i < r->runs; i++) {
        const int64_t first = (int64_t)i * r->rows_at_a_time, left = r->rows - first;
        const int64_t rows = left < r->rows_at_a_time ? left : r->rows_at_a_time;
        TRITONSERVER_Error *error = run_once(r, m, first, rows);
        if (!error) error = keep_results(r, m, i, rows, whole);
        release_values(r, m);
        TRY(error);
    }
    return NULL;
}

void run_free(run *r, const model *m) {
    const size_t results = r->results ? r->runs * m->settings.output_count : 0;
    for (size_t i = 0; i < results; i++)
        if (r->results[i].value) m->runtime->api->ReleaseValue(r->results[i].value);
    for (size_t i = 0; r->inputs && i < m->settings.input_count; i++) free(r->inputs[i].owned);
    free(r->inputs);
    free(r->results);
    free(r->names);
    free(r->values);
    free(r->places);
    *r = (run){0};
}
