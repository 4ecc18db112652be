/* Any bytes as JSON; what is read can be written, and reads as the same again. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static json_writer written(const json *value) {
    json_writer to = {0};
    json_write_sorted(&to, value, NULL);
    if (to.failed) abort();
    return to;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    const char *complaint = NULL;
    json_document *document = json_read((const char *)data, bytes, &complaint);
    if (!document) {
        if (!complaint) abort();
        return 0;
    }
    json_writer first = written(json_root(document));
    json_document *again = json_read(first.text, first.length, &complaint);
    if (!again) abort();
    json_writer second = written(json_root(again));
    if (first.length != second.length || memcmp(first.text, second.text, first.length)) abort();
    free(first.text), free(second.text);
    json_free(document), json_free(again);
    return 0;
}
