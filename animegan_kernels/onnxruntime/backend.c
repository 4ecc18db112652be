/* Triton's backend "onnxruntime" for CPUs: what Triton calls.
 *
 * It serves the same model repository as NVIDIA's backend of that name and follows its configuration:
 * `default_model_filename` and the parameters `intra_op_thread_count` and `enable_mem_arena`, which is off here if
 * the configuration says nothing. The parameter `native_convolutions` is ours: models that have it are run with
 * the operators of animegan_kernels/convolution.
 *
 * A backend holds the runtime, a model the session that all its instances run. Nothing else outlives a call.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "answer.h"

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static TRITONSERVER_Error *no_memory(void) {
    return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_UNAVAILABLE, "onnxruntime: no memory");
}

/* ---- life --------------------------------------------------------------------------------------- */

TRITON_EXPORT TRITONSERVER_Error *TRITONBACKEND_Initialize(TRITONBACKEND_Backend *backend) {
    runtime *r = malloc(sizeof *r);
    if (!r) return no_memory();
    TRITONSERVER_Error *error = runtime_open(r, backend);
    if (!error) {
        error = TRITONBACKEND_BackendSetState(backend, r);
        if (!error) return NULL;
        runtime_close(r);
    }
    free(r);
    return error;
}

TRITON_EXPORT TRITONSERVER_Error *TRITONBACKEND_Finalize(TRITONBACKEND_Backend *backend) {
    void *state;
    TRY(TRITONBACKEND_BackendState(backend, &state));
    if (state) runtime_close(state);
    free(state);
    return NULL;
}

TRITON_EXPORT TRITONSERVER_Error *TRITONBACKEND_ModelInitialize(TRITONBACKEND_Model *served) {
    TRITONBACKEND_Backend *backend;
    void *r;
    TRY(TRITONBACKEND_ModelBackend(served, &backend));
    TRY(TRITONBACKEND_BackendState(backend, &r));
    model *m = malloc(sizeof *m);
    if (!m) return no_memory();
    TRITONSERVER_Error *error = model_open(m, r, served);
    if (!error) {
        error = TRITONBACKEND_ModelSetState(served, m);
        if (!error) return NULL;
        model_close(m);
    }
    free(m);
    return error;
}

TRITON_EXPORT TRITONSERVER_Error *TRITONBACKEND_ModelFinalize(TRITONBACKEND_Model *served) {
    void *state;
    TRY(TRITONBACKEND_ModelState(served, &state));
    if (state) model_close(state);
    free(state);
    return NULL;
}

/* ---- requests ----------------------------------------------------------------------------------- */

/* What one call of Triton's brings, and when the graph ran. */
typedef struct {
    TRITONBACKEND_ModelInstance *instance;
    const model *model;
    job *jobs;
    job **left; /* those that are to be run */
    operand *operands;
    bool *wanted;
    uint32_t count, left_count;
    uint64_t begun, started, ended;
} batch;

static TRITONSERVER_Error *batch_open(batch *b, TRITONBACKEND_Request **requests) {
    const settings *s = &b->model->settings;
    b->jobs = calloc(b->count, sizeof *b->jobs);
    b->left = calloc(b->count, sizeof *b->left);
    b->operands = calloc(b->count, s->input_count * sizeof *b->operands);
    b->wanted = calloc(b->count, s->output_count * sizeof *b->wanted);
    if (!b->jobs || !b->left || !b->operands || !b->wanted) return no_memory();
    for (uint32_t i = 0; i < b->count; i++)
        b->jobs[i] = (job){.request = requests[i],
                           .operands = b->operands + i * s->input_count,
                           .wanted = b->wanted + i * s->output_count};
    return NULL;
}

static void batch_free(batch *b) {
    free(b->jobs);
    free(b->left);
    free(b->operands);
    free(b->wanted);
}

static TRITONSERVER_Error *check_cancelled(const job *j) {
    bool cancelled;
    TRY(TRITONBACKEND_RequestIsCancelled(j->request, &cancelled));
    return cancelled ? TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_CANCELLED, "onnxruntime: the request was cancelled") : NULL;
}

static void read_jobs(batch *b) {
    for (uint32_t i = 0; i < b->count; i++) {
        job *j = &b->jobs[i];
        TRITONSERVER_Error *error = check_cancelled(j);
        if (!error) error = job_read(j, b->model);
        if (error) answer_error(j, error);
        else b->left[b->left_count++] = j;
    }
}

/* Runs and answers; where that fails, nothing is answered. */
static TRITONSERVER_Error *run_and_answer(batch *b, job *const *jobs, size_t count) {
    run r;
    const uint64_t started = now();
    if (!b->started) b->started = started;
    TRITONSERVER_Error *error = run_jobs(&r, b->model, jobs, count);
    b->ended = now();
    int64_t first = 0;
    for (size_t i = 0; !error && i < count; first += jobs[i]->rows, i++) answer(jobs[i], b->model, &r, first);
    run_free(&r, b->model);
    return error;
}

static void warn(const batch *b, TRITONSERVER_Error *error) {
    char text[1024];
    snprintf(text, sizeof text, "a batch of %" PRIu32 " failed, retrying singly: %s", b->left_count,
             TRITONSERVER_ErrorMessage(error));
    TRITONSERVER_ErrorDelete(error);
    log_and_delete(TRITONSERVER_LogMessage(TRITONSERVER_LOG_WARN, __FILE__, __LINE__, text));
}

/* Together if the model batches; a request never fails for another's sake. */
static void run_left(batch *b) {
    if (b->left_count > 1 && b->model->settings.batches) {
        TRITONSERVER_Error *error = run_and_answer(b, b->left, b->left_count);
        if (!error) return;
        warn(b, error); /* which request is at fault shows when each runs alone */
    }
    for (uint32_t i = 0; i < b->left_count; i++) {
        TRITONSERVER_Error *error = run_and_answer(b, b->left + i, 1);
        if (error) answer_error(b->left[i], error);
    }
}

/* Statistics are Triton's own affair: without them requests are answered all the same. */
static void report(const batch *b) {
    const uint64_t done = now(), started = b->started ? b->started : b->begun;
    const uint64_t ended = b->started ? b->ended : b->begun;
    uint64_t rows = 0;
    for (uint32_t i = 0; i < b->left_count; i++) rows += (uint64_t)b->left[i]->rows;
    for (uint32_t i = 0; i < b->count; i++)
        log_and_delete(TRITONBACKEND_ModelInstanceReportStatistics(b->instance, b->jobs[i].request, !b->jobs[i].failed,
                                                         b->begun, started, ended, done));
    if (rows)
        log_and_delete(TRITONBACKEND_ModelInstanceReportBatchStatistics(b->instance, rows, b->begun, started, ended, done));
}

static void release(const batch *b) {
    for (uint32_t i = 0; i < b->count; i++)
        log_and_delete(TRITONBACKEND_RequestRelease(b->jobs[i].request, TRITONSERVER_REQUEST_RELEASE_ALL));
}

/* After an error the requests stay Triton's, which answers them. */
TRITON_EXPORT TRITONSERVER_Error *TRITONBACKEND_ModelInstanceExecute(TRITONBACKEND_ModelInstance *instance,
                                                                     TRITONBACKEND_Request **requests,
                                                                     const uint32_t count) {
    TRITONBACKEND_Model *served;
    void *state;
    TRY(TRITONBACKEND_ModelInstanceModel(instance, &served));
    TRY(TRITONBACKEND_ModelState(served, &state));
    batch b = {.instance = instance, .model = state, .count = count, .begun = now()};
    TRITONSERVER_Error *error = batch_open(&b, requests);
    if (!error) {
        read_jobs(&b);
        run_left(&b);
        report(&b);
        release(&b);
    }
    batch_free(&b);
    return error;
}
