/* Requests to a model of the backend `onnxruntime`, which lies in $ANIMEGAN_MODEL (material.py): y = x + bias [n, m],
 * with a bias that may be left out. $ANIMEGAN_ONNXRUNTIME names ONNX Runtime's C library. */
#include <stdio.h>
#include <stdlib.h>

#include "requests.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char config[] =
    "{\"max_batch_size\": 64, \"input\": [{\"name\": \"x\", \"data_type\": \"TYPE_FP32\", \"dims\": [-1]},"
    " {\"name\": \"bias\", \"data_type\": \"TYPE_FP32\", \"dims\": [1], \"optional\": true}],"
    " \"output\": [{\"name\": \"y\", \"data_type\": \"TYPE_FP32\", \"dims\": [-1]}]}";

static const known_model model = {
    {{"x", TRITONSERVER_TYPE_FP32, 2, {1, 4}, "\0\0\200\77", 4, 16, false},
     {"bias", TRITONSERVER_TYPE_FP32, 2, {1, 1}, "", 0, 4, true}},
    {"y"},
};

static TRITONBACKEND_Model *load(void) {
    char message[MESSAGE], options[MESSAGE];
    snprintf(options, sizeof options, "{\"cmdline\": {\"library\": \"%s\"}}", getenv("ANIMEGAN_ONNXRUNTIME"));
    TRITONBACKEND_Backend *backend = fake_backend(options, "/nowhere", message);
    TRITONBACKEND_Model *made = backend ? fake_model(backend, getenv("ANIMEGAN_MODEL"), 1, config, message) : NULL;
    if (made) return made;
    fprintf(stderr, "%s\n", message);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static TRITONBACKEND_Model *loaded;
    if (!loaded) loaded = load();
    ask(loaded, &model, data, bytes);
    return 0;
}
