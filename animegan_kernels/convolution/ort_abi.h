/* The part of ONNX Runtime's binary interface that a custom operator needs.
 *
 * ONNX Runtime publishes it as onnxruntime_c_api.h (MIT), which none of its packages contains. Entries of
 * its table keep their places for ever: "these functions cannot be reordered", onnxruntime_c_api.cc, which
 * asserts the numbers that are asserted below. Our names are the ones there.
 */
#ifndef ANIMEGAN_CONV_ORT_ABI_H
#define ANIMEGAN_CONV_ORT_ABI_H

#include <stddef.h>
#include <stdint.h>

enum { ORT_FAIL = 1, ORT_INVALID_ARGUMENT = 2 };          /* OrtErrorCode */
enum { ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT = 1 };         /* ONNXTensorElementDataType */
enum { INPUT_OUTPUT_REQUIRED = 0 };                       /* OrtCustomOpInputOutputCharacteristic */
enum { ORT_API_WITH_PARALLEL_FOR = 17, ORT_CUSTOM_OP_WITH_STATUS = 16 }; /* versions of the interface */

typedef struct OrtStatus OrtStatus; /* NULL: all is well */
typedef struct OrtValue OrtValue;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtCustomOpDomain OrtCustomOpDomain;
typedef struct OrtKernelInfo OrtKernelInfo;
typedef struct OrtKernelContext OrtKernelContext;
typedef struct OrtCustomOp OrtCustomOp;
typedef void (*skipped)(void);

typedef struct OrtApi {
    OrtStatus *(*CreateStatus)(int code, const char *message);
    skipped from_1[25];
    OrtStatus *(*CreateCustomOpDomain)(const char *name, OrtCustomOpDomain **result);
    OrtStatus *(*CustomOpDomain_Add)(OrtCustomOpDomain *domain, const OrtCustomOp *op);
    OrtStatus *(*AddCustomOpDomain)(OrtSessionOptions *options, OrtCustomOpDomain *domain);
    skipped from_29[22];
    OrtStatus *(*GetTensorMutableData)(OrtValue *value, void **result);
    skipped from_52[9];
    OrtStatus *(*GetDimensionsCount)(const OrtTensorTypeAndShapeInfo *info, size_t *result);
    OrtStatus *(*GetDimensions)(const OrtTensorTypeAndShapeInfo *info, int64_t *sizes, size_t count);
    skipped from_63[2];
    OrtStatus *(*GetTensorTypeAndShape)(const OrtValue *value, OrtTensorTypeAndShapeInfo **result);
    skipped from_66[19];
    OrtStatus *(*KernelInfoGetAttribute_float)(const OrtKernelInfo *info, const char *name, float *result);
    skipped from_86[4];
    OrtStatus *(*KernelContext_GetInput)(const OrtKernelContext *context, size_t index, const OrtValue **result);
    OrtStatus *(*KernelContext_GetOutput)(OrtKernelContext *context, size_t index, const int64_t *sizes,
                                          size_t count, OrtValue **result);
    skipped from_92[7];
    void (*ReleaseTensorTypeAndShapeInfo)(OrtTensorTypeAndShapeInfo *info);
    skipped from_100[149];
    OrtStatus *(*KernelInfoGetConstantInput_tensor)(const OrtKernelInfo *info, size_t index, int *is_constant,
                                                    const OrtValue **result);
    skipped from_250[24];
    OrtStatus *(*KernelContext_ParallelFor)(const OrtKernelContext *context, void (*body)(void *data, size_t i),
                                            size_t total, size_t batches, void *data);
} OrtApi;

#define PLACE(entry, number) \
    _Static_assert(offsetof(OrtApi, entry) / sizeof(void *) == number, #entry " is at another place")
PLACE(CreateCustomOpDomain, 26);
PLACE(GetTensorMutableData, 51);
PLACE(GetDimensionsCount, 61);
PLACE(GetTensorTypeAndShape, 65);
PLACE(KernelInfoGetAttribute_float, 85);
PLACE(KernelContext_GetInput, 90);
PLACE(ReleaseTensorTypeAndShapeInfo, 99);
PLACE(KernelInfoGetConstantInput_tensor, 249);
PLACE(KernelContext_ParallelFor, 274);

typedef struct OrtApiBase {
    const OrtApi *(*GetApi)(uint32_t version); /* NULL: the runtime is too old */
    const char *(*GetVersionString)(void);
} OrtApiBase;

/* ONNX Runtime reads what the version has, and nothing behind it. */
struct OrtCustomOp {
    uint32_t version;
    skipped CreateKernel; /* CreateKernelV2 is used */
    const char *(*GetName)(const OrtCustomOp *op);
    const char *(*GetExecutionProviderType)(const OrtCustomOp *op); /* NULL: the CPU's */
    int (*GetInputType)(const OrtCustomOp *op, size_t index);
    size_t (*GetInputTypeCount)(const OrtCustomOp *op);
    int (*GetOutputType)(const OrtCustomOp *op, size_t index);
    size_t (*GetOutputTypeCount)(const OrtCustomOp *op);
    skipped KernelCompute; /* KernelComputeV2 is used */
    void (*KernelDestroy)(void *kernel);
    int (*GetInputCharacteristic)(const OrtCustomOp *op, size_t index);
    int (*GetOutputCharacteristic)(const OrtCustomOp *op, size_t index);
    int (*GetInputMemoryType)(const OrtCustomOp *op, size_t index);
    int (*GetVariadicInputMinArity)(const OrtCustomOp *op);
    int (*GetVariadicInputHomogeneity)(const OrtCustomOp *op);
    int (*GetVariadicOutputMinArity)(const OrtCustomOp *op);
    int (*GetVariadicOutputHomogeneity)(const OrtCustomOp *op);
    OrtStatus *(*CreateKernelV2)(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **kernel);
    OrtStatus *(*KernelComputeV2)(void *kernel, OrtKernelContext *context);
};

#endif
