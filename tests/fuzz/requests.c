#include "requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 4096, LONGEST_CUT = 255 * 8, PARTS = 4 };
enum { MISSING = 1, OTHER_TYPE = 2, OTHER_SHAPE = 4, CUT = 8, IN_PARTS = 16, ODD_ADDRESS = 32, DRAWN = 64, ON_GPU = 128 };

typedef struct { const uint8_t *at, *end; } source;

static uint8_t next(source *from) { return from->at < from->end ? *from->at++ : 0; }

static void fill(void *to, size_t bytes, source *from) {
    for (size_t i = 0; i < bytes; i++) ((uint8_t *)to)[i] = next(from);
}

static void fail(const char *what) {
    fprintf(stderr, "the backend is wrong: %s\n", what);
    abort();
}

/* Small sizes, mostly; 127 stands for any. */
static uint32_t draw_shape(int64_t shape[DIMENSIONS], source *from) {
    const uint32_t dimensions = next(from) % (DIMENSIONS + 1);
    for (uint32_t i = 0; i < dimensions; i++) {
        const int8_t size = (int8_t)next(from);
        shape[i] = size;
        if (size == 127) fill(&shape[i], sizeof shape[i], from);
    }
    return dimensions;
}

/* Each part lies in memory of its own: what is read beyond it is noticed. */
static void put_parts(TRITONBACKEND_Request *request, const char *content, size_t bytes, uint8_t wrong, source *from) {
    const uint32_t shift = wrong & ODD_ADDRESS ? 1 : 0;
    for (int i = 1; (wrong & IN_PARTS) && i < PARTS; i++) {
        const size_t some = bytes * next(from) / 256;
        fake_piece(request, content, some, shift);
        content += some, bytes -= some;
    }
    fake_piece(request, content, bytes, shift);
}

static void put_input(TRITONBACKEND_Request *request, const known_input *known, source *from) {
    char content[ROOM] = {0};
    const uint8_t wrong = next(from);
    int64_t shape[DIMENSIONS];
    TRITONSERVER_DataType type = known->type;
    uint32_t dimensions = known->dimensions;
    size_t bytes = known->bytes;
    if (((wrong & MISSING) != 0) != known->optional) return;
    const bool on_gpu = (wrong & ON_GPU) && next(from) > 250;
    memcpy(shape, known->shape, sizeof shape);
    memcpy(content, known->content, known->content_bytes);
    if (wrong & DRAWN) fill(content, bytes, from);
    if (wrong & OTHER_TYPE) type = next(from) % (TRITONSERVER_TYPE_BF16 + 1);
    if (wrong & OTHER_SHAPE) dimensions = draw_shape(shape, from);
    if (wrong & CUT) bytes = next(from) * 8u;
    fake_input(request, known->name, (int)type, shape, dimensions, on_gpu ? TRITONSERVER_MEMORY_GPU : TRITONSERVER_MEMORY_CPU);
    put_parts(request, content, bytes, wrong, from);
}

static TRITONBACKEND_Request *make_request(const known_model *known, source *from) {
    const uint8_t unwanted = next(from), odd = next(from);
    TRITONBACKEND_Request *request = fake_request(odd > 250, odd == 250 ? next(from) : UINT64_MAX);
    for (int i = 0; i < MOST_INPUTS && known->inputs[i].name; i++) put_input(request, &known->inputs[i], from);
    for (int i = 0; i < MOST_OUTPUTS && known->outputs[i]; i++)
        if (!(unwanted >> (i % 8) & 1)) fake_want(request, known->outputs[i]);
    return request;
}

static bool all_zero(const uint8_t *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (data[i]) return false;
    return true;
}

void ask(TRITONBACKEND_Model *model, const known_model *known, const uint8_t *data, size_t bytes) {
    TRITONBACKEND_Request *requests[TOGETHER];
    source from = {data, data + bytes};
    const uint32_t count = 1 + next(&from) % TOGETHER;
    const bool good = all_zero(from.at, (size_t)(from.end - from.at));
    int counts[4];
    char message[MESSAGE];
    for (uint32_t i = 0; i < count; i++) requests[i] = make_request(known, &from);
    fake_execute(model, requests, count);
    for (uint32_t i = 0; i < count; i++) {
        const int outcome = fake_outcome(requests[i], message);
        if (outcome == -2) fail("a request is answered once and released once");
        if (good && outcome >= 0) fail(message);
        fake_request_end(requests[i]);
    }
    if (fake_counts(counts, message)) fail("what was lent is given back");
}
