/* One register of neighbouring channels. */
#ifndef ANIMEGAN_CONV_LANES_H
#define ANIMEGAN_CONV_LANES_H

#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

/* ROWS x 2 sums are what fits into the registers beside two vectors of weights. */
#if defined(__AVX512F__)

#include <immintrin.h>
enum { LANES = 16, ROWS = 12 };
typedef __m512 lanes;
INLINE lanes load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void store(float *p, lanes a) { _mm512_storeu_ps(p, a); }
INLINE lanes all(float a) { return _mm512_set1_ps(a); }
INLINE lanes mul_add(lanes a, lanes b, lanes c) { return _mm512_fmadd_ps(a, b, c); } /* a b + c */
INLINE lanes larger(lanes a, lanes b) { return _mm512_max_ps(a, b); }

#elif defined(__AVX2__) && defined(__FMA__)

#include <immintrin.h>
enum { LANES = 8, ROWS = 6 };
typedef __m256 lanes;
INLINE lanes load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void store(float *p, lanes a) { _mm256_storeu_ps(p, a); }
INLINE lanes all(float a) { return _mm256_set1_ps(a); }
INLINE lanes mul_add(lanes a, lanes b, lanes c) { return _mm256_fmadd_ps(a, b, c); }
INLINE lanes larger(lanes a, lanes b) { return _mm256_max_ps(a, b); }

#else /* four, which every x86-64 and every aarch64 has; products and sums are rounded each */

enum { LANES = 4, ROWS = 6 };
typedef float lanes __attribute__((vector_size(16)));
INLINE lanes load(const float *p) {
    lanes a;
    memcpy(&a, p, sizeof a);
    return a;
}
INLINE void store(float *p, lanes a) { memcpy(p, &a, sizeof a); }
INLINE lanes all(float a) { return (lanes){a, a, a, a}; }
INLINE lanes mul_add(lanes a, lanes b, lanes c) { return a * b + c; }
INLINE lanes larger(lanes a, lanes b) {
    for (int i = 0; i < LANES; i++) a[i] = a[i] > b[i] ? a[i] : b[i];
    return a;
}

#endif

/* The first `count` channels only. */
INLINE void store_some(float *p, lanes a, int64_t count) {
    if (count >= LANES) store(p, a);
    else memcpy(p, &a, (size_t)count * sizeof(float));
}

#endif
