/* A Triton for one backend in one process: just so much that requests can be made, run and looked at, with
 * everything that Triton lends counted. It is linked with the backend's sources, as a library or as a program. */
#include "triton.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 32 };

struct TRITONSERVER_Error { TRITONSERVER_Error_Code code; char *message; };
struct TRITONSERVER_Message { char *text; bool lent; };
struct TRITONBACKEND_Backend { struct TRITONSERVER_Message config; char *folder; void *state; };
struct TRITONBACKEND_Model { TRITONBACKEND_Backend *backend; char *folder, *config; uint64_t version; void *state; };
struct TRITONBACKEND_ModelInstance { TRITONBACKEND_Model *model; };
typedef struct { char *data; uint64_t bytes; } piece;
struct TRITONBACKEND_Input {
    char *name;
    TRITONSERVER_DataType type;
    int64_t *shape;
    uint32_t dimensions, pieces;
    piece piece[MOST];
    TRITONSERVER_MemoryType memory;
};
struct TRITONBACKEND_Output { char *name; TRITONSERVER_DataType type; int64_t *shape; uint32_t dimensions; char *data; uint64_t bytes, room; };
struct TRITONBACKEND_Response { TRITONBACKEND_Request *request; uint32_t outputs; TRITONBACKEND_Output output[MOST]; };
struct TRITONBACKEND_Request {
    uint32_t inputs, wants;
    TRITONBACKEND_Input input[MOST];
    char *want[MOST];
    bool cancelled, succeeded;
    uint64_t room; /* bytes of an output */
    int released, answered;
    TRITONSERVER_Error *error;
    TRITONBACKEND_Response *response;
};

/* Instances run side by side. */
static atomic_int lent; /* errors, messages, and responses that nobody gave back */
static atomic_int logged, reported, batches;
static _Atomic uint64_t rows_reported;
static char last_log[MESSAGE];

static char *copy_of(const char *text) {
    char *copy = strdup(text);
    if (!copy) abort();
    return copy;
}

static void *room(size_t bytes) {
    void *memory = calloc(1, bytes ? bytes : 1);
    if (!memory) abort();
    return memory;
}

/* ---- what the backend calls --------------------------------------------------------------------- */

TRITONSERVER_Error *TRITONSERVER_ErrorNew(TRITONSERVER_Error_Code code, const char *message) {
    TRITONSERVER_Error *error = room(sizeof *error);
    lent++;
    *error = (TRITONSERVER_Error){code, copy_of(message)};
    return error;
}
void TRITONSERVER_ErrorDelete(TRITONSERVER_Error *error) {
    lent--;
    free(error->message), free(error);
}
TRITONSERVER_Error_Code TRITONSERVER_ErrorCode(TRITONSERVER_Error *error) { return error->code; }
const char *TRITONSERVER_ErrorMessage(TRITONSERVER_Error *error) { return error->message; }
TRITONSERVER_Error *TRITONSERVER_LogMessage(TRITONSERVER_LogLevel level, const char *file, int line, const char *message) {
    (void)level, (void)file, (void)line;
    logged++;
    snprintf(last_log, sizeof last_log, "%s", message);
    return NULL;
}
TRITONSERVER_Error *TRITONSERVER_MessageSerializeToJson(TRITONSERVER_Message *message, const char **text, size_t *bytes) {
    *text = message->text, *bytes = strlen(message->text);
    return NULL;
}
TRITONSERVER_Error *TRITONSERVER_MessageDelete(TRITONSERVER_Message *message) {
    lent--;
    free(message->text), free(message);
    return NULL;
}

TRITONSERVER_Error *TRITONBACKEND_ApiVersion(uint32_t *major, uint32_t *minor) { *major = 1, *minor = 19; return NULL; }
TRITONSERVER_Error *TRITONBACKEND_BackendArtifacts(TRITONBACKEND_Backend *b, TRITONBACKEND_ArtifactType *kind, const char **folder) {
    *kind = TRITONBACKEND_ARTIFACT_FILESYSTEM, *folder = b->folder;
    return NULL;
}
TRITONSERVER_Error *TRITONBACKEND_BackendConfig(TRITONBACKEND_Backend *b, TRITONSERVER_Message **config) { *config = &b->config; return NULL; }
TRITONSERVER_Error *TRITONBACKEND_BackendState(TRITONBACKEND_Backend *b, void **state) { *state = b->state; return NULL; }
TRITONSERVER_Error *TRITONBACKEND_BackendSetState(TRITONBACKEND_Backend *b, void *state) { b->state = state; return NULL; }
TRITONSERVER_Error *TRITONBACKEND_ModelName(TRITONBACKEND_Model *m, const char **name) { (void)m, *name = "model"; return NULL; }
TRITONSERVER_Error *TRITONBACKEND_ModelVersion(TRITONBACKEND_Model *m, uint64_t *version) { *version = m->version; return NULL; }
TRITONSERVER_Error *TRITONBACKEND_ModelRepository(TRITONBACKEND_Model *m, TRITONBACKEND_ArtifactType *kind, const char **folder) {
    *kind = TRITONBACKEND_ARTIFACT_FILESYSTEM, *folder = m->folder;
    return NULL;
}
TRITONSERVER_Error *TRITONBACKEND_ModelBackend(TRITONBACKEND_Model *m, TRITONBACKEND_Backend **b) { *b = m->backend; return NULL; }
TRITONSERVER_Error *TRITONBACKEND_ModelConfig(TRITONBACKEND_Model *m, uint32_t version, TRITONSERVER_Message **config) {
    (void)version;
    *config = room(sizeof **config);
    lent++;
    (*config)->text = copy_of(m->config);
    return NULL;
}
TRITONSERVER_Error *TRITONBACKEND_ModelState(TRITONBACKEND_Model *m, void **state) { *state = m->state; return NULL; }
TRITONSERVER_Error *TRITONBACKEND_ModelSetState(TRITONBACKEND_Model *m, void *state) { m->state = state; return NULL; }
TRITONSERVER_Error *TRITONBACKEND_ModelInstanceModel(TRITONBACKEND_ModelInstance *i, TRITONBACKEND_Model **m) { *m = i->model; return NULL; }
TRITONSERVER_Error *TRITONBACKEND_ModelInstanceReportStatistics(TRITONBACKEND_ModelInstance *i, TRITONBACKEND_Request *r, const bool success, const uint64_t begun, const uint64_t started, const uint64_t ended, const uint64_t done) {
    (void)i;
    if (begun > started || started > ended || ended > done) abort();
    if (r->released) abort(); /* it is Triton's again */
    r->succeeded = success;
    reported++;
    return NULL;
}
TRITONSERVER_Error *TRITONBACKEND_ModelInstanceReportBatchStatistics(TRITONBACKEND_ModelInstance *i, const uint64_t rows, const uint64_t begun, const uint64_t started, const uint64_t ended, const uint64_t done) {
    (void)i, (void)begun, (void)started, (void)ended, (void)done;
    ++batches;
    rows_reported += rows;
    return NULL;
}
TRITONSERVER_Error *TRITONBACKEND_RequestInput(TRITONBACKEND_Request *r, const char *name, TRITONBACKEND_Input **input) {
    for (uint32_t i = 0; i < r->inputs; i++)
        if (strcmp(r->input[i].name, name) == 0) return *input = &r->input[i], NULL;
    return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INVALID_ARG, "unknown request input name");
}
TRITONSERVER_Error *TRITONBACKEND_RequestOutputCount(TRITONBACKEND_Request *r, uint32_t *count) { *count = r->wants; return NULL; }
TRITONSERVER_Error *TRITONBACKEND_RequestOutputName(TRITONBACKEND_Request *r, const uint32_t i, const char **name) { *name = r->want[i]; return NULL; }
TRITONSERVER_Error *TRITONBACKEND_RequestIsCancelled(TRITONBACKEND_Request *r, bool *cancelled) { *cancelled = r->cancelled; return NULL; }
TRITONSERVER_Error *TRITONBACKEND_RequestRelease(TRITONBACKEND_Request *r, uint32_t flags) { (void)flags, r->released++; return NULL; }
TRITONSERVER_Error *TRITONBACKEND_InputProperties(TRITONBACKEND_Input *input, const char **name, TRITONSERVER_DataType *type, const int64_t **shape, uint32_t *dimensions, uint64_t *bytes, uint32_t *buffers) {
    if (name) *name = input->name;
    *type = input->type, *shape = input->shape, *dimensions = input->dimensions, *buffers = input->pieces;
    *bytes = 0;
    for (uint32_t i = 0; i < input->pieces; i++) *bytes += input->piece[i].bytes;
    return NULL;
}
TRITONSERVER_Error *TRITONBACKEND_InputBuffer(TRITONBACKEND_Input *input, const uint32_t i, const void **buffer, uint64_t *bytes, TRITONSERVER_MemoryType *memory, int64_t *id) {
    (void)id;
    if (i >= input->pieces) return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INVALID_ARG, "no such buffer");
    *buffer = input->piece[i].data, *bytes = input->piece[i].bytes, *memory = input->memory;
    return NULL;
}
TRITONSERVER_Error *TRITONBACKEND_ResponseNew(TRITONBACKEND_Response **response, TRITONBACKEND_Request *request) {
    *response = room(sizeof **response);
    lent++;
    (*response)->request = request;
    return NULL;
}
TRITONSERVER_Error *TRITONBACKEND_ResponseOutput(TRITONBACKEND_Response *r, TRITONBACKEND_Output **output, const char *name, const TRITONSERVER_DataType type, const int64_t *shape, const uint32_t dimensions) {
    if (r->outputs == MOST) abort();
    for (uint32_t i = 0; i < dimensions; i++)
        if (shape[i] < 0) abort();
    *output = &r->output[r->outputs++];
    **output = (TRITONBACKEND_Output){copy_of(name), type, room(dimensions * sizeof *shape), dimensions, NULL, 0, r->request->room};
    memcpy((*output)->shape, shape, dimensions * sizeof *shape);
    return NULL;
}
TRITONSERVER_Error *TRITONBACKEND_OutputBuffer(TRITONBACKEND_Output *output, void **buffer, const uint64_t bytes, TRITONSERVER_MemoryType *memory, int64_t *id) {
    (void)memory, (void)id;
    if (bytes > output->room) return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_UNAVAILABLE, "no buffer for you");
    *buffer = output->data = room(bytes);
    output->bytes = bytes;
    return NULL;
}
TRITONSERVER_Error *TRITONBACKEND_ResponseSend(TRITONBACKEND_Response *response, const uint32_t flags, TRITONSERVER_Error *error) {
    (void)flags;
    TRITONBACKEND_Request *r = response->request;
    lent--;
    if (r->released) abort();
    r->answered++;
    r->response = response;
    if (error) {
        r->error = TRITONSERVER_ErrorNew(error->code, error->message);
        lent--; /* the test's own */
    }
    return NULL;
}

/* ---- what tests call ---------------------------------------------------------------------------- */

TRITONSERVER_Error *TRITONBACKEND_Initialize(TRITONBACKEND_Backend *);
TRITONSERVER_Error *TRITONBACKEND_Finalize(TRITONBACKEND_Backend *);
TRITONSERVER_Error *TRITONBACKEND_ModelInitialize(TRITONBACKEND_Model *);
TRITONSERVER_Error *TRITONBACKEND_ModelFinalize(TRITONBACKEND_Model *);
TRITONSERVER_Error *TRITONBACKEND_ModelInstanceExecute(TRITONBACKEND_ModelInstance *, TRITONBACKEND_Request **, const uint32_t);

static bool failed(TRITONSERVER_Error *error, char message[MESSAGE]) {
    if (!error) return false;
    snprintf(message, MESSAGE, "%s", error->message);
    TRITONSERVER_ErrorDelete(error);
    return true;
}

void *fake_backend(const char *config, const char *folder, char message[MESSAGE]) {
    TRITONBACKEND_Backend *b = room(sizeof *b);
    b->config.text = copy_of(config), b->folder = copy_of(folder);
    if (!failed(TRITONBACKEND_Initialize(b), message)) return b;
    free(b->config.text), free(b->folder), free(b);
    return NULL;
}
void fake_backend_end(TRITONBACKEND_Backend *b) {
    if (TRITONBACKEND_Finalize(b)) abort();
    free(b->config.text), free(b->folder), free(b);
}
static void free_model(TRITONBACKEND_Model *m) { free(m->folder), free(m->config), free(m); }
void *fake_model(TRITONBACKEND_Backend *b, const char *folder, uint64_t version, const char *config, char message[MESSAGE]) {
    TRITONBACKEND_Model *m = room(sizeof *m);
    *m = (TRITONBACKEND_Model){b, copy_of(folder), copy_of(config), version, NULL};
    if (!failed(TRITONBACKEND_ModelInitialize(m), message)) return m;
    free_model(m);
    return NULL;
}
void fake_model_end(TRITONBACKEND_Model *m) {
    if (TRITONBACKEND_ModelFinalize(m)) abort();
    free_model(m);
}
void *fake_request(bool cancelled, uint64_t room_for_output) {
    TRITONBACKEND_Request *r = room(sizeof *r);
    r->cancelled = cancelled, r->room = room_for_output;
    return r;
}
void fake_input(TRITONBACKEND_Request *r, const char *name, int type, const int64_t *shape, uint32_t dimensions, int memory) {
    TRITONBACKEND_Input *input = &r->input[r->inputs++];
    input->name = copy_of(name), input->type = (TRITONSERVER_DataType)type, input->dimensions = dimensions;
    input->memory = (TRITONSERVER_MemoryType)memory;
    input->shape = room(dimensions * sizeof *shape);
    memcpy(input->shape, shape, dimensions * sizeof *shape);
}
void fake_piece(TRITONBACKEND_Request *r, const char *data, uint64_t bytes, uint32_t shift) {
    TRITONBACKEND_Input *input = &r->input[r->inputs - 1];
    char *memory = room(bytes + shift);
    if (bytes) memcpy(memory + shift, data, bytes);
    input->piece[input->pieces++] = (piece){bytes ? memory + shift : NULL, bytes};
    input->piece[MOST - input->pieces].data = memory; /* to be freed */
}
void fake_want(TRITONBACKEND_Request *r, const char *name) { r->want[r->wants++] = copy_of(name); }
void fake_execute(TRITONBACKEND_Model *m, TRITONBACKEND_Request **requests, uint32_t count) {
    TRITONBACKEND_ModelInstance instance = {m};
    if (TRITONBACKEND_ModelInstanceExecute(&instance, requests, count)) abort();
}
int fake_outcome(const TRITONBACKEND_Request *r, char message[MESSAGE]) {
    if (r->answered != 1 || r->released != 1 || r->succeeded != !r->error) return -2;
    if (!r->error) return -1;
    snprintf(message, MESSAGE, "%s", r->error->message);
    return (int)r->error->code;
}
const char *fake_output(const TRITONBACKEND_Request *r, const char *name, int *type, int64_t *shape, uint32_t *dimensions, uint64_t *bytes) {
    for (uint32_t i = 0; i < r->response->outputs; i++) {
        const TRITONBACKEND_Output *o = &r->response->output[i];
        if (strcmp(o->name, name) != 0) continue;
        *type = (int)o->type, *dimensions = o->dimensions, *bytes = o->bytes;
        memcpy(shape, o->shape, o->dimensions * sizeof *shape);
        return o->data;
    }
    return NULL;
}
void fake_request_end(TRITONBACKEND_Request *r) {
    for (uint32_t i = 0; i < r->inputs; i++) {
        TRITONBACKEND_Input *input = &r->input[i];
        for (uint32_t k = 1; k <= input->pieces; k++) free(input->piece[MOST - k].data);
        free(input->name), free(input->shape);
    }
    for (uint32_t i = 0; i < r->wants; i++) free(r->want[i]);
    for (uint32_t i = 0; r->response && i < r->response->outputs; i++) {
        TRITONBACKEND_Output *o = &r->response->output[i];
        free(o->name), free(o->shape), free(o->data);
    }
    if (r->error) free(r->error->message), free(r->error);
    free(r->response), free(r);
}
int fake_counts(int counts[4], char log[MESSAGE]) {
    counts[0] = logged, counts[1] = reported, counts[2] = batches, counts[3] = (int)rows_reported;
    logged = reported = batches = 0;
    rows_reported = 0;
    snprintf(log, MESSAGE, "%s", last_log);
    return lent;
}
