/* As many images of a tile as one register holds: a float of each of them.
 *
 * A tile's sixteen images fill one register with AVX-512, two with AVX2, and four elsewhere. A scan takes one
 * register's images at a time.
 */
#ifndef ANIMEGAN_LANES_H
#define ANIMEGAN_LANES_H

#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__) && defined(__AVX512BW__)

#include <immintrin.h>
typedef __m512 lanes;

INLINE lanes load(const float *p) { return _mm512_load_ps(p); }
INLINE void store(float *p, lanes a) { _mm512_store_ps(p, a); }
INLINE lanes all(float a) { return _mm512_set1_ps(a); }
INLINE lanes mul_add(lanes a, lanes b, lanes c) { return _mm512_fmadd_ps(a, b, c); }  /* c + a b */
INLINE lanes sub_mul(lanes c, lanes a, lanes b) { return _mm512_fnmadd_ps(a, b, c); } /* c - a b */
INLINE lanes nearest(lanes a) { return _mm512_roundscale_ps(a, 0); }
INLINE lanes widen(const int8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

#elif defined(__AVX2__) && defined(__FMA__)

#include <immintrin.h>
typedef __m256 lanes;

INLINE lanes load(const float *p) { return _mm256_load_ps(p); }
INLINE void store(float *p, lanes a) { _mm256_store_ps(p, a); }
INLINE lanes all(float a) { return _mm256_set1_ps(a); }
INLINE lanes mul_add(lanes a, lanes b, lanes c) { return _mm256_fmadd_ps(a, b, c); }
INLINE lanes sub_mul(lanes c, lanes a, lanes b) { return _mm256_fnmadd_ps(a, b, c); }
INLINE lanes nearest(lanes a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE lanes widen(const int8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}

#else

#include <string.h>
typedef float lanes __attribute__((vector_size(16), may_alias));
typedef int8_t bytes __attribute__((vector_size(4)));

INLINE lanes load(const float *p) { return *(const lanes *)p; }
INLINE void store(float *p, lanes a) { *(lanes *)p = a; }
INLINE lanes all(float a) { return (lanes){a, a, a, a}; }
INLINE lanes mul_add(lanes a, lanes b, lanes c) { return c + a * b; } /* two roundings: not all have an FMA */
INLINE lanes sub_mul(lanes c, lanes a, lanes b) { return c - a * b; }
/* Beside so large a number there is no room for a fraction; for less than 2^22. */
INLINE lanes nearest(lanes a) { return (a + all(0x1.8p23f)) - all(0x1.8p23f); }
INLINE lanes widen(const int8_t *p) {
    bytes a;
    memcpy(&a, p, sizeof a);
    return __builtin_convertvector(a, lanes);
}

#endif

enum { TOGETHER = 2 }; /* queries that are scored side by side; more would not fit into the registers */
enum { WIDTH = sizeof(lanes) / sizeof(float) };

INLINE void accumulate(double *total, lanes a) {
    for (int i = 0; i < WIDTH; i++) total[i] += a[i];
}

#endif
