/* ONNX Runtime, which all models share. */
#ifndef ANIMEGAN_ORT_RUNTIME_H
#define ANIMEGAN_ORT_RUNTIME_H

#include "common/onnxruntime.h"
#include "common/triton.h"

typedef struct {
    void *library;
    const OrtApiBase *base;
    const OrtApi *api;
    OrtEnv *env;
    OrtMemoryInfo *memory; /* of Triton's buffers */
    OrtAllocator *allocator;
    void *convolutions_library;
    OrtRegistration register_convolutions; /* NULL: there are none */
} runtime;

/* Loads what `--backend-config=onnxruntime,library=` names, and libanimegan_convolution.so where it lies beside
 * the backend. After an error nothing is to be closed. */
TRITONSERVER_Error *runtime_open(runtime *r, TRITONBACKEND_Backend *backend);
void runtime_close(runtime *r);

/* The same as an error of Triton's; NULL stays NULL. */
TRITONSERVER_Error *as_error(const runtime *r, TRITONSERVER_Error_Code code, OrtStatus *status);

#define TRY(call) do { TRITONSERVER_Error *error_ = (call); if (error_) return error_; } while (0)

#endif
