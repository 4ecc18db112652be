/* Manifests of indexes and of their embeddings, as they are and with checksums that agree. */
#include <stdlib.h>

#include "repair.h"
#include "search/copies.h"
#include "search/description.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void try_index(const char *content, size_t bytes) {
    manifest read;
    failure why;
    if (!manifest_parse(&read, content, bytes, "manifest.json", &why)) return;
    ssim_index index = {.manifest = read};
    json_writer told = {0};
    describe_index(&told, &index, "some", (part){0, 1});
    free(told.text);
    manifest_free(&read);
}

static void try_copies(const char *content, size_t bytes) {
    copy_index copies;
    failure why;
    double threshold;
    if (copies_parse(&copies, content, bytes, "manifest.json", &why))
        calibration_threshold(&copies.calibration, 0.01, &threshold, &why);
    copies_free_record(&copies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    const char *complaint, *content = (const char *)data;
    char digest[SHA256_TEXT];
    try_index(content, bytes);
    try_copies(content, bytes);
    json_document *document = json_read(content, bytes, &complaint);
    if (document && json_root(document)->kind == JSON_OBJECT) {
        json_writer told = repaired(json_root(document), digest);
        try_index(told.text, told.length);
        free(told.text);
    }
    json_free(document);
    return 0;
}
