/* Triton's backend `animegan_search`: what Triton calls.
 *
 * It serves three models; a parameter of a model's configuration says which one it is:
 *
 *     backend: "animegan_search"
 *     parameters { key: "kind" value { string_value: "ssim_search" } }   or ssim_index, or copy_search
 *
 * All models of the server share the threads. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/json.h"
#include "request.h"

TRITON_EXPORT TRITONSERVER_Error *TRITONBACKEND_Initialize(TRITONBACKEND_Backend *backend);
TRITON_EXPORT TRITONSERVER_Error *TRITONBACKEND_Finalize(TRITONBACKEND_Backend *backend);
TRITON_EXPORT TRITONSERVER_Error *TRITONBACKEND_ModelInitialize(TRITONBACKEND_Model *model);
TRITON_EXPORT TRITONSERVER_Error *TRITONBACKEND_ModelFinalize(TRITONBACKEND_Model *model);
TRITON_EXPORT TRITONSERVER_Error *TRITONBACKEND_ModelInstanceExecute(TRITONBACKEND_ModelInstance *instance,
                                                                     TRITONBACKEND_Request **requests,
                                                                     const uint32_t count);

typedef struct {
    const served_model *how;
    void *model;
} model_state;

typedef struct { uint64_t begin, compute_begin, compute_end; } times;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the backend -------------------------------------------------------------------------------- */

TRITONSERVER_Error *TRITONBACKEND_Initialize(TRITONBACKEND_Backend *backend) {
    uint32_t major, minor;
    TRITONSERVER_Error *error = TRITONBACKEND_ApiVersion(&major, &minor);
    if (error) return error;
    if (major != 1)
        return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_UNSUPPORTED, "animegan_search needs Triton's backend API 1");
    workers *threads = workers_start(0);
    if (!threads) return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_UNAVAILABLE, "animegan_search cannot start its threads");
    error = TRITONBACKEND_BackendSetState(backend, threads);
    if (error) workers_stop(threads);
    return error;
}

TRITONSERVER_Error *TRITONBACKEND_Finalize(TRITONBACKEND_Backend *backend) {
    void *threads = NULL;
    TRITONSERVER_Error *error = TRITONBACKEND_BackendState(backend, &threads);
    workers_stop(threads);
    return error;
}

/* ---- models ------------------------------------------------------------------------------------- */

static const served_model *model_called(const char *kind) {
    static const served_model *const all[] = {&ssim_search_model, &ssim_index_model, &copy_search_model};
    for (size_t i = 0; kind && i < sizeof all / sizeof *all; i++)
        if (!strcmp(all[i]->kind, kind)) return all[i];
    return NULL;
}

static const served_model *model_in(const char *config, size_t bytes, failure *why) {
    const char *complaint;
    json_document *document = json_read(config, bytes, &complaint);
    if (!document) return fails(why, MISFIT, "the configuration cannot be read: %s", complaint), NULL;
    const json *parameters = json_member(json_root(document), "parameters");
    const char *kind = json_text(json_member(parameters, "kind"), "string_value");
    const served_model *found = model_called(kind);
    if (!found)
        fails(why, MISFIT, "the parameter 'kind' must be ssim_search, ssim_index or copy_search, got %s",
              kind ? kind : "none");
    json_free(document);
    return found;
}

static const served_model *model_of(TRITONBACKEND_Model *model, failure *why) {
    TRITONSERVER_Message *message;
    const char *config;
    size_t bytes;
    if (!succeeds(TRITONBACKEND_ModelConfig(model, 1, &message), why)) return NULL;
    const bool read = succeeds(TRITONSERVER_MessageSerializeToJson(message, &config, &bytes), why);
    const served_model *found = read ? model_in(config, bytes, why) : NULL;
    log_error(TRITONSERVER_MessageDelete(message));
    return found;
}

static workers *threads_of(TRITONBACKEND_Model *model, failure *why) {
    TRITONBACKEND_Backend *backend;
    void *threads = NULL;
    const bool well = succeeds(TRITONBACKEND_ModelBackend(model, &backend), why) &&
                      succeeds(TRITONBACKEND_BackendState(backend, &threads), why);
    return well ? threads : NULL;
}

static void close_model(model_state *state) {
    if (state->model) state->how->close(state->model);
    free(state);
}

TRITONSERVER_Error *TRITONBACKEND_ModelInitialize(TRITONBACKEND_Model *model) {
    failure why = {.kind = NO_FAILURE};
    model_state *state = calloc(1, sizeof *state);
    if (!state) return no_memory(&why), error_of(&why);
    workers *threads = threads_of(model, &why);
    const bool well = threads && (state->how = model_of(model, &why)) &&
                      (state->model = state->how->open(threads, &why)) &&
                      succeeds(TRITONBACKEND_ModelSetState(model, state), &why);
    if (well) return NULL;
    close_model(state);
    return error_of(&why);
}

TRITONSERVER_Error *TRITONBACKEND_ModelFinalize(TRITONBACKEND_Model *model) {
    void *state = NULL;
    TRITONSERVER_Error *error = TRITONBACKEND_ModelState(model, &state);
    if (state) close_model(state);
    return error;
}

/* ---- requests ----------------------------------------------------------------------------------- */

static void begin_request(request *r, TRITONBACKEND_Request *from) {
    bool cancelled = false;
    r->request = from, r->rows = 1;
    if (!succeeds(TRITONBACKEND_ResponseNew(&r->response, from), &r->why)) {
        log_text(TRITONSERVER_LOG_ERROR, r->why.text);
        r->response = NULL;
        return;
    }
    if (succeeds(TRITONBACKEND_RequestIsCancelled(from, &cancelled), &r->why) && cancelled)
        fails(&r->why, CANCELLED, "the request was cancelled before it was answered");
}

static void end_request(TRITONBACKEND_ModelInstance *instance, request *r, const times *t) {
    TRITONSERVER_Error *error = error_of(&r->why);
    const bool success = error == NULL;
    if (r->response) log_error(TRITONBACKEND_ResponseSend(r->response, TRITONSERVER_RESPONSE_COMPLETE_FINAL, error));
    if (error) TRITONSERVER_ErrorDelete(error);
    log_error(TRITONBACKEND_ModelInstanceReportStatistics(instance, r->request, success, t->begin, t->compute_begin,
                                                          t->compute_end, now()));
    log_error(TRITONBACKEND_RequestRelease(r->request, TRITONSERVER_REQUEST_RELEASE_ALL));
}

static void answer_all(TRITONBACKEND_ModelInstance *instance, const model_state *state, request *requests,
                       uint32_t count, times t) {
    uint64_t rows = 0;
    t.compute_begin = now();
    state->how->answer(state->model, requests, count);
    t.compute_end = now();
    for (uint32_t i = 0; i < count; i++) rows += (uint64_t)requests[i].rows;
    for (uint32_t i = 0; i < count; i++) end_request(instance, &requests[i], &t);
    log_error(TRITONBACKEND_ModelInstanceReportBatchStatistics(instance, rows, t.begin, t.compute_begin, t.compute_end,
                                                               now()));
}

TRITONSERVER_Error *TRITONBACKEND_ModelInstanceExecute(TRITONBACKEND_ModelInstance *instance,
                                                       TRITONBACKEND_Request **requests, const uint32_t count) {
    const times t = {.begin = now()};
    TRITONBACKEND_Model *model;
    void *state;
    TRITONSERVER_Error *error = TRITONBACKEND_ModelInstanceModel(instance, &model);
    if (!error) error = TRITONBACKEND_ModelState(model, &state);
    if (error) return error;
    request *all = calloc(count, sizeof *all);
    if (!all) return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_UNAVAILABLE, "there is no memory left");
    for (uint32_t i = 0; i < count; i++) begin_request(&all[i], requests[i]);
    answer_all(instance, state, all, count, t);
    free(all);
    return NULL;
}
