/* UTF-8 (RFC 3629). */
#ifndef ANIMEGAN_UTF8_H
#define ANIMEGAN_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the code point that begins at `at`, which lies before `end`; its length, 0 where it is not UTF-8. */
static inline size_t utf8_decode(const char *at, const char *end, uint32_t *point) {
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)at;
    const size_t length = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    if (!length || (size_t)(end - at) < length) return 0;
    *point = length == 1 ? p[0] : p[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (p[i] >> 6 != 2) return 0;
        *point = *point << 6 | (p[i] & 63);
    }
    const bool surrogate = *point >= 0xd800 && *point < 0xe000;
    return *point < smallest[length] || *point > 0x10ffff || surrogate ? 0 : length;
}

#endif
