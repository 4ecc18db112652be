/* The part of ONNX Runtime's binary interface that a program with sessions and a custom operator need.
 *
 * ONNX Runtime publishes it as onnxruntime_c_api.h (MIT), which none of its packages contains. Entries of
 * its table keep their places for ever: "these functions cannot be reordered", onnxruntime_c_api.cc, which
 * tells where each version of the interface ends. Our names are the ones there.
 */
#ifndef ANIMEGAN_ONNXRUNTIME_H
#define ANIMEGAN_ONNXRUNTIME_H

#include <stddef.h>
#include <stdint.h>

/* Versions of the interface: what GetApi() is asked for, and which custom operators say they are of. */
enum { ORT_API_WITH_CONFIG_ENTRIES = 5, ORT_CUSTOM_OP_WITH_STATUS = 16, ORT_API_WITH_PARALLEL_FOR = 17 };
enum { ORT_FAIL = 1, ORT_INVALID_ARGUMENT = 2, ORT_NOT_IMPLEMENTED = 9 };   /* OrtErrorCode */
enum { ORT_LOGGING_LEVEL_WARNING = 2 };                                     /* OrtLoggingLevel */
enum { ORT_DEVICE_ALLOCATOR = 0, ORT_MEM_TYPE_DEFAULT = 0 };                /* OrtAllocatorType, OrtMemType */
enum { INPUT_OUTPUT_REQUIRED = 0 };                                         /* OrtCustomOpInputOutputCharacteristic */

typedef enum {
    ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX64,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_COMPLEX128,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16
} ONNXTensorElementDataType;

typedef struct OrtStatus OrtStatus; /* NULL: all is well */
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtValue OrtValue;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtAllocator OrtAllocator;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtCustomOpDomain OrtCustomOpDomain;
typedef struct OrtKernelInfo OrtKernelInfo;
typedef struct OrtKernelContext OrtKernelContext;
typedef struct OrtCustomOp OrtCustomOp;
typedef void (*skipped)(void);

typedef struct OrtApi {
    OrtStatus *(*CreateStatus)(int code, const char *message);
    skipped from_1[1];
    const char *(*GetErrorMessage)(const OrtStatus *status);
    OrtStatus *(*CreateEnv)(int level, const char *name, OrtEnv **result);
    skipped from_4[4];
    OrtStatus *(*CreateSessionFromArray)(const OrtEnv *env, const void *data, size_t bytes,
                                         const OrtSessionOptions *options, OrtSession **result);
    /* An output that is NULL is allocated. May be called by many threads at once. */
    OrtStatus *(*Run)(OrtSession *session, const OrtRunOptions *options, const char *const *input_names,
                      const OrtValue *const *inputs, size_t input_count, const char *const *output_names,
                      size_t output_count, OrtValue **outputs);
    OrtStatus *(*CreateSessionOptions)(OrtSessionOptions **result);
    skipped from_11[6];
    OrtStatus *(*DisableMemPattern)(OrtSessionOptions *options);
    OrtStatus *(*EnableCpuMemArena)(OrtSessionOptions *options);
    OrtStatus *(*DisableCpuMemArena)(OrtSessionOptions *options);
    skipped from_20[4];
    OrtStatus *(*SetIntraOpNumThreads)(OrtSessionOptions *options, int count);
    skipped from_25[1];
    OrtStatus *(*CreateCustomOpDomain)(const char *name, OrtCustomOpDomain **result);
    OrtStatus *(*CustomOpDomain_Add)(OrtCustomOpDomain *domain, const OrtCustomOp *op);
    OrtStatus *(*AddCustomOpDomain)(OrtSessionOptions *options, OrtCustomOpDomain *domain);
    skipped from_29[1];
    OrtStatus *(*SessionGetInputCount)(const OrtSession *session, size_t *result);
    OrtStatus *(*SessionGetOutputCount)(const OrtSession *session, size_t *result);
    OrtStatus *(*SessionGetOverridableInitializerCount)(const OrtSession *session, size_t *result);
    OrtStatus *(*SessionGetInputTypeInfo)(const OrtSession *session, size_t index, OrtTypeInfo **result);
    OrtStatus *(*SessionGetOutputTypeInfo)(const OrtSession *session, size_t index, OrtTypeInfo **result);
    OrtStatus *(*SessionGetOverridableInitializerTypeInfo)(const OrtSession *session, size_t index,
                                                           OrtTypeInfo **result);
    OrtStatus *(*SessionGetInputName)(const OrtSession *session, size_t index, OrtAllocator *allocator, char **result);
    OrtStatus *(*SessionGetOutputName)(const OrtSession *session, size_t index, OrtAllocator *allocator, char **result);
    OrtStatus *(*SessionGetOverridableInitializerName)(const OrtSession *session, size_t index,
                                                       OrtAllocator *allocator, char **result);
    skipped from_39[10];
    /* The data stays the caller's, who keeps it as long as the value. */
    OrtStatus *(*CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo *memory, void *data, size_t bytes,
                                                 const int64_t *sizes, size_t count, ONNXTensorElementDataType type,
                                                 OrtValue **result);
    skipped from_50[1];
    OrtStatus *(*GetTensorMutableData)(OrtValue *value, void **result);
    skipped from_52[3];
    /* NULL: it is no tensor. What is returned is part of the type. */
    OrtStatus *(*CastTypeInfoToTensorInfo)(const OrtTypeInfo *type, const OrtTensorTypeAndShapeInfo **result);
    skipped from_56[4];
    OrtStatus *(*GetTensorElementType)(const OrtTensorTypeAndShapeInfo *info, ONNXTensorElementDataType *result);
    OrtStatus *(*GetDimensionsCount)(const OrtTensorTypeAndShapeInfo *info, size_t *result);
    OrtStatus *(*GetDimensions)(const OrtTensorTypeAndShapeInfo *info, int64_t *sizes, size_t count);
    skipped from_63[2];
    OrtStatus *(*GetTensorTypeAndShape)(const OrtValue *value, OrtTensorTypeAndShapeInfo **result);
    skipped from_66[3];
    OrtStatus *(*CreateCpuMemoryInfo)(int allocator_type, int memory_type, OrtMemoryInfo **result);
    skipped from_70[6];
    OrtStatus *(*AllocatorFree)(OrtAllocator *allocator, void *data);
    skipped from_77[1];
    OrtStatus *(*GetAllocatorWithDefaultOptions)(OrtAllocator **result); /* nobody's to release */
    skipped from_79[6];
    OrtStatus *(*KernelInfoGetAttribute_float)(const OrtKernelInfo *info, const char *name, float *result);
    skipped from_86[4];
    OrtStatus *(*KernelContext_GetInput)(const OrtKernelContext *context, size_t index, const OrtValue **result);
    OrtStatus *(*KernelContext_GetOutput)(OrtKernelContext *context, size_t index, const int64_t *sizes,
                                          size_t count, OrtValue **result);
    void (*ReleaseEnv)(OrtEnv *env);
    void (*ReleaseStatus)(OrtStatus *status);
    void (*ReleaseMemoryInfo)(OrtMemoryInfo *info);
    void (*ReleaseSession)(OrtSession *session);
    void (*ReleaseValue)(OrtValue *value);
    skipped from_97[1];
    void (*ReleaseTypeInfo)(OrtTypeInfo *info);
    void (*ReleaseTensorTypeAndShapeInfo)(OrtTensorTypeAndShapeInfo *info);
    void (*ReleaseSessionOptions)(OrtSessionOptions *options);
    void (*ReleaseCustomOpDomain)(OrtCustomOpDomain *domain);
    skipped from_102[28];
    OrtStatus *(*AddSessionConfigEntry)(OrtSessionOptions *options, const char *key, const char *value);
    skipped from_131[118];
    OrtStatus *(*KernelInfoGetConstantInput_tensor)(const OrtKernelInfo *info, size_t index, int *is_constant,
                                                    const OrtValue **result);
    skipped from_250[24];
    OrtStatus *(*KernelContext_ParallelFor)(const OrtKernelContext *context, void (*body)(void *data, size_t i),
                                            size_t total, size_t batches, void *data);
} OrtApi;

#define PLACE(entry, number) \
    _Static_assert(offsetof(OrtApi, entry) / sizeof(void *) == number, #entry " is at another place")
PLACE(GetErrorMessage, 2);
PLACE(CreateSessionFromArray, 8);
PLACE(DisableMemPattern, 17);
PLACE(SetIntraOpNumThreads, 24);
PLACE(CreateCustomOpDomain, 26);
PLACE(SessionGetInputCount, 30);
PLACE(SessionGetInputTypeInfo, 33);
PLACE(SessionGetInputName, 36);
PLACE(CreateTensorWithDataAsOrtValue, 49);
PLACE(GetTensorMutableData, 51);
PLACE(CastTypeInfoToTensorInfo, 55);
PLACE(GetTensorElementType, 60);
PLACE(GetDimensionsCount, 61);
PLACE(GetTensorTypeAndShape, 65);
PLACE(CreateCpuMemoryInfo, 69);
PLACE(AllocatorFree, 76);
PLACE(GetAllocatorWithDefaultOptions, 78);
PLACE(KernelInfoGetAttribute_float, 85);
PLACE(KernelContext_GetInput, 90);
PLACE(ReleaseEnv, 92);
PLACE(ReleaseValue, 96);
PLACE(ReleaseTensorTypeAndShapeInfo, 99);
PLACE(AddSessionConfigEntry, 130);
PLACE(KernelInfoGetConstantInput_tensor, 249);
PLACE(KernelContext_ParallelFor, 274);
#undef PLACE

typedef struct OrtApiBase {
    const OrtApi *(*GetApi)(uint32_t version); /* NULL: the runtime is too old */
    const char *(*GetVersionString)(void);
} OrtApiBase;

/* What a library of custom operators exports as RegisterCustomOps. */
typedef OrtStatus *(*OrtRegistration)(OrtSessionOptions *options, const OrtApiBase *base);

/* ONNX Runtime reads what the version has, and nothing behind it. */
struct OrtCustomOp {
    uint32_t version;
    skipped CreateKernel; /* CreateKernelV2 is used */
    const char *(*GetName)(const OrtCustomOp *op);
    const char *(*GetExecutionProviderType)(const OrtCustomOp *op); /* NULL: the CPU's */
    ONNXTensorElementDataType (*GetInputType)(const OrtCustomOp *op, size_t index);
    size_t (*GetInputTypeCount)(const OrtCustomOp *op);
    ONNXTensorElementDataType (*GetOutputType)(const OrtCustomOp *op, size_t index);
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
