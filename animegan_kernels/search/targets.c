#include <stddef.h>
#include <string.h>

#include "../common/target.h"
#include "scan.h"

bool scan_portable(const scan_job *job);
#if defined(__x86_64__)
bool scan_avx2(const scan_job *job);
bool scan_avx512(const scan_job *job);
#endif

/* Fastest first. */
static const scan_target targets[] = {
#if defined(__x86_64__)
    {"avx512", runs_avx512, scan_avx512},
    {"avx2", runs_avx2, scan_avx2},
#endif
    {"portable", runs_portable, scan_portable},
};

const scan_target *scan_target_called(const char *name) {
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        if (targets[i].runs() && (!name || strcmp(targets[i].name, name) == 0)) return &targets[i];
    return NULL;
}
