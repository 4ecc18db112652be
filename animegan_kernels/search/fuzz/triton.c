#include "triton.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TRITONSERVER_Error *TRITONBACKEND_Initialize(TRITONBACKEND_Backend *backend);
TRITONSERVER_Error *TRITONBACKEND_Finalize(TRITONBACKEND_Backend *backend);
TRITONSERVER_Error *TRITONBACKEND_ModelInitialize(TRITONBACKEND_Model *model);
TRITONSERVER_Error *TRITONBACKEND_ModelFinalize(TRITONBACKEND_Model *model);
TRITONSERVER_Error *TRITONBACKEND_ModelInstanceExecute(TRITONBACKEND_ModelInstance *instance,
                                                       TRITONBACKEND_Request **requests, const uint32_t count);

struct TRITONSERVER_Error { TRITONSERVER_Error_Code code; char message[4096]; };
struct TRITONSERVER_Message { const char *text; };
struct TRITONBACKEND_Backend { void *state; };
struct TRITONBACKEND_Model { TRITONBACKEND_Backend backend; void *state; const char *config; };
struct TRITONBACKEND_ModelInstance { TRITONBACKEND_Model *model; };
struct TRITONBACKEND_Output { void *buffer; TRITONBACKEND_Request *request; };
struct TRITONBACKEND_Response { TRITONBACKEND_Request *request; TRITONBACKEND_Output outputs[MOST_OUTPUTS]; uint32_t count; };

static void require(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "the backend is wrong: %s\n", what);
    abort();
}

/* ---- errors and messages ------------------------------------------------------------------------ */

TRITONSERVER_Error *TRITONSERVER_ErrorNew(TRITONSERVER_Error_Code code, const char *message) {
    TRITONSERVER_Error *error = calloc(1, sizeof *error);
    require(error != NULL, "no memory");
    error->code = code;
    snprintf(error->message, sizeof error->message, "%s", message);
    return error;
}

void TRITONSERVER_ErrorDelete(TRITONSERVER_Error *error) { free(error); }
const char *TRITONSERVER_ErrorMessage(TRITONSERVER_Error *error) { return error->message; }

/* Only where somebody looks: a run has many. */
static void log_message(const char *message) {
    if (getenv("FUZZ_LOG")) fprintf(stderr, "%s\n", message);
}

TRITONSERVER_Error *TRITONSERVER_LogMessage(TRITONSERVER_LogLevel level, const char *file, int line,
                                            const char *message) {
    require(level <= TRITONSERVER_LOG_VERBOSE && file && line >= 0, "a message is sound");
    return log_message(message), NULL;
}

TRITONSERVER_Error *TRITONSERVER_MessageSerializeToJson(TRITONSERVER_Message *message, const char **text,
                                                        size_t *bytes) {
    *text = message->text, *bytes = strlen(message->text);
    return NULL;
}

TRITONSERVER_Error *TRITONSERVER_MessageDelete(TRITONSERVER_Message *message) { return free(message), NULL; }

/* ---- backend, model, instance ------------------------------------------------------------------- */

TRITONSERVER_Error *TRITONBACKEND_ApiVersion(uint32_t *major, uint32_t *minor) { return *major = 1, *minor = 19, NULL; }

TRITONSERVER_Error *TRITONBACKEND_BackendState(TRITONBACKEND_Backend *backend, void **state) {
    return *state = backend->state, NULL;
}

TRITONSERVER_Error *TRITONBACKEND_BackendSetState(TRITONBACKEND_Backend *backend, void *state) {
    return backend->state = state, NULL;
}

TRITONSERVER_Error *TRITONBACKEND_ModelBackend(TRITONBACKEND_Model *model, TRITONBACKEND_Backend **backend) {
    return *backend = &model->backend, NULL;
}

TRITONSERVER_Error *TRITONBACKEND_ModelConfig(TRITONBACKEND_Model *model, uint32_t version,
                                              TRITONSERVER_Message **config) {
    require(version == 1, "the form of a configuration is 1");
    *config = calloc(1, sizeof **config);
    require(*config != NULL, "no memory");
    (*config)->text = model->config;
    return NULL;
}

TRITONSERVER_Error *TRITONBACKEND_ModelState(TRITONBACKEND_Model *model, void **state) {
    return *state = model->state, NULL;
}

TRITONSERVER_Error *TRITONBACKEND_ModelSetState(TRITONBACKEND_Model *model, void *state) {
    return model->state = state, NULL;
}

TRITONSERVER_Error *TRITONBACKEND_ModelInstanceModel(TRITONBACKEND_ModelInstance *instance,
                                                     TRITONBACKEND_Model **model) {
    return *model = instance->model, NULL;
}

TRITONSERVER_Error *TRITONBACKEND_ModelInstanceReportStatistics(
    TRITONBACKEND_ModelInstance *instance, TRITONBACKEND_Request *request, const bool success,
    const uint64_t exec_start_ns, const uint64_t compute_start_ns, const uint64_t compute_end_ns,
    const uint64_t exec_end_ns) {
    require(instance && !request->releases && request->responses == 1, "statistics come between answer and release");
    require(success == request->answered, "statistics tell whether it was answered");
    require(exec_start_ns <= compute_start_ns && compute_start_ns <= compute_end_ns && compute_end_ns <= exec_end_ns,
            "times run on");
    return NULL;
}

TRITONSERVER_Error *TRITONBACKEND_ModelInstanceReportBatchStatistics(
    TRITONBACKEND_ModelInstance *instance, const uint64_t rows, const uint64_t exec_start_ns,
    const uint64_t compute_start_ns, const uint64_t compute_end_ns, const uint64_t exec_end_ns) {
    require(instance && rows > 0, "a batch has rows");
    require(exec_start_ns <= compute_start_ns && compute_start_ns <= compute_end_ns && compute_end_ns <= exec_end_ns,
            "times run on");
    return NULL;
}

/* ---- requests ----------------------------------------------------------------------------------- */

TRITONSERVER_Error *TRITONBACKEND_RequestInput(TRITONBACKEND_Request *request, const char *name,
                                               TRITONBACKEND_Input **input) {
    for (uint32_t i = 0; i < request->count; i++)
        if (!strcmp(request->inputs[i].name, name)) return *input = &request->inputs[i], NULL;
    return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INVALID_ARG, "no such input");
}

TRITONSERVER_Error *TRITONBACKEND_RequestOutputCount(TRITONBACKEND_Request *request, uint32_t *count) {
    return *count = request->output_count, NULL;
}

TRITONSERVER_Error *TRITONBACKEND_RequestOutputName(TRITONBACKEND_Request *request, const uint32_t index,
                                                    const char **name) {
    return *name = request->outputs[index], NULL;
}

TRITONSERVER_Error *TRITONBACKEND_RequestIsCancelled(TRITONBACKEND_Request *request, bool *cancelled) {
    return *cancelled = request->cancelled, NULL;
}

TRITONSERVER_Error *TRITONBACKEND_RequestRelease(TRITONBACKEND_Request *request, uint32_t flags) {
    require(flags == TRITONSERVER_REQUEST_RELEASE_ALL, "a request is released whole");
    return request->releases++, NULL;
}

TRITONSERVER_Error *TRITONBACKEND_InputProperties(TRITONBACKEND_Input *input, const char **name,
                                                  TRITONSERVER_DataType *type, const int64_t **shape,
                                                  uint32_t *dimensions, uint64_t *bytes, uint32_t *buffers) {
    if (name) *name = input->name;
    *type = input->type, *shape = input->shape, *dimensions = input->dimensions, *buffers = input->parts, *bytes = 0;
    for (uint32_t i = 0; i < input->parts; i++) *bytes += input->bytes[i];
    return NULL;
}

TRITONSERVER_Error *TRITONBACKEND_InputBuffer(TRITONBACKEND_Input *input, const uint32_t index, const void **buffer,
                                              uint64_t *bytes, TRITONSERVER_MemoryType *memory, int64_t *memory_id) {
    *buffer = input->data[index], *bytes = input->bytes[index], *memory = input->memory, *memory_id = 0;
    return NULL;
}

/* ---- responses ---------------------------------------------------------------------------------- */

TRITONSERVER_Error *TRITONBACKEND_ResponseNew(TRITONBACKEND_Response **response, TRITONBACKEND_Request *request) {
    *response = calloc(1, sizeof **response);
    require(*response != NULL, "no memory");
    (*response)->request = request;
    return NULL;
}

TRITONSERVER_Error *TRITONBACKEND_ResponseOutput(TRITONBACKEND_Response *response, TRITONBACKEND_Output **output,
                                                 const char *name, const TRITONSERVER_DataType type,
                                                 const int64_t *shape, const uint32_t dimensions) {
    require(name && type != TRITONSERVER_TYPE_INVALID && response->count < MOST_OUTPUTS, "an output is sound");
    for (uint32_t i = 0; i < dimensions; i++) require(shape[i] >= 0, "a shape is sound");
    *output = &response->outputs[response->count++];
    (*output)->request = response->request;
    return NULL;
}

TRITONSERVER_Error *TRITONBACKEND_OutputBuffer(TRITONBACKEND_Output *output, void **buffer, const uint64_t bytes,
                                               TRITONSERVER_MemoryType *memory, int64_t *memory_id) {
    if (bytes > output->request->room) return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_UNAVAILABLE, "no room");
    *memory = TRITONSERVER_MEMORY_CPU, *memory_id = 0;
    *buffer = output->buffer = malloc(bytes);
    return NULL;
}

TRITONSERVER_Error *TRITONBACKEND_ResponseSend(TRITONBACKEND_Response *response, const uint32_t flags,
                                               TRITONSERVER_Error *error) {
    require(flags == TRITONSERVER_RESPONSE_COMPLETE_FINAL, "there is one response");
    response->request->responses++;
    response->request->answered = !error;
    if (error) log_message(error->message);
    for (uint32_t i = 0; i < response->count; i++) free(response->outputs[i].buffer);
    free(response);
    return NULL;
}

/* ---- what tests call ---------------------------------------------------------------------------- */

TRITONBACKEND_Model *fake_load(const char *config) {
    TRITONBACKEND_Model *model = calloc(1, sizeof *model);
    require(model != NULL, "no memory");
    model->config = config;
    require(!TRITONBACKEND_Initialize(&model->backend), "it starts");
    TRITONSERVER_Error *error = TRITONBACKEND_ModelInitialize(model);
    if (!error) return model;
    TRITONSERVER_ErrorDelete(error);
    require(!TRITONBACKEND_Finalize(&model->backend), "it ends");
    free(model);
    return NULL;
}

void fake_execute(TRITONBACKEND_Model *model, TRITONBACKEND_Request **requests, uint32_t count) {
    TRITONBACKEND_ModelInstance instance = {model};
    require(!TRITONBACKEND_ModelInstanceExecute(&instance, requests, count), "it takes requests");
    for (uint32_t i = 0; i < count; i++)
        require(requests[i]->responses == 1 && requests[i]->releases == 1, "each request is answered and released once");
}

void fake_unload(TRITONBACKEND_Model *model) {
    require(!TRITONBACKEND_ModelFinalize(model) && !TRITONBACKEND_Finalize(&model->backend), "it ends");
    free(model);
}
