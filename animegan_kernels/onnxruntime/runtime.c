#include "runtime.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"

#define CONVOLUTIONS "libanimegan_convolution.so"
#define CALL(r, call) TRY(as_error(r, TRITONSERVER_ERROR_INTERNAL, (r)->api->call))

TRITONSERVER_Error *as_error(const runtime *r, TRITONSERVER_Error_Code code, OrtStatus *status) {
    if (!status) return NULL;
    char text[4096];
    snprintf(text, sizeof text, "onnxruntime: %s", r->api->GetErrorMessage(status));
    r->api->ReleaseStatus(status);
    return TRITONSERVER_ErrorNew(code, text);
}

static TRITONSERVER_Error *unusable(const char *library, const char *why) {
    char text[2048];
    snprintf(text, sizeof text,
             "onnxruntime: --backend-config=onnxruntime,library=FILE must name ONNX Runtime's C library: %.1000s%s%.900s",
             library, *library ? ": " : "", why);
    return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INVALID_ARG, text);
}

/* Loaded for good: its threads may outlive the backend. */
static TRITONSERVER_Error *load(runtime *r, const char *path) {
    r->library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!r->library) return unusable(path, dlerror());
    const OrtApiBase *(*base)(void);
    *(void **)&base = dlsym(r->library, "OrtGetApiBase");
    if (!base) return unusable(path, "it lacks OrtGetApiBase");
    r->base = base();
    r->api = r->base->GetApi(ORT_API_WITH_CONFIG_ENTRIES);
    if (!r->api) return unusable(path, "its version is below 1.5");
    CALL(r, CreateEnv(ORT_LOGGING_LEVEL_WARNING, "triton", &r->env));
    CALL(r, CreateCpuMemoryInfo(ORT_DEVICE_ALLOCATOR, ORT_MEM_TYPE_DEFAULT, &r->memory));
    CALL(r, GetAllocatorWithDefaultOptions(&r->allocator));
    return NULL;
}

static TRITONSERVER_Error *load_configured(runtime *r, TRITONSERVER_Message *config) {
    const char *text, *why = NULL;
    size_t bytes;
    TRY(TRITONSERVER_MessageSerializeToJson(config, &text, &bytes));
    json_document *document = json_read(text, bytes, &why);
    if (!document) return unusable("", why);
    const char *path = json_text(json_member(json_root(document), "cmdline"), "library");
    TRITONSERVER_Error *error = path ? load(r, path) : unusable("", "it is not given");
    json_free(document);
    return error;
}

/* They are not needed: a model that wants them says so when it is loaded. */
static TRITONSERVER_Error *load_convolutions(runtime *r, TRITONBACKEND_Backend *backend) {
    TRITONBACKEND_ArtifactType kind;
    const char *folder;
    char path[PATH_MAX];
    TRY(TRITONBACKEND_BackendArtifacts(backend, &kind, &folder));
    const int length = snprintf(path, sizeof path, "%s/%s", folder, CONVOLUTIONS);
    if (length < 0 || (size_t)length >= sizeof path)
        return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INVALID_ARG, "onnxruntime: the backend's path is too long");
    r->convolutions_library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (r->convolutions_library)
        *(void **)&r->register_convolutions = dlsym(r->convolutions_library, "RegisterCustomOps");
    return NULL;
}

TRITONSERVER_Error *runtime_open(runtime *r, TRITONBACKEND_Backend *backend) {
    TRITONSERVER_Message *config; /* the backend's */
    TRY(TRITONBACKEND_BackendConfig(backend, &config));
    *r = (runtime){0};
    TRITONSERVER_Error *error = load_configured(r, config);
    if (!error) error = load_convolutions(r, backend);
    if (error) runtime_close(r);
    return error;
}

void runtime_close(runtime *r) {
    if (r->memory) r->api->ReleaseMemoryInfo(r->memory);
    if (r->env) r->api->ReleaseEnv(r->env);
    if (r->convolutions_library) dlclose(r->convolutions_library);
    if (r->library) dlclose(r->library);
    *r = (runtime){0};
}
