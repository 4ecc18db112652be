#include "graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL(call) TRY(as_error(r, TRITONSERVER_ERROR_INTERNAL, call))

/* Some tensors of a graph: how one asks for them. */
typedef struct {
    OrtStatus *(*count)(const OrtSession *session, size_t *result);
    OrtStatus *(*name)(const OrtSession *session, size_t index, OrtAllocator *allocator, char **result);
    OrtStatus *(*type)(const OrtSession *session, size_t index, OrtTypeInfo **result);
} graph_tensors;

/* The configuration's inputs or outputs, and which of them the graph has. */
typedef struct {
    const tensor_setting *tensors;
    size_t count;
    bool found[MOST_TENSORS];
    char unnamed[1024]; /* tensors of the graph that the configuration does not name */
} side;

static TRITONSERVER_Error *refuse(const char *what, const char *names) {
    char text[2048];
    snprintf(text, sizeof text, "onnxruntime: config.pbtxt %s: %s", what, names);
    return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INVALID_ARG, text);
}

/* "a, b", cut where it becomes too long. */
static void append(char list[1024], const char *name) {
    const size_t length = strlen(list);
    snprintf(list + length, 1024 - length, "%s%s", length ? ", " : "", name);
}

static const tensor_setting *find(side *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->tensors[i].name, name) == 0) {
            s->found[i] = true;
            return &s->tensors[i];
        }
    append(s->unnamed, name);
    return NULL;
}

static TRITONSERVER_Error *check_element(const runtime *r, const OrtTypeInfo *info, const tensor_setting *tensor) {
    const OrtTensorTypeAndShapeInfo *described; /* part of the type */
    ONNXTensorElementDataType type;
    char text[512];
    CALL(r->api->CastTypeInfoToTensorInfo(info, &described));
    if (!described) return refuse("names what is no tensor in the graph", tensor->name);
    CALL(r->api->GetTensorElementType(described, &type));
    if (type == tensor->type->onnx) return NULL;
    snprintf(text, sizeof text, "%.256s is %s, in the graph it is %s", tensor->name, tensor->type->name,
             element_type_name(type));
    return refuse("has another type", text);
}

static TRITONSERVER_Error *check_tensor(const runtime *r, const OrtSession *session, const graph_tensors *of,
                                        size_t index, side *s) {
    OrtTypeInfo *info;
    char *name;
    CALL(of->name(session, index, r->allocator, &name));
    const tensor_setting *tensor = find(s, name);
    CALL(r->api->AllocatorFree(r->allocator, name));
    if (!tensor) return NULL;
    CALL(of->type(session, index, &info));
    TRITONSERVER_Error *error = check_element(r, info, tensor);
    r->api->ReleaseTypeInfo(info);
    return error;
}

static TRITONSERVER_Error *check_tensors(const runtime *r, const OrtSession *session, const graph_tensors *of,
                                         side *s) {
    size_t count;
    CALL(of->count(session, &count));
    for (size_t i = 0; i < count; i++) TRY(check_tensor(r, session, of, i, s));
    return NULL;
}

static TRITONSERVER_Error *check_lacking(const side *s) {
    char lacking[1024] = "";
    for (size_t i = 0; i < s->count; i++)
        if (!s->found[i]) append(lacking, s->tensors[i].name);
    return *lacking ? refuse("names tensors that the graph lacks", lacking) : NULL;
}

TRITONSERVER_Error *graph_check(const runtime *r, const OrtSession *session, const settings *s) {
    const OrtApi *api = r->api;
    const graph_tensors needed = {api->SessionGetInputCount, api->SessionGetInputName, api->SessionGetInputTypeInfo};
    const graph_tensors defaults = {api->SessionGetOverridableInitializerCount,
                                    api->SessionGetOverridableInitializerName,
                                    api->SessionGetOverridableInitializerTypeInfo};
    const graph_tensors made = {api->SessionGetOutputCount, api->SessionGetOutputName,
                                api->SessionGetOutputTypeInfo};
    side inputs = {.tensors = s->inputs, .count = s->input_count};
    side outputs = {.tensors = s->outputs, .count = s->output_count};
    TRY(check_tensors(r, session, &needed, &inputs));
    if (*inputs.unnamed) return refuse("lacks inputs that the graph needs", inputs.unnamed);
    TRY(check_tensors(r, session, &defaults, &inputs));
    TRY(check_lacking(&inputs));
    TRY(check_tensors(r, session, &made, &outputs));
    return check_lacking(&outputs);
}
