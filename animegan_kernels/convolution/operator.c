/* Convolutions as operators of ONNX Runtime, in the domain "animegan".
 *
 *     Conv3x3           X [N, H, W, I], weights [O, I, 3, 3] -> Y [N, H - 2, W - 2, O]
 *     Conv2x2           X [N, H, W, I], weights [O, I, 2, 2] -> Y [N, H / 2, W / 2, O], stride 2
 *     ConvTranspose2x2  X [N, H, W, I], weights [I, O, 2, 2] -> Y [N, 2 H, 2 W, O], stride 2
 *
 * float32, pixels channels last; the third input is the bias [O]; weights and bias are constants; I is a
 * multiple of 16. The attribute `slope`, in [0, 1], is that of a leaky rectifier behind the sum; 1: none.
 * They use the threads of the session.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "algorithm.h"
#include "common/onnxruntime.h"

enum { PARTS = 16 }; /* of one run, for the threads to share */
#define RETURN_IF_FAILED(call) do { OrtStatus *status_ = (call); if (status_) return status_; } while (0)

/* What the operators differ in. ONNX Runtime hands the first member back: it is all that it knows. */
typedef struct {
    OrtCustomOp interface;
    const char *name;
    int64_t side; /* of the kernels, and of the smallest picture */
    bool transposed;
    void (*measure)(const pictures *p, int64_t *height, int64_t *width); /* of what is written */
    int algorithm; /* place among the target's */
} operator;

typedef struct {
    const OrtApi *api;
    const operator *operator;
    const algorithm *algorithm;
    convolution convolution;
} kernel;

/* What the parts of one run have in common. */
typedef struct {
    const kernel *kernel;
    pictures pictures;
    int64_t units, parts;
    atomic_bool out_of_memory;
} run;

/* Memory to compute in, kept for whoever computes next: fresh pages would cost more than a small picture's
 * multiplications. At most one for each thread that ever computed at the same time. */
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
    const kernel *k = r->kernel;
    int64_t first = r->units * (int64_t)part / r->parts, end = r->units * ((int64_t)part + 1) / r->parts;
    size_t bytes = k->algorithm->workspace(&k->convolution);
    workspace *work = bytes ? take(bytes) : NULL;
    if (bytes && !work) {
        r->out_of_memory = true;
        return;
    }
    k->algorithm->compute(&k->convolution, &r->pictures, first, end, work ? work->floats : NULL);
    if (work) give_back(work);
}

/* Sizes and values of a tensor that has `count` dimensions. */
static OrtStatus *read_tensor(const OrtApi *api, const OrtValue *value, int64_t *sizes, size_t count,
                              const float **values) {
    OrtTensorTypeAndShapeInfo *info;
    size_t dimensions;
    RETURN_IF_FAILED(api->GetTensorTypeAndShape(value, &info));
    OrtStatus *status = api->GetDimensionsCount(info, &dimensions);
    if (!status && dimensions != count)
        status = api->CreateStatus(ORT_INVALID_ARGUMENT, "animegan: a tensor has a wrong number of dimensions");
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
        return api->CreateStatus(ORT_INVALID_ARGUMENT, "animegan: weights and bias must be constants");
    return read_tensor(api, value, sizes, count, values);
}

static void destroy_kernel(void *data) {
    kernel *k = data;
    free(k->convolution.weights);
    free(k->convolution.bias);
    free(k);
}

static OrtStatus *create_kernel(const OrtCustomOp *interface, const OrtApi *api, const OrtKernelInfo *info,
                                void **result) {
    const operator *op = (const operator *)interface;
    int64_t sizes[4], length;
    const float *weights, *bias;
    float slope;
    RETURN_IF_FAILED(api->KernelInfoGetAttribute_float(info, "slope", &slope));
    RETURN_IF_FAILED(read_constant(api, info, 1, sizes, 4, &weights));
    RETURN_IF_FAILED(read_constant(api, info, 2, &length, 1, &bias));
    int64_t outputs = sizes[op->transposed], inputs = sizes[!op->transposed];
    bool fits = sizes[2] == op->side && sizes[3] == op->side && inputs % CHANNELS_TOGETHER == 0 && outputs == length;
    if (!fits || !(slope >= 0 && slope <= 1))
        return api->CreateStatus(ORT_INVALID_ARGUMENT,
                                 "animegan: kernels, bias or slope do not fit the operator; operator.c has what does");
    kernel *k = calloc(1, sizeof(kernel));
    if (!k) return api->CreateStatus(ORT_FAIL, "animegan: no memory");
    k->api = api;
    k->operator = op;
    k->algorithm = FASTEST(algorithms)() + op->algorithm;
    k->convolution = (convolution){.inputs = inputs, .outputs = outputs, .slope = slope};
    if (!k->algorithm->prepare(&k->convolution, weights, bias)) {
        destroy_kernel(k);
        return api->CreateStatus(ORT_FAIL, "animegan: no memory for the weights");
    }
    *result = k;
    return NULL;
}

static OrtStatus *compute(void *data, OrtKernelContext *context) {
    const kernel *k = data;
    const OrtApi *api = k->api;
    const operator *op = k->operator;
    const OrtValue *input = NULL;
    OrtValue *output = NULL;
    int64_t sizes[4];
    run r = {.kernel = k};
    RETURN_IF_FAILED(api->KernelContext_GetInput(context, 0, &input));
    RETURN_IF_FAILED(read_tensor(api, input, sizes, 4, &r.pictures.read));
    int64_t smallest = op->transposed ? 1 : op->side;
    if (sizes[1] < smallest || sizes[2] < smallest || sizes[3] != k->convolution.inputs)
        return api->CreateStatus(ORT_INVALID_ARGUMENT,
                                 "animegan: X must be [N, H, W, I], as large as the kernel, with the weights' I");
    r.pictures.count = sizes[0];
    r.pictures.height = sizes[1];
    r.pictures.width = sizes[2];
    op->measure(&r.pictures, &sizes[1], &sizes[2]);
    sizes[3] = k->convolution.outputs;
    RETURN_IF_FAILED(api->KernelContext_GetOutput(context, 0, sizes, 4, &output));
    RETURN_IF_FAILED(api->GetTensorMutableData(output, (void **)&r.pictures.written));
    r.units = k->algorithm->units(&r.pictures);
    int64_t least = k->algorithm->least(&k->convolution), fit = (r.units + least - 1) / least;
    r.parts = fit < PARTS ? fit : PARTS;
    if (r.parts) RETURN_IF_FAILED(api->KernelContext_ParallelFor(context, compute_part, (size_t)r.parts, 0, &r));
    return r.out_of_memory ? api->CreateStatus(ORT_FAIL, "animegan: no memory to compute in") : NULL;
}

static void two_less(const pictures *p, int64_t *height, int64_t *width) {
    *height = p->height - 2;
    *width = p->width - 2;
}
static void half(const pictures *p, int64_t *height, int64_t *width) {
    *height = p->height / 2;
    *width = p->width / 2;
}
static void twice(const pictures *p, int64_t *height, int64_t *width) {
    *height = p->height * 2;
    *width = p->width * 2;
}

static const char *name(const OrtCustomOp *op) { return ((const operator *)op)->name; }
static const char *provider(const OrtCustomOp *op) { (void)op; return NULL; }
static ONNXTensorElementDataType type(const OrtCustomOp *op, size_t i) {
    (void)op, (void)i;
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
}
static int required(const OrtCustomOp *op, size_t i) { (void)op, (void)i; return INPUT_OUTPUT_REQUIRED; }
static int default_memory(const OrtCustomOp *op, size_t i) { (void)op, (void)i; return 0; }
static size_t three(const OrtCustomOp *op) { (void)op; return 3; }
static size_t one(const OrtCustomOp *op) { (void)op; return 1; }

#define INTERFACE { \
    .version = ORT_CUSTOM_OP_WITH_STATUS, \
    .GetName = name, \
    .GetExecutionProviderType = provider, \
    .GetInputType = type, \
    .GetInputTypeCount = three, \
    .GetOutputType = type, \
    .GetOutputTypeCount = one, \
    .KernelDestroy = destroy_kernel, \
    .GetInputCharacteristic = required, \
    .GetOutputCharacteristic = required, \
    .GetInputMemoryType = default_memory, \
    .CreateKernelV2 = create_kernel, \
    .KernelComputeV2 = compute, \
}

static const operator operators[] = {
    {INTERFACE, "Conv3x3", 3, false, two_less, WINOGRAD_3X3},
    {INTERFACE, "Conv2x2", 2, false, half, HALVING_2X2},
    {INTERFACE, "ConvTranspose2x2", 2, true, twice, DOUBLING_2X2},
};

static OrtStatus *create_domain(const OrtApi *api, OrtCustomOpDomain **domain) {
    RETURN_IF_FAILED(api->CreateCustomOpDomain("animegan", domain));
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
        RETURN_IF_FAILED(api->CustomOpDomain_Add(*domain, &operators[i].interface));
    return NULL;
}

/* What SessionOptions.register_custom_ops_library() calls. The domain lives as long as the library. */
__attribute__((visibility("default"))) OrtStatus *RegisterCustomOps(OrtSessionOptions *options,
                                                                    const OrtApiBase *base) {
    static OrtCustomOpDomain *domain;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const OrtApi *api = base->GetApi(ORT_API_WITH_PARALLEL_FOR);
    if (!api) return base->GetApi(1)->CreateStatus(ORT_FAIL, "animegan: needs ONNX Runtime 1.17 or newer");
    pthread_mutex_lock(&lock);
    OrtStatus *status = domain ? NULL : create_domain(api, &domain);
    pthread_mutex_unlock(&lock);
    return status ? status : api->AddCustomOpDomain(options, domain);
}
