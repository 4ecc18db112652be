/* Any bytes as a configuration of the backend `onnxruntime`. */
#include <stdlib.h>

#include "onnxruntime/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    char complaint[COMPLAINT_BYTES] = "";
    settings s;
    if (!settings_read(&s, (const char *)data, bytes, 1, complaint)) {
        if (!*complaint) abort(); /* a refusal says why */
        return 0;
    }
    if (!s.input_count || !s.output_count || s.rows_at_a_time < 1) abort();
    if (s.card) settings_digest(&s, s.file_name);
    settings_free(&s);
    return 0;
}
