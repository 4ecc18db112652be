#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "utf8.h"

enum { ENOUGH = 17, DIGITS = 32 }; /* of a double: digits that always read back, and room for them */

void json_write_raw(json_writer *to, const char *text, size_t length) {
    if (to->failed) return;
    if (to->room - to->length < length) {
        size_t room; /* twice what is needed, so that a text of n bytes is copied O(n) times */
        const bool fits = !__builtin_add_overflow(to->length, length, &room) && !__builtin_add_overflow(room, room + 256, &room);
        char *larger = fits ? realloc(to->text, room) : NULL;
        if (!larger) {
            to->failed = true;
            return;
        }
        to->text = larger, to->room = room;
    }
    if (length) memcpy(to->text + to->length, text, length);
    to->length += length;
}

static void write_escape(json_writer *to, uint32_t point) {
    static const char meanings[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    char text[16];
    const char *known = point && point < 0x80 ? strchr(meanings, (int)point) : NULL;
    if (known)
        json_write_raw(to, text, (size_t)snprintf(text, sizeof text, "\\%c", letters[known - meanings]));
    else if (point < 0x10000)
        json_write_raw(to, text, (size_t)snprintf(text, sizeof text, "\\u%04x", point));
    else
        json_write_raw(to, text, (size_t)snprintf(text, sizeof text, "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10),
                                                  0xdc00 + ((point - 0x10000) & 0x3ff)));
}

void json_write_string(json_writer *to, const char *text, size_t length) {
    const char *at = text, *end = text + length;
    json_write_raw(to, "\"", 1);
    while (at < end) {
        uint32_t point = 0xfffd;
        const size_t bytes = utf8_decode(at, end, &point);
        if (bytes == 1 && point >= 0x20 && point < 0x7f && point != '"' && point != '\\') json_write_raw(to, at, 1);
        else write_escape(to, point);
        at += bytes ? bytes : 1;
    }
    json_write_raw(to, "\"", 1);
}

void json_write_integer(json_writer *to, int64_t value) {
    char text[32];
    json_write_raw(to, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)value));
}

/* The next decimal number of as many digits, farther from 0; false: there is none. */
static bool step_up(char *digits) {
    for (char *at = strchr(digits, 'e') - 1; at >= digits && *at != '-'; at--) {
        if (*at == '.') continue;
        if (*at != '9') return ++*at, true;
        *at = '0';
    }
    return false;
}

/* The nearest number of so many digits; or, at powers of two, where what is below lies closer than what is above, the next. */
static bool reads_back(char digits[DIGITS], int count, double value) {
    snprintf(digits, DIGITS, "%.*e", count - 1, value);
    return strtod(digits, NULL) == value || (step_up(digits) && strtod(digits, NULL) == value);
}

/* d.ddde+xx as Python writes it. */
static void write_digits(json_writer *to, char digits[DIGITS]) {
    char *mark = strchr(digits, 'e'), *first = digits + (*digits == '-');
    const int exponent = (int)strtol(mark + 1, NULL, 10);
    char power[16];
    if (exponent < -4 || exponent >= 16) {
        json_write_raw(to, digits, (size_t)(mark - digits));
        json_write_raw(to, power, (size_t)snprintf(power, sizeof power, "e%+03d", exponent));
        return;
    }
    if (first[1] == '.') memmove(first + 1, first + 2, (size_t)(mark - first - 2)), mark--;
    const int count = (int)(mark - first), whole = exponent + 1; /* digits in all, and before the point */
    json_write_raw(to, digits, (size_t)(first - digits));
    if (whole <= 0) {
        json_write_raw(to, "0.000", (size_t)(2 - whole));
        json_write_raw(to, first, (size_t)count);
    } else if (whole < count) {
        json_write_raw(to, first, (size_t)whole);
        json_write_raw(to, ".", 1);
        json_write_raw(to, first + whole, (size_t)(count - whole));
    } else {
        json_write_raw(to, first, (size_t)count);
        json_write_raw(to, "000000000000000", (size_t)(whole - count));
        json_write_raw(to, ".0", 2);
    }
}

void json_write_real(json_writer *to, double value) {
    char digits[DIGITS];
    int count = 1;
    while (!reads_back(digits, count, value) && count < ENOUGH) count++;
    write_digits(to, digits);
}

static int by_name(const void *a, const void *b) {
    const json *x = *(const json *const *)a, *y = *(const json *const *)b;
    const size_t shorter = x->name_length < y->name_length ? x->name_length : y->name_length;
    const int difference = memcmp(x->name, y->name, shorter); /* UTF-8 sorts as its code points do */
    return difference ? difference : (x->name_length > y->name_length) - (x->name_length < y->name_length);
}

static void write_object(json_writer *to, const json *object, const char *without) {
    const json **members = malloc((object->count + 1) * sizeof *members);
    if (!members) {
        to->failed = true;
        return;
    }
    size_t count = 0;
    for (const json *member = object->first; member; member = member->next)
        if (!without || member->name_length != strlen(without) || memcmp(member->name, without, member->name_length))
            members[count++] = member;
    qsort(members, count, sizeof *members, by_name);
    json_write_raw(to, "{", 1);
    for (size_t i = 0; i < count; i++) {
        if (i) json_write_raw(to, ",", 1);
        json_write_string(to, members[i]->name, members[i]->name_length);
        json_write_raw(to, ":", 1);
        json_write_sorted(to, members[i], NULL);
    }
    json_write_raw(to, "}", 1);
    free(members);
}

void json_write_sorted(json_writer *to, const json *value, const char *without) {
    switch (value->kind) {
    case JSON_NULL: json_write_raw(to, "null", 4); break;
    case JSON_BOOL: json_write_raw(to, value->truth ? "true" : "false", value->truth ? 4 : 5); break;
    case JSON_INTEGER: json_write_integer(to, value->integer); break;
    case JSON_REAL: json_write_real(to, value->real); break;
    case JSON_STRING: json_write_string(to, value->text, value->length); break;
    case JSON_ARRAY:
        json_write_raw(to, "[", 1);
        for (const json *item = value->first; item; item = item->next) {
            if (item != value->first) json_write_raw(to, ",", 1);
            json_write_sorted(to, item, NULL);
        }
        json_write_raw(to, "]", 1);
        break;
    case JSON_OBJECT: write_object(to, value, without); break;
    }
}
