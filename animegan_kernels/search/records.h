/* Turns JSON into structures, strictly: no field missing, unknown or of another type. */
#ifndef ANIMEGAN_RECORDS_H
#define ANIMEGAN_RECORDS_H

#include "common/json.h"
#include "failure.h"

typedef enum {
    FIELD_TEXT,     /* const json *: the string */
    FIELD_OBJECT,   /* const json *: the object, as it is */
    FIELD_INTEGER,  /* int64_t */
    FIELD_INTEGERS, /* int64_t [count of the field] */
    FIELD_REALS,    /* record_list of double; whole numbers are taken, too */
    FIELD_RECORD,   /* the structure itself */
    FIELD_OPTIONAL, /* a pointer to the structure; NULL for null */
    FIELD_RECORDS   /* record_list of structures */
} field_kind;

typedef struct record_type record_type;

typedef struct {
    const char *name;
    field_kind kind;
    size_t offset; /* in the structure */
    const record_type *of;
    size_t count;
} record_field;

struct record_type {
    size_t bytes;
    const record_field *fields;
    size_t count;
    const char *const *besides; /* members that others read, up to a NULL; or NULL */
};

typedef struct {
    void *items;
    size_t count;
} record_list;

/* Reads an object into a structure, which keeps pointers to the document's strings; `where` is the value's path, for
 * messages. Whether it succeeds or not, record_free frees what the structure holds. */
bool record_read(const record_type *type, const json *value, const char *where, void *into, failure *why);
void record_free(const record_type *type, void *record);

#endif
