/* Headers of .npy files, and the arrays behind them. */
#include <stdlib.h>

#include "search/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static const array_type types[] = {
        {"'<i8'", "int64", 8, 1, {-1}},
        {"'|i1'", "int8", 1, 5, {-1, -1, -1, -1, 16}},
        {"'<f4'", "float32", 4, 2, {-1, -1}},
        {"[('row', '<i8'), ('ssim', '<f8')]", "pairs", 16, 1, {-1}},
    };
    const mapping mapped = {.data = data, .bytes = bytes};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        failure why;
        int64_t count;
        const uint8_t *array = array_in(&mapped, "array.npy", &types[i], "mend it", &count, &why);
        if (!array) continue;
        /* All of it lies in the file. */
        const size_t last = (size_t)count * types[i].width;
        if (array < data || last > bytes || (last && array + last > data + bytes)) abort();
        if (!i) ascends((const int64_t *)(const void *)array, count, 0, INT64_MAX);
    }
    return 0;
}
