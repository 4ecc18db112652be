#include "answer.h"

#include <string.h>

void log_and_delete(TRITONSERVER_Error *error) {
    if (!error) return;
    TRITONSERVER_Error *also =
        TRITONSERVER_LogMessage(TRITONSERVER_LOG_ERROR, __FILE__, __LINE__, TRITONSERVER_ErrorMessage(error));
    TRITONSERVER_ErrorDelete(error);
    if (also) TRITONSERVER_ErrorDelete(also);
}

/* Gives the response up, and deletes the error. */
static void send(job *j, TRITONBACKEND_Response *response, TRITONSERVER_Error *error) {
    j->failed = error != NULL;
    if (response) log_and_delete(TRITONBACKEND_ResponseSend(response, TRITONSERVER_RESPONSE_COMPLETE_FINAL, error));
    else log_and_delete(error), error = NULL;
    if (error) TRITONSERVER_ErrorDelete(error);
}

/* `count` rows of an output that lies in parts of `rows` each. */
static void copy_rows(char *to, const result *parts, size_t stride, int64_t rows, int64_t first, int64_t count) {
    while (count) {
        const result *part = parts + (size_t)(first / rows) * stride;
        const int64_t passed = first % rows, left = part->sizes[0] - passed;
        const int64_t taken = count < left ? count : left;
        const size_t row = part->bytes / (size_t)part->sizes[0];
        if (row) memcpy(to, part->data + row * (size_t)passed, row * (size_t)taken);
        to += row * (size_t)taken, first += taken, count -= taken;
    }
}

static TRITONSERVER_Error *write_output(TRITONBACKEND_Response *response, const job *j, const model *m, const run *r,
                                        size_t place, int64_t first) {
    const result *part = &r->results[place];
    const tensor_setting *tensor = &m->settings.outputs[place];
    const bool whole = r->runs == 1 && j->rows == r->rows; /* the run was for this request alone */
    TRITONBACKEND_Output *output;
    TRITONSERVER_MemoryType memory = TRITONSERVER_MEMORY_CPU;
    int64_t sizes[MOST_DIMENSIONS], memory_id = 0;
    void *to;
    memcpy(sizes, part->sizes, sizeof sizes);
    size_t bytes = part->bytes;
    if (!whole) {
        sizes[0] = j->rows;
        if (__builtin_mul_overflow(part->bytes / (size_t)part->sizes[0], (size_t)j->rows, &bytes))
            return invalid("an output is too large");
    }
    TRY(TRITONBACKEND_ResponseOutput(response, &output, tensor->name, tensor->type->triton, sizes,
                                     (uint32_t)part->dimensions));
    TRY(TRITONBACKEND_OutputBuffer(output, &to, bytes, &memory, &memory_id));
    if (memory == TRITONSERVER_MEMORY_GPU) return invalid("an output is wanted in the memory of a GPU");
    if (whole && bytes) memcpy(to, part->data, bytes);
    else if (bytes) copy_rows(to, part, m->settings.output_count, r->rows_at_a_time, first, j->rows);
    return NULL;
}

static TRITONSERVER_Error *write_outputs(TRITONBACKEND_Response *response, const job *j, const model *m, const run *r,
                                         int64_t first) {
    for (size_t place = 0; place < m->settings.output_count; place++)
        if (j->wanted[place]) TRY(write_output(response, j, m, r, place, first));
    return NULL;
}

void answer(job *j, const model *m, const run *r, int64_t first) {
    TRITONBACKEND_Response *response = NULL;
    TRITONSERVER_Error *error = TRITONBACKEND_ResponseNew(&response, j->request);
    if (!error) error = write_outputs(response, j, m, r, first);
    send(j, response, error);
}

void answer_error(job *j, TRITONSERVER_Error *error) {
    TRITONBACKEND_Response *response = NULL;
    log_and_delete(TRITONBACKEND_ResponseNew(&response, j->request));
    send(j, response, error);
}
