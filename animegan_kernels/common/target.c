/* What the processor says of itself. Compilers have __builtin_cpu_supports for it, but zig's needs a library
 * that zig has not; bits are those of Intel's manual, volume 2A, CPUID. */
#include "target.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {[PORTABLE] = "portable", [AVX2] = "avx2", [AVX512] = "avx512"};

#ifdef __x86_64__

#include <cpuid.h>

#define BIT(number) (UINT32_C(1) << (number))

enum { YMM_STATE = 0x06, ZMM_STATE = 0xe6 }; /* registers that the system saves: XCR0 */

static bool has(uint32_t bits, uint32_t needed) { return (bits & needed) == needed; }

static uint32_t saved_registers(void) {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* x86-64-v3 and x86-64-v4 of the System V ABI, beyond what every x86-64 has. */
static target of_processor(void) {
    uint32_t a, b, c, d, leaf7, extended;
    const uint32_t fma_movbe_osxsave_avx_f16c = BIT(12) | BIT(22) | BIT(27) | BIT(28) | BIT(29);
    const uint32_t bmi1_avx2_bmi2 = BIT(3) | BIT(5) | BIT(8);
    const uint32_t avx512_f_dq_cd_bw_vl = BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31);
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, fma_movbe_osxsave_avx_f16c)) return PORTABLE;
    if (!__get_cpuid_count(7, 0, &a, &leaf7, &c, &d) || !has(leaf7, bmi1_avx2_bmi2)) return PORTABLE;
    if (!__get_cpuid(0x80000001, &a, &b, &extended, &d) || !has(extended, BIT(5))) return PORTABLE; /* lzcnt */
    if (!has(saved_registers(), YMM_STATE)) return PORTABLE;
    return has(leaf7, avx512_f_dq_cd_bw_vl) && has(saved_registers(), ZMM_STATE) ? AVX512 : AVX2;
}

#else

static target of_processor(void) { return PORTABLE; }

#endif

/* Asked once: in a virtual machine CPUID takes microseconds. */
static target of_this_processor(void) {
    static atomic_int known = -1;
    int found = atomic_load_explicit(&known, memory_order_relaxed);
    if (found < 0) {
        found = (int)of_processor();
        atomic_store_explicit(&known, found, memory_order_relaxed);
    }
    return (target)found;
}

target fastest_target(void) {
    const char *wanted = getenv("ANIMEGAN_TARGET");
    const target fastest = of_this_processor();
    for (int t = (int)fastest; wanted && t >= (int)PORTABLE; t--)
        if (strcmp(wanted, names[t]) == 0) return (target)t;
    return fastest;
}

const char *animegan_target(void) { return names[fastest_target()]; }
