/* Requests to the three models, which search what lies below $ANIMEGAN_INDEXES: an index "some" whose images are 12x12
 * pixels, with embeddings of 8 numbers.
 *
 * Zeros describe requests that are answered; every bit can make something wrong with an input. */
#include <stdlib.h>
#include <string.h>

#include "triton.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { MODELS = 3, TOGETHER = 3, DIMENSIONS = 5, ROOM = 4096 };
enum { SIZE = 12, CHANNELS = 3, EMBEDDING = 8 };
enum { MISSING = 1, OTHER_TYPE = 2, OTHER_SHAPE = 4, CUT = 8, IN_PARTS = 16, ODD_ADDRESS = 32, DRAWN = 64, ON_GPU = 128 };

typedef struct { const uint8_t *at, *end; } source;

typedef struct {
    const char *name;
    TRITONSERVER_DataType type;
    uint32_t dimensions;
    int64_t shape[DIMENSIONS];
    const char *content; /* NULL: zeros */
    size_t bytes;
    bool optional;
} known_input;

typedef struct {
    const char *config, *outputs[MOST_OUTPUTS];
    known_input inputs[MOST_INPUTS];
} known_model;

#define CONFIG(kind) "{\"parameters\": {\"kind\": {\"string_value\": \"" kind "\"}}}"

static const known_model models[MODELS] = {
    {CONFIG("ssim_search"),
     {"id", "ssim", "count", "total", "mean", "histogram", "digest", "score_id", "scores"},
     {{"query", TRITONSERVER_TYPE_UINT8, 4, {1, SIZE, SIZE, CHANNELS}, NULL, SIZE * SIZE * CHANNELS, false},
      {"k", TRITONSERVER_TYPE_INT32, 2, {1, 1}, "\3\0\0", 4, false},
      {"shard", TRITONSERVER_TYPE_BYTES, 2, {1, 1}, "\12\0\0\0some/00000", 14, false},
      {"all_scores", TRITONSERVER_TYPE_BOOL, 2, {1, 1}, "\1", 1, false},
      {"scores", TRITONSERVER_TYPE_FP32, 2, {1, 5}, NULL, 20, true},
      {"scored", TRITONSERVER_TYPE_BYTES, 2, {1, 1}, "\0\0\0", 4, true}}},
    {CONFIG("ssim_index"),
     {"manifest", "images"},
     {{"shard", TRITONSERVER_TYPE_BYTES, 1, {1}, "\4\0\0\0some", 8, false},
      {"ids", TRITONSERVER_TYPE_INT64, 1, {2}, "\1\0\0\0\0\0\0\0\3\0\0\0\0\0\0", 16, false}}},
    {CONFIG("copy_search"),
     {"id", "similarity", "p_value", "threshold", "digest", "detector"},
     {{"index", TRITONSERVER_TYPE_BYTES, 1, {1}, "\4\0\0\0some", 8, false},
      {"embedding", TRITONSERVER_TYPE_FP32, 1, {EMBEDDING}, "\0\0\200\77", 4 * EMBEDDING, false}, /* 1, 0, 0, ... */
      {"k", TRITONSERVER_TYPE_INT32, 1, {1}, "\3\0\0", 4, false},
      {"false_alarm_rate", TRITONSERVER_TYPE_FP64, 1, {1}, "\232\231\231\231\231\231\251\77", 8, false}}}, /* 0.05 */
};

static uint8_t next(source *from) { return from->at < from->end ? *from->at++ : 0; }

static void fill(uint8_t *to, size_t bytes, source *from) {
    for (size_t i = 0; i < bytes; i++) to[i] = next(from);
}

/* An input's content and shape, in memory of its own. */
typedef struct { int64_t shape[DIMENSIONS]; uint8_t content[ROOM]; } input_memory;

static void draw_shape(TRITONBACKEND_Input *input, input_memory *memory, source *from) {
    input->dimensions = next(from) % (DIMENSIONS + 1);
    for (uint32_t i = 0; i < input->dimensions; i++) {
        int8_t size = (int8_t)next(from);
        memory->shape[i] = size;
        if (size == 127) fill((uint8_t *)&memory->shape[i], sizeof memory->shape[i], from);
    }
}

static void split(TRITONBACKEND_Input *input, source *from) {
    while (input->parts < MOST_PARTS) {
        const uint32_t last = input->parts - 1;
        const uint64_t first = input->bytes[last] * next(from) / 256;
        input->data[last + 1] = input->data[last] + first;
        input->bytes[last + 1] = input->bytes[last] - first;
        input->bytes[last] = first;
        input->parts++;
    }
}

/* False: the request lacks it. */
static bool draw_input(TRITONBACKEND_Input *input, const known_input *known, input_memory *memory, source *from) {
    const uint8_t wrong = next(from);
    const size_t start = wrong & ODD_ADDRESS ? 1 : 0;
    *input = (TRITONBACKEND_Input){known->name, known->type, memory->shape, known->dimensions, 1, {memory->content + start},
                                   {known->bytes}, wrong & ON_GPU && next(from) > 250 ? TRITONSERVER_MEMORY_GPU
                                                                                     : TRITONSERVER_MEMORY_CPU};
    if (((wrong & MISSING) != 0) != known->optional) return false;
    memcpy(memory->shape, known->shape, sizeof memory->shape);
    memset(memory->content, 0, known->bytes + 1);
    if (known->content) memcpy(memory->content + start, known->content, known->bytes < 17 ? known->bytes : 4);
    if (wrong & DRAWN) fill(memory->content + start, known->bytes, from);
    if (wrong & OTHER_TYPE) input->type = next(from) % (TRITONSERVER_TYPE_BF16 + 1);
    if (wrong & OTHER_SHAPE) draw_shape(input, memory, from);
    if (wrong & CUT) input->bytes[0] = next(from) * 8u % (ROOM - 1);
    if (wrong & IN_PARTS) split(input, from);
    return true;
}

static void draw_request(TRITONBACKEND_Request *request, const known_model *model, input_memory *memory, source *from) {
    const uint8_t unwanted = next(from), odd = next(from);
    *request = (TRITONBACKEND_Request){.cancelled = odd > 250, .room = odd == 250 ? next(from) : UINT64_MAX};
    for (int i = 0; i < MOST_INPUTS && model->inputs[i].name; i++)
        request->count += draw_input(&request->inputs[request->count], &model->inputs[i], &memory[i], from);
    for (int i = 0; i < MOST_OUTPUTS && model->outputs[i]; i++)
        if (!(unwanted >> (i % 8) & 1)) request->outputs[request->output_count++] = model->outputs[i];
}

/* Behind the model and the number of requests. */
static bool all_zero(const uint8_t *data, size_t bytes) {
    for (size_t i = 2; i < bytes; i++)
        if (data[i]) return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static TRITONBACKEND_Model *loaded[MODELS];
    static input_memory memory[TOGETHER][MOST_INPUTS];
    TRITONBACKEND_Request requests[TOGETHER], *all[TOGETHER];
    source from = {data, data + bytes};
    const int place = next(&from) % MODELS;
    const uint32_t count = 1 + next(&from) % TOGETHER;
    if (!loaded[place] && !(loaded[place] = fake_load(models[place].config))) abort();
    for (uint32_t i = 0; i < count; i++) {
        draw_request(&requests[i], &models[place], memory[i], &from);
        all[i] = &requests[i];
    }
    fake_execute(loaded[place], all, count);
    for (uint32_t i = 0; i < count; i++)
        if (all_zero(data, bytes) && !requests[i].answered) abort(); /* or the test would find nothing */
    return 0;
}
