/* The instruction sets that some of the code is compiled for, and which of them this processor runs.
 *
 * Such a file is compiled once for each, with -DTARGET=avx512 (x86-64-v4), avx2 (x86-64-v3) or portable (what every
 * machine of the architecture has), and calls what it exports NAME(...): NAME(scan) is scan_avx512.
 */
#ifndef ANIMEGAN_TARGET_H
#define ANIMEGAN_TARGET_H

#include <stdbool.h>

#if defined(__x86_64__)

static inline bool runs_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
}

static inline bool runs_avx512(void) {
    return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

#else

static inline bool runs_avx2(void) { return false; }
static inline bool runs_avx512(void) { return false; }

#endif

static inline bool runs_portable(void) { return true; }

#define NAME_JOINED(name, target) name##_##target
#define NAME_EXPANDED(name, target) NAME_JOINED(name, target)
#define NAME(name) NAME_EXPANDED(name, TARGET)

#endif
