/* Triton's backend `occupied`, for measurements of what is around a model: a request occupies its instance as a
 * network occupies a GPU, for the seconds of the parameter `seconds`, and computes nothing. It answers y [1] = 0. */
#include <stdlib.h>
#include <time.h>

#include "common/json.h"
#include "common/triton.h"

#define TRY(call) do { TRITONSERVER_Error *error_ = (call); if (error_) return error_; } while (0)

TRITON_EXPORT TRITONSERVER_Error *TRITONBACKEND_Initialize(TRITONBACKEND_Backend *backend);
TRITON_EXPORT TRITONSERVER_Error *TRITONBACKEND_ModelInitialize(TRITONBACKEND_Model *model);
TRITON_EXPORT TRITONSERVER_Error *TRITONBACKEND_ModelFinalize(TRITONBACKEND_Model *model);
TRITON_EXPORT TRITONSERVER_Error *TRITONBACKEND_ModelInstanceExecute(TRITONBACKEND_ModelInstance *instance,
                                                                     TRITONBACKEND_Request **requests,
                                                                     const uint32_t count);

TRITONSERVER_Error *TRITONBACKEND_Initialize(TRITONBACKEND_Backend *backend) {
    (void)backend;
    return NULL;
}

/* The parameter of a configuration; negative where it is missing or no number. */
static double seconds_of(const char *config, size_t length) {
    const char *complaint;
    json_document *document = json_read(config, length, &complaint);
    if (!document) return -1;
    const json *parameter = json_member(json_member(json_root(document), "parameters"), "seconds");
    const char *text = json_text(parameter, "string_value");
    char *end = NULL;
    const double value = text ? strtod(text, &end) : -1;
    const bool whole = end && end != text && !*end;
    json_free(document);
    return whole ? value : -1;
}

TRITONSERVER_Error *TRITONBACKEND_ModelInitialize(TRITONBACKEND_Model *model) {
    TRITONSERVER_Message *config;
    const char *text;
    size_t length;
    TRY(TRITONBACKEND_ModelConfig(model, 1, &config));
    TRITONSERVER_Error *error = TRITONSERVER_MessageSerializeToJson(config, &text, &length);
    struct timespec *time = error ? NULL : calloc(1, sizeof *time);
    const double seconds = time ? seconds_of(text, length) : -1;
    TRITONSERVER_Error *left = TRITONSERVER_MessageDelete(config);
    if (!error && !(seconds >= 0 && seconds < 3600))
        error = TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INVALID_ARG, "occupied: `seconds` must be from 0 to 3600");
    if (left) TRITONSERVER_ErrorDelete(left);
    if (error) {
        free(time);
        return error;
    }
    time->tv_sec = (time_t)seconds;
    time->tv_nsec = (long)((seconds - (double)time->tv_sec) * 1e9);
    return TRITONBACKEND_ModelSetState(model, time);
}

TRITONSERVER_Error *TRITONBACKEND_ModelFinalize(TRITONBACKEND_Model *model) {
    void *time;
    TRY(TRITONBACKEND_ModelState(model, &time));
    free(time);
    return NULL;
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static TRITONSERVER_Error *fill(TRITONBACKEND_Response *response) {
    static const int64_t shape[] = {1};
    TRITONBACKEND_Output *output;
    TRITONSERVER_MemoryType memory = TRITONSERVER_MEMORY_CPU;
    int64_t id = 0;
    void *y;
    TRY(TRITONBACKEND_ResponseOutput(response, &output, "y", TRITONSERVER_TYPE_FP32, shape, 1));
    TRY(TRITONBACKEND_OutputBuffer(output, &y, sizeof(float), &memory, &id));
    *(float *)y = 0;
    return NULL;
}

/* True: it was answered. */
static bool answer(TRITONBACKEND_Request *request) {
    TRITONBACKEND_Response *response;
    TRITONSERVER_Error *error = TRITONBACKEND_ResponseNew(&response, request);
    const bool made = !error;
    if (made) error = fill(response);
    const bool good = !error;
    TRITONSERVER_Error *unsent = made ? TRITONBACKEND_ResponseSend(response, TRITONSERVER_RESPONSE_COMPLETE_FINAL, error) : NULL;
    if (error) TRITONSERVER_ErrorDelete(error);
    if (unsent) TRITONSERVER_ErrorDelete(unsent);
    return good && !unsent;
}

TRITONSERVER_Error *TRITONBACKEND_ModelInstanceExecute(TRITONBACKEND_ModelInstance *instance,
                                                       TRITONBACKEND_Request **requests, const uint32_t count) {
    TRITONBACKEND_Model *model;
    void *time;
    TRY(TRITONBACKEND_ModelInstanceModel(instance, &model));
    TRY(TRITONBACKEND_ModelState(model, &time));
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t start = now();
        nanosleep(time, NULL);
        const bool answered = answer(requests[i]);
        const uint64_t end = now();
        TRITONSERVER_Error *errors[] = {
            TRITONBACKEND_ModelInstanceReportStatistics(instance, requests[i], answered, start, start, end, end),
            TRITONBACKEND_ModelInstanceReportBatchStatistics(instance, 1, start, start, end, end),
            TRITONBACKEND_RequestRelease(requests[i], TRITONSERVER_REQUEST_RELEASE_ALL),
        };
        for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++)
            if (errors[e]) TRITONSERVER_ErrorDelete(errors[e]);
    }
    return NULL;
}
