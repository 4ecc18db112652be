/* SHA-256 (FIPS 180-4), with the processor's own instructions where it has them. */
#ifndef ANIMEGAN_SHA256_H
#define ANIMEGAN_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_TEXT = 2 * SHA256_BYTES + 1 };

typedef struct {
    uint32_t state[8];
    uint64_t bytes; /* taken in so far */
    uint8_t rest[64]; /* less than a block, not hashed yet */
} sha256;

void sha256_begin(sha256 *hash);
void sha256_add(sha256 *hash, const void *data, size_t bytes);
/* Lower-case hexadecimal digits and a 0. */
void sha256_end(sha256 *hash, char text[SHA256_TEXT]);
/* The same for data that is all there. */
void sha256_of(const void *data, size_t bytes, char text[SHA256_TEXT]);

#endif
