/* The convolution as an operator of ONNX Runtime: animegan::Conv3x3.
 *
 *     Y [N, H - 2, W - 2, O] = leaky(conv(X [N, H, W, I], weights [O, I, 3, 3]) + bias [O], slope)
 *
 * float32, pixels channels last; weights and bias are constants; I is a multiple of 16. It uses the threads
 * of the session.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "ort_abi.h"
#include "winograd.h"

enum { PARTS = 16 }; /* of one convolution, for the threads to share */
#define RETURN_IF_FAILED(call) do { OrtStatus *status_ = (call); if (status_) return status_; } while (0)

typedef struct {
    const OrtApi *api;
    convolution convolution;
} kernel;

/* What one run of a kernel's parts have in common. */
typedef struct {
    const convolution *convolution;
    pictures pictures;
    int64_t tiles, parts;
    atomic_bool out_of_memory;
} run;

/* Memory between the steps, kept for whoever computes next: fresh pages would cost more than a small
 * picture's multiplications. At most one for each thread that ever computed at the same time. */
typedef struct workspace {
    struct workspace *next;
    size_t bytes;
    float *floats;
} workspace;

static workspace *idle;
static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;

static void discard(workspace *w) {
    if (w) free(w->floats);
    free(w);
}

/* NULL: there is no memory. */
static workspace *take(size_t bytes) {
    pthread_mutex_lock(&idle_lock);
    workspace *w = idle;
    if (w) idle = w->next;
    pthread_mutex_unlock(&idle_lock);
    if (w && w->bytes >= bytes) return w;
    discard(w);
    w = malloc(sizeof(workspace));
    if (!w) return NULL;
    *w = (workspace){NULL, bytes, calloc(1, bytes)};
    if (w->floats) return w;
    discard(w);
    return NULL;
}

static void give_back(workspace *w) {
    pthread_mutex_lock(&idle_lock);
    w->next = idle;
    idle = w;
    pthread_mutex_unlock(&idle_lock);
}

__attribute__((destructor)) static void discard_idle(void) {
    while (idle) {
        workspace *w = idle;
        idle = w->next;
        discard(w);
    }
}

static void compute_part(void *data, size_t part) {
    run *r = data;
    int64_t first = r->tiles * (int64_t)part / r->parts, end = r->tiles * ((int64_t)part + 1) / r->parts;
    int64_t together = tiles_together(r->convolution);
    workspace *work = take(workspace_bytes(r->convolution));
    if (!work) {
        r->out_of_memory = true;
        return;
    }
    for (; first < end; first += together)
        convolve(r->convolution, &r->pictures, first, end - first < together ? end - first : together, work->floats);
    give_back(work);
}

/* Sizes and values of a tensor that has `count` dimensions. */
static OrtStatus *read_tensor(const OrtApi *api, const OrtValue *value, int64_t *sizes, size_t count,
                              const float **values) {
    OrtTensorTypeAndShapeInfo *info;
    size_t dimensions;
    RETURN_IF_FAILED(api->GetTensorTypeAndShape(value, &info));
    OrtStatus *status = api->GetDimensionsCount(info, &dimensions);
    if (!status && dimensions != count)
        status = api->CreateStatus(ORT_INVALID_ARGUMENT, "Conv3x3: a tensor has a wrong number of dimensions");
    if (!status) status = api->GetDimensions(info, sizes, count);
    api->ReleaseTensorTypeAndShapeInfo(info);
    if (!status) status = api->GetTensorMutableData((OrtValue *)value, (void **)values);
    return status;
}

static OrtStatus *read_constant(const OrtApi *api, const OrtKernelInfo *info, size_t index, int64_t *sizes,
                                size_t count, const float **values) {
    const OrtValue *value = NULL;
    int is_constant = 0;
    RETURN_IF_FAILED(api->KernelInfoGetConstantInput_tensor(info, index, &is_constant, &value));
    if (!is_constant)
        return api->CreateStatus(ORT_INVALID_ARGUMENT, "Conv3x3: weights and bias must be constants");
    return read_tensor(api, value, sizes, count, values);
}

static void destroy_kernel(void *data) {
    kernel *k = data;
    free(k->convolution.weights);
    free(k->convolution.bias);
    free(k);
}

static OrtStatus *create_kernel(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **result) {
    (void)op;
    int64_t sizes[4], length;
    const float *weights, *bias;
    float slope;
    RETURN_IF_FAILED(api->KernelInfoGetAttribute_float(info, "slope", &slope));
    RETURN_IF_FAILED(read_constant(api, info, 1, sizes, 4, &weights));
    RETURN_IF_FAILED(read_constant(api, info, 2, &length, 1, &bias));
    if (sizes[2] != KERNEL || sizes[3] != KERNEL || sizes[1] % 16 || sizes[0] != length || !(slope >= 0 && slope <= 1))
        return api->CreateStatus(ORT_INVALID_ARGUMENT,
                                 "Conv3x3: weights must be [O, I, 3, 3] with I a multiple of 16, the bias [O], "
                                 "and the slope in [0, 1]");
    kernel *k = calloc(1, sizeof(kernel));
    if (!k) return api->CreateStatus(ORT_FAIL, "Conv3x3: no memory");
    k->api = api;
    k->convolution = (convolution){.inputs = sizes[1], .outputs = sizes[0], .slope = slope};
    if (!prepare(&k->convolution, weights, bias)) {
        destroy_kernel(k);
        return api->CreateStatus(ORT_FAIL, "Conv3x3: no memory for the transformed weights");
    }
    *result = k;
    return NULL;
}

static OrtStatus *compute(void *data, OrtKernelContext *context) {
    const kernel *k = data;
    const OrtApi *api = k->api;
    const OrtValue *input = NULL;
    OrtValue *output = NULL;
    int64_t sizes[4];
    run r = {.convolution = &k->convolution};
    RETURN_IF_FAILED(api->KernelContext_GetInput(context, 0, &input));
    RETURN_IF_FAILED(read_tensor(api, input, sizes, 4, &r.pictures.read));
    if (sizes[1] < KERNEL || sizes[2] < KERNEL || sizes[3] != k->convolution.inputs)
        return api->CreateStatus(ORT_INVALID_ARGUMENT,
                                 "Conv3x3: X must be [N, H, W, I], 3 x 3 or larger, with the weights' I");
    int64_t result[4] = {sizes[0], sizes[1] - (KERNEL - 1), sizes[2] - (KERNEL - 1), k->convolution.outputs};
    RETURN_IF_FAILED(api->KernelContext_GetOutput(context, 0, result, 4, &output));
    RETURN_IF_FAILED(api->GetTensorMutableData(output, (void **)&r.pictures.written));
    r.pictures.count = sizes[0];
    r.pictures.height = sizes[1];
    r.pictures.width = sizes[2];
    r.tiles = count_tiles(&r.pictures);
    int64_t together = tiles_together(r.convolution), fit = (r.tiles + together - 1) / together;
    r.parts = fit < PARTS ? fit : PARTS;
    if (r.parts) RETURN_IF_FAILED(api->KernelContext_ParallelFor(context, compute_part, (size_t)r.parts, 0, &r));
    return r.out_of_memory ? api->CreateStatus(ORT_FAIL, "Conv3x3: no memory to compute in") : NULL;
}

static const char *name(const OrtCustomOp *op) { (void)op; return "Conv3x3"; }
static const char *provider(const OrtCustomOp *op) { (void)op; return NULL; }
static int type(const OrtCustomOp *op, size_t index) { (void)op, (void)index; return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT; }
static int required(const OrtCustomOp *op, size_t index) { (void)op, (void)index; return INPUT_OUTPUT_REQUIRED; }
static size_t three(const OrtCustomOp *op) { (void)op; return 3; }
static size_t one(const OrtCustomOp *op) { (void)op; return 1; }
static int default_memory(const OrtCustomOp *op, size_t index) { (void)op, (void)index; return 0; }

static const OrtCustomOp conv3x3 = {
    .version = ORT_CUSTOM_OP_WITH_STATUS,
    .GetName = name,
    .GetExecutionProviderType = provider,
    .GetInputType = type,
    .GetInputTypeCount = three,
    .GetOutputType = type,
    .GetOutputTypeCount = one,
    .KernelDestroy = destroy_kernel,
    .GetInputCharacteristic = required,
    .GetOutputCharacteristic = required,
    .GetInputMemoryType = default_memory,
    .CreateKernelV2 = create_kernel,
    .KernelComputeV2 = compute,
};

/* What SessionOptions.register_custom_ops_library() calls. The domain lives as long as the library. */
__attribute__((visibility("default"))) OrtStatus *RegisterCustomOps(OrtSessionOptions *options, const OrtApiBase *base) {
    static OrtCustomOpDomain *domain;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const OrtApi *api = base->GetApi(ORT_API_WITH_PARALLEL_FOR);
    if (!api) return base->GetApi(1)->CreateStatus(ORT_FAIL, "Conv3x3 needs ONNX Runtime 1.17 or newer");
    OrtStatus *status = NULL;
    pthread_mutex_lock(&lock);
    if (!domain) {
        status = api->CreateCustomOpDomain("animegan", &domain);
        if (!status) status = api->CustomOpDomain_Add(domain, &conv3x3);
    }
    pthread_mutex_unlock(&lock);
    return status ? status : api->AddCustomOpDomain(options, domain);
}
