#include "canary.h"

#include <math.h>
#include <string.h>

#include "canary_pictures.h"

enum { LANES = 16 };

/* [C, H, W, 16], less 128; lanes without a picture are 0. */
static void pack(int8_t tile[CANARY_BYTES * LANES]) {
    memset(tile, 0, (size_t)CANARY_BYTES * LANES);
    for (int image = 0; image < CANARY_IMAGES; image++)
        for (int pixel = 0; pixel < CANARY_SIZE * CANARY_SIZE; pixel++)
            for (int channel = 0; channel < CANARY_CHANNELS; channel++)
                tile[(channel * CANARY_SIZE * CANARY_SIZE + pixel) * LANES + image] =
                    (int8_t)(canary_pictures[image][pixel * CANARY_CHANNELS + channel] - 128);
}

bool canary_sings(workers *threads, found *result, failure *why) {
    int8_t tile[CANARY_BYTES * LANES];
    pack(tile);
    const references pictures = {.definition = definition_called("uniform7"),
                                 .tiles = tile,
                                 .count = CANARY_IMAGES,
                                 .channels = CANARY_CHANNELS,
                                 .height = CANARY_SIZE,
                                 .width = CANARY_SIZE};
    if (search(threads, &pictures, canary_pictures[0], 1, 1, NULL, result)) return no_memory(why);
    if (result->rows[0] == 0 && fabs(result->ssim[0] - 1) <= pictures.definition->tolerance) return true;
    fails(why, BROKEN, "an image does not find itself: [%lld], [%.17g]", (long long)result->rows[0], result->ssim[0]);
    found_free(result);
    return false;
}
