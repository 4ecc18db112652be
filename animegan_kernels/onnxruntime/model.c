#include "model.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/sha256.h"
#include "file.h"
#include "graph.h"

#define CALL(call) TRY(as_error(m->runtime, TRITONSERVER_ERROR_INVALID_ARG, m->runtime->api->call))

static TRITONSERVER_Error *refuse(const char *what, const char *why) {
    char text[PATH_MAX + 512];
    snprintf(text, sizeof text, "onnxruntime: %s: %s", what, why);
    return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INVALID_ARG, text);
}

static TRITONSERVER_Error *read_settings(model *m, TRITONBACKEND_Model *served, uint64_t version) {
    TRITONSERVER_Message *message;
    const char *text, *name;
    size_t bytes;
    char complaint[COMPLAINT_BYTES];
    bool well = false;
    TRY(TRITONBACKEND_ModelName(served, &name));
    TRY(TRITONBACKEND_ModelConfig(served, 1, &message));
    TRITONSERVER_Error *error = TRITONSERVER_MessageSerializeToJson(message, &text, &bytes);
    if (!error) well = settings_read(&m->settings, text, bytes, version, complaint);
    TRITONSERVER_MessageDelete(message);
    if (error || well) return error;
    return refuse(name, complaint);
}

/* Refuses a file that is not the one which the model's card, if it has one, was written for. */
static TRITONSERVER_Error *check_digest(const settings *s, const char *name, const char *path, const file_content *c) {
    char digest[SHA256_TEXT];
    if (!s->card) return NULL;
    const char *expected = settings_digest(s, name);
    if (!expected) return refuse(path, "the model's card does not know it; publish the model again");
    sha256_of(c->data, c->bytes, digest);
    if (strcmp(digest, expected) == 0) return NULL;
    return refuse(path, "its sha256 is not the one in its card; publish the model again");
}

static TRITONSERVER_Error *set_options(const model *m, OrtSessionOptions *options) {
    const settings *s = &m->settings;
    CALL(SetIntraOpNumThreads(options, s->threads));
    /* The arena keeps the memory of its largest run. For small activations malloc is as fast and gives it
     * back; large ones it fetches from the kernel, zeroed, at every run. */
    if (s->mem_arena) CALL(EnableCpuMemArena(options));
    else CALL(DisableCpuMemArena(options));
    CALL(DisableMemPattern(options));
    /* Spinning threads of one model would take the cores that the others need. */
    CALL(AddSessionConfigEntry(options, "session.intra_op.allow_spinning", "0"));
    return NULL;
}

/* What is loaded is what was checked: the file is read once. */
static TRITONSERVER_Error *load(model *m, const char *folder, const char *name, const OrtSessionOptions *options) {
    char path[PATH_MAX];
    file_content content;
    const int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path) return refuse(name, "its path is too long");
    const char *why = file_read(path, &content);
    if (why) return refuse(path, why);
    TRITONSERVER_Error *error = check_digest(&m->settings, name, path, &content);
    if (!error)
        error = as_error(m->runtime, TRITONSERVER_ERROR_INVALID_ARG,
                         m->runtime->api->CreateSessionFromArray(m->runtime->env, content.data, content.bytes,
                                                                 options, &m->session));
    free(content.data);
    return error;
}

/* model.onnx -> model.native.onnx. False: it does not fit. */
static bool name_native(char native[NAME_MAX + 1], const char *name) {
    const char *end = strrchr(name, '.');
    const int stem = end ? (int)(end - name) : (int)strlen(name);
    const int length = snprintf(native, NAME_MAX + 1, "%.*s.native%s", stem, name, end ? end : "");
    return length >= 0 && length <= NAME_MAX;
}

/* Why the native file is not for this machine, or NULL; then the options know its operators. */
static TRITONSERVER_Error *why_not_native(const model *m, const char *native, OrtSessionOptions *options) {
    const runtime *r = m->runtime;
    if (!r->register_convolutions)
        return refuse("libanimegan_convolution.so", "it is not beside the backend, or cannot be loaded");
    if (m->settings.card && !settings_digest(&m->settings, native))
        return refuse(native, "the model's card does not know it; publish the model again");
    return as_error(r, TRITONSERVER_ERROR_UNSUPPORTED, r->register_convolutions(options, r->base));
}

static TRITONSERVER_Error *warn(const char *file, TRITONSERVER_Error *why) {
    char text[1024];
    snprintf(text, sizeof text, "%s is served without the native convolutions, which takes twice as long: %s", file,
             TRITONSERVER_ErrorMessage(why));
    TRITONSERVER_ErrorDelete(why);
    return TRITONSERVER_LogMessage(TRITONSERVER_LOG_WARN, __FILE__, __LINE__, text);
}

static TRITONSERVER_Error *load_fastest(model *m, const char *folder, OrtSessionOptions *options) {
    char native[NAME_MAX + 1];
    const char *name = m->settings.file_name;
    TRY(set_options(m, options));
    if (!m->settings.native_convolutions) return load(m, folder, name, options);
    if (!name_native(native, name)) return refuse(name, "its name is too long");
    TRITONSERVER_Error *why_not = why_not_native(m, native, options);
    if (!why_not) return load(m, folder, native, options);
    TRY(warn(name, why_not));
    return load(m, folder, name, options);
}

static TRITONSERVER_Error *create_session(model *m, const char *folder) {
    OrtSessionOptions *options;
    CALL(CreateSessionOptions(&options));
    TRITONSERVER_Error *error = load_fastest(m, folder, options);
    m->runtime->api->ReleaseSessionOptions(options);
    return error;
}

TRITONSERVER_Error *model_open(model *m, const runtime *r, TRITONBACKEND_Model *served) {
    TRITONBACKEND_ArtifactType kind;
    const char *repository;
    uint64_t version;
    char folder[PATH_MAX];
    *m = (model){.runtime = r};
    TRY(TRITONBACKEND_ModelRepository(served, &kind, &repository));
    TRY(TRITONBACKEND_ModelVersion(served, &version));
    const int length = snprintf(folder, sizeof folder, "%s/%" PRIu64, repository, version);
    if (length < 0 || (size_t)length >= sizeof folder) return refuse(repository, "its path is too long");
    TRITONSERVER_Error *error = read_settings(m, served, version);
    if (!error) error = create_session(m, folder);
    if (!error) error = graph_check(r, m->session, &m->settings);
    if (error) model_close(m);
    return error;
}

void model_close(model *m) {
    if (m->session) m->runtime->api->ReleaseSession(m->session);
    settings_free(&m->settings);
    *m = (model){0};
}
