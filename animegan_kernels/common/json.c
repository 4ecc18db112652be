#include "json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

enum { DEEPEST = 64, MOST_MEMBERS = 4096, VALUES_IN_BLOCK = 256, MOST_BLOCKS = 4096 };

typedef struct block {
    struct block *before;
    size_t number, used;
    json values[VALUES_IN_BLOCK];
} block;

struct json_document {
    const json *root;
    block *blocks;
    char *strings; /* every string unescaped, one behind the other: never longer than the document */
};

typedef struct {
    const char *at, *end;
    char *string; /* where the next one goes */
    json_document *document;
    const char *complaint;
} reader;

static bool read_value(reader *r, json *value, int depth);

static bool fails(reader *r, const char *complaint) {
    if (!r->complaint) r->complaint = complaint;
    return false;
}

static void skip_space(reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

static bool takes(reader *r, char character) {
    skip_space(r);
    if (r->at == r->end || *r->at != character) return false;
    r->at++;
    return true;
}

static json *new_value(reader *r) {
    block *newest = r->document->blocks;
    if (!newest || newest->used == VALUES_IN_BLOCK) {
        const size_t number = newest ? newest->number + 1 : 1;
        if (number > MOST_BLOCKS) return fails(r, "too many values"), NULL;
        block *b = malloc(sizeof *b);
        if (!b) return fails(r, "no memory"), NULL;
        b->before = newest, b->number = number, b->used = 0;
        r->document->blocks = newest = b;
    }
    json *value = &newest->values[newest->used++];
    memset(value, 0, sizeof *value);
    return value;
}

/* ---- strings ------------------------------------------------------------------------------------ */

static bool read_hexadecimal(reader *r, uint32_t *value) {
    *value = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        if (r->at == r->end) return false;
        const char c = *r->at;
        if (c >= '0' && c <= '9') *value = *value << 4 | (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f') *value = *value << 4 | (uint32_t)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F') *value = *value << 4 | (uint32_t)(c - 'A' + 10);
        else return false;
    }
    return true;
}

static void put_utf8(reader *r, uint32_t point) {
    unsigned char *to = (unsigned char *)r->string;
    if (point < 0x80) {
        *to++ = (unsigned char)point;
    } else if (point < 0x800) {
        *to++ = (unsigned char)(0xc0 | point >> 6);
        *to++ = (unsigned char)(0x80 | (point & 63));
    } else if (point < 0x10000) {
        *to++ = (unsigned char)(0xe0 | point >> 12);
        *to++ = (unsigned char)(0x80 | (point >> 6 & 63));
        *to++ = (unsigned char)(0x80 | (point & 63));
    } else {
        *to++ = (unsigned char)(0xf0 | point >> 18);
        *to++ = (unsigned char)(0x80 | (point >> 12 & 63));
        *to++ = (unsigned char)(0x80 | (point >> 6 & 63));
        *to++ = (unsigned char)(0x80 | (point & 63));
    }
    r->string = (char *)to;
}

/* Behind "\u": one code point, which may take a second escape. */
static bool read_unicode_escape(reader *r) {
    uint32_t high, low;
    if (!read_hexadecimal(r, &high)) return fails(r, "an escape is cut or wrong");
    if (high >= 0xdc00 && high < 0xe000) return fails(r, "half a surrogate pair");
    if (high >= 0xd800 && high < 0xdc00) {
        if (r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u') return fails(r, "half a surrogate pair");
        r->at += 2;
        if (!read_hexadecimal(r, &low) || low < 0xdc00 || low >= 0xe000) return fails(r, "half a surrogate pair");
        high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(r, high);
    return true;
}

static bool read_escape(reader *r) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (r->at == r->end) return fails(r, "a string does not end");
    const char letter = *r->at++;
    if (letter == 'u') return read_unicode_escape(r);
    const char *known = letter ? strchr(letters, letter) : NULL;
    if (!known) return fails(r, "an unknown escape");
    *r->string++ = meanings[known - letters];
    return true;
}

/* Behind the opening quote. */
static bool read_string(reader *r, const char **text, size_t *length) {
    char *const begin = r->string;
    while (r->at < r->end && *r->at != '"') {
        uint32_t point;
        if ((unsigned char)*r->at < 0x20) return fails(r, "a control character in a string");
        if (*r->at == '\\') {
            r->at++;
            if (!read_escape(r)) return false;
            continue;
        }
        const size_t bytes = utf8_decode(r->at, r->end, &point);
        if (!bytes) return fails(r, "text that is not UTF-8");
        memcpy(r->string, r->at, bytes);
        r->string += bytes, r->at += bytes;
    }
    if (r->at == r->end) return fails(r, "a string does not end");
    r->at++;
    *text = begin, *length = (size_t)(r->string - begin);
    *r->string++ = 0; /* there is room: of two quotes in the document, none is kept */
    return true;
}

/* ---- numbers, words, containers ----------------------------------------------------------------- */

static size_t digits(reader *r) {
    const char *begin = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
    return (size_t)(r->at - begin);
}

static bool read_number(reader *r, json *value) {
    char text[64];
    const char *begin = r->at;
    bool whole = true;
    if (r->at < r->end && *r->at == '-') r->at++;
    const bool zero = r->at < r->end && *r->at == '0';
    const size_t count = digits(r);
    if (!count || (zero && count > 1)) return fails(r, "no JSON");
    if (r->at < r->end && *r->at == '.') {
        r->at++, whole = false;
        if (!digits(r)) return fails(r, "a number is cut");
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++, whole = false;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-')) r->at++;
        if (!digits(r)) return fails(r, "a number is cut");
    }
    const size_t length = (size_t)(r->at - begin);
    if (length >= sizeof text) return fails(r, "a number is too long");
    memcpy(text, begin, length), text[length] = 0;
    errno = 0;
    value->kind = whole ? JSON_INTEGER : JSON_REAL;
    if (whole) value->integer = strtoll(text, NULL, 10);
    if (errno) return fails(r, "a number is too large");
    value->real = strtod(text, NULL);
    return isfinite(value->real) || fails(r, "a number is too large");
}

static bool read_word(reader *r, json *value) {
    static const struct { const char *word; json_kind kind; bool truth; } words[] = {
        {"null", JSON_NULL, false}, {"true", JSON_BOOL, true}, {"false", JSON_BOOL, false}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t length = strlen(words[i].word);
        if ((size_t)(r->end - r->at) < length || memcmp(r->at, words[i].word, length)) continue;
        r->at += length;
        value->kind = words[i].kind, value->truth = words[i].truth;
        return true;
    }
    return fails(r, "no JSON");
}

static bool same_name(const json *member, const char *name, size_t length) {
    return member->name_length == length && !memcmp(member->name, name, length);
}

static bool read_name(reader *r, const json *object, json *member) {
    if (!takes(r, '"')) return fails(r, "a member has no name");
    if (!read_string(r, &member->name, &member->name_length)) return false;
    for (const json *other = object->first; other; other = other->next)
        if (same_name(other, member->name, member->name_length)) return fails(r, "a name stands twice");
    return takes(r, ':') || fails(r, "a member has no value");
}

static bool read_container(reader *r, json *value, char closing, int depth) {
    const json **place = &value->first;
    value->kind = closing == ']' ? JSON_ARRAY : JSON_OBJECT;
    if (depth == DEEPEST) return fails(r, "nested too deeply");
    if (takes(r, closing)) return true;
    do {
        json *member = new_value(r);
        if (!member) return false;
        if (value->kind == JSON_OBJECT && value->count == MOST_MEMBERS) return fails(r, "an object is too large");
        if (value->kind == JSON_OBJECT && !read_name(r, value, member)) return false;
        if (!read_value(r, member, depth + 1)) return false;
        *place = member, place = &member->next;
        value->count++;
    } while (takes(r, ','));
    return takes(r, closing) || fails(r, "an array or object does not end");
}

static bool read_value(reader *r, json *value, int depth) {
    skip_space(r);
    if (r->at == r->end) return fails(r, "it ends too early");
    switch (*r->at) {
    case '{': return r->at++, read_container(r, value, '}', depth);
    case '[': return r->at++, read_container(r, value, ']', depth);
    case '"': value->kind = JSON_STRING; return r->at++, read_string(r, &value->text, &value->length);
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return read_number(r, value);
    default: return read_word(r, value);
    }
}

json_document *json_read(const char *text, size_t length, const char **complaint) {
    json_document *document = calloc(1, sizeof *document);
    if (!document || !(document->strings = malloc(length + 1))) {
        free(document);
        return *complaint = "no memory", NULL;
    }
    reader r = {text, text + length, document->strings, document, NULL};
    json *root = new_value(&r);
    bool whole = root && read_value(&r, root, 0);
    skip_space(&r);
    if (whole && r.at < r.end) whole = fails(&r, "more behind its end");
    if (whole) return document->root = root, document;
    *complaint = r.complaint;
    json_free(document);
    return NULL;
}

const json *json_root(const json_document *document) { return document->root; }

void json_free(json_document *document) {
    if (!document) return;
    for (block *b = document->blocks; b;) {
        block *before = b->before;
        free(b);
        b = before;
    }
    free(document->strings);
    free(document);
}

const json *json_member(const json *object, const char *name) {
    const size_t length = strlen(name);
    if (!object || object->kind != JSON_OBJECT) return NULL;
    for (const json *member = object->first; member; member = member->next)
        if (same_name(member, name, length)) return member;
    return NULL;
}

const char *json_text(const json *object, const char *name) {
    const json *member = json_member(object, name);
    return member && member->kind == JSON_STRING ? member->text : NULL;
}
