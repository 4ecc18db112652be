#include "failure.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../common/utf8.h"

/* Bytes of the UTF-8 character that begins at `at`; 0 where none does. */
static size_t character(const char *at, size_t left) {
    uint32_t point;
    return utf8_decode(at, at + left, &point);
}

/* Names come from requests and files: what is no UTF-8 of theirs must not break a protocol. */
static void clean(char *message) {
    for (size_t left = strlen(message), bytes; left; message += bytes, left -= bytes) {
        bytes = character(message, left);
        if (!bytes) *message = '?', bytes = 1;
    }
}

bool fails(failure *why, failure_kind kind, const char *format, ...) {
    va_list values;
    why->kind = kind;
    va_start(values, format);
    vsnprintf(why->text, sizeof why->text, format, values);
    va_end(values);
    clean(why->text);
    return false;
}

bool no_memory(failure *why) { return fails(why, NO_MEMORY, "there is no memory left"); }

bool copies_text(char *to, size_t room, text from) {
    if (from.length >= room || memchr(from.at, 0, from.length)) return false;
    memcpy(to, from.at, from.length);
    to[from.length] = 0;
    return true;
}

static char *put_byte(char *to, unsigned char byte, char quote) {
    static const char meanings[] = "\\\n\r\t", letters[] = "\\nrt";
    const char *known = byte ? strchr(meanings, byte) : NULL;
    if (known || byte == (unsigned char)quote) {
        *to++ = '\\';
        *to++ = known ? letters[known - meanings] : quote;
    } else if (byte < 0x20 || byte == 0x7f) {
        to += snprintf(to, 5, "\\x%02x", byte);
    } else {
        *to++ = (char)byte;
    }
    return to;
}

const char *quoted(char to[QUOTED_ROOM], text from) {
    const bool single = from.length && memchr(from.at, '\'', from.length);
    const char quote = single && !memchr(from.at, '"', from.length) ? '"' : '\'';
    char *end = to;
    *end++ = quote;
    for (size_t at = 0, count = 0, bytes; at < from.length && count < QUOTED; at += bytes, count++) {
        bytes = character(from.at + at, from.length - at);
        if (bytes > 1) memcpy(end, from.at + at, bytes), end += bytes;
        else if (bytes) end = put_byte(end, (unsigned char)from.at[at], quote);
        else memcpy(end, "\xef\xbf\xbd", 3), end += 3, bytes = 1; /* U+FFFD */
    }
    *end++ = quote;
    *end = 0;
    return to;
}
