/* JSON (RFC 8259) in memory: strictly read, with limits, and written as Python's json writes it. */
#ifndef ANIMEGAN_JSON_H
#define ANIMEGAN_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { JSON_NULL, JSON_BOOL, JSON_INTEGER, JSON_REAL, JSON_STRING, JSON_ARRAY, JSON_OBJECT } json_kind;

/* A value; it lives as long as the document that it is in. */
typedef struct json {
    json_kind kind;
    bool truth;
    int64_t integer;
    double real;             /* of an integer, too */
    const char *text;        /* a string's UTF-8, with a 0 behind it; it may hold others */
    size_t length;           /* of the text in bytes */
    const char *name;        /* of an object's member, as `text`; NULL elsewhere */
    size_t name_length;
    const struct json *first; /* of an array's items or an object's members, in their order */
    const struct json *next;
    size_t count;
} json;

typedef struct json_document json_document;

/* NULL, and a constant complaint: it is no JSON, or nested deeper than 64, or holds an integer beyond 64 bits,
 * text that is not Unicode, an object of more than 4,096 members, or a name twice, or more than 2^20 values, which take
 * 100 bytes each; or there is no memory. */
json_document *json_read(const char *text, size_t length, const char **complaint);
const json *json_root(const json_document *document);
void json_free(json_document *document);

/* A member of an object; NULL where there is none, or where it is no object. */
const json *json_member(const json *object, const char *name);
/* The text of a string member; NULL where there is none. It may hold zeros. */
const char *json_text(const json *object, const char *name);

/* Text that grows. After `failed`, there was no memory, writing does nothing. */
typedef struct {
    char *text;
    size_t length, room;
    bool failed;
} json_writer;

void json_write_raw(json_writer *to, const char *text, size_t length);
void json_write_string(json_writer *to, const char *text, size_t length); /* in quotes, ASCII only */
void json_write_integer(json_writer *to, int64_t value);
void json_write_real(json_writer *to, double value); /* finite; the fewest digits that are read back equal */
/* As json.dumps(value, sort_keys=True, separators=(",", ":")), without one member of the root; NULL: with all. */
void json_write_sorted(json_writer *to, const json *value, const char *without);

#endif
