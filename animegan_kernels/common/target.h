/* Instruction sets: a kernel is compiled once for each, and the fastest that the machine has is called.
 *
 * A kernel's file is compiled with -DTARGET=avx512, avx2 and portable; NAME(scan) is scan_avx512 and so on:
 *
 *     int NAME(scan)(const scan_job *job) { ... }               in the kernel
 *     FOR_EACH_TARGET(int, scan, (const scan_job *job));        in its header
 *     FASTEST(scan)(&job)                                       where it is called
 */
#ifndef ANIMEGAN_TARGET_H
#define ANIMEGAN_TARGET_H

typedef enum { PORTABLE, AVX2, AVX512 } target;

/* The fastest that this processor and its system have; a slower one if the environment's ANIMEGAN_TARGET
 * names it, as tests and measurements do. */
target fastest_target(void);

/* "avx512", "avx2" or "portable": of fastest_target(), for Python. */
__attribute__((visibility("default"))) const char *animegan_target(void);

#define FOR_EACH_TARGET(result, function, parameters) \
    result function##_avx512 parameters;              \
    result function##_avx2 parameters;                \
    result function##_portable parameters

#ifdef __x86_64__
#define FASTEST(function)                                       \
    (fastest_target() == AVX512 ? function##_avx512             \
     : fastest_target() == AVX2 ? function##_avx2               \
                                : function##_portable)
#else
#define FASTEST(function) function##_portable
#endif

#ifdef TARGET
#define NAME_OF(function, target) function##_##target
#define EXPANDED(function, target) NAME_OF(function, target)
#define NAME(function) EXPANDED(function, TARGET)
#endif

#endif
