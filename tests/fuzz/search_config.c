/* Any bytes as a configuration of the search backend, and as what its environment says of shards. */
#include <stdlib.h>
#include <string.h>

#include "search/library.h"
#include "triton.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_lent(void) {
    int counts[4];
    char message[MESSAGE];
    if (fake_counts(counts, message)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static TRITONBACKEND_Backend *backend;
    char message[MESSAGE] = "", *config = malloc(bytes + 1);
    part served;
    failure why;
    if (!config) abort();
    memcpy(config, data, bytes), config[bytes] = 0;
    if (!backend && (unsetenv("ANIMEGAN_INDEXES") || !(backend = fake_backend("{}", "/nowhere", message)))) abort();
    TRITONBACKEND_Model *model = fake_model(backend, "/nowhere", 1, config, message);
    if (model) fake_model_end(model);
    else if (!*message) abort(); /* a refusal says why */
    if (part_read(config, &served, &why) && served.place >= served.parts) abort();
    free(config);
    check_lent();
    return 0;
}
