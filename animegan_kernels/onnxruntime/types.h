/* Element types that Triton and ONNX Runtime have in common, under the names of both. */
#ifndef ANIMEGAN_ORT_TYPES_H
#define ANIMEGAN_ORT_TYPES_H

#include "common/onnxruntime.h"
#include "common/triton.h"

typedef struct {
    const char *name; /* in a model's configuration */
    TRITONSERVER_DataType triton;
    ONNXTensorElementDataType onnx;
    size_t bytes;
} element_type;

/* NULL: there is none of this name, as TYPE_STRING, whose elements have no fixed size. */
const element_type *element_type_named(const char *name);
/* The name of ONNX Runtime's type in a model's configuration. */
const char *element_type_name(ONNXTensorElementDataType onnx);

#endif
