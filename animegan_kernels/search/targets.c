#include <stddef.h>
#include <string.h>

#include "scan.h"

/* Fastest first. */
static const scan_target targets[] = {
#ifdef __x86_64__
    {"avx512", AVX512, scan_avx512},
    {"avx2", AVX2, scan_avx2},
#endif
    {"portable", PORTABLE, scan_portable},
};

const scan_target *scan_target_called(const char *name) {
    const target fastest = fastest_target();
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        if (targets[i].target <= fastest && (!name || strcmp(targets[i].name, name) == 0)) return &targets[i];
    return NULL;
}
