#include "records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 256 }; /* of a value, for messages; cut where it is longer */

/* What Python calls it. */
static const char *kind_of(const json *value) {
    static const char *const names[] = {"NoneType", "bool", "int", "float", "str", "list", "dict"};
    return names[value->kind];
}

static bool is_other(const json *value, const char *where, const char *wanted, failure *why) {
    return fails(why, DAMAGED, "%s must be %s, got %s", where, wanted, kind_of(value));
}

static void put_item(char to[PATH], const char *where, size_t place) {
    snprintf(to, PATH, "%.200s[%zu]", where, place);
}

/* ---- fields missing or unknown ------------------------------------------------------------------ */

static bool is_besides(const record_type *type, const json *member) {
    for (const char *const *name = type->besides; name && *name; name++)
        if (strlen(*name) == member->name_length && !memcmp(*name, member->name, member->name_length)) return true;
    return false;
}

static bool is_field(const record_type *type, const json *member) {
    for (size_t i = 0; i < type->count; i++)
        if (strlen(type->fields[i].name) == member->name_length &&
            !memcmp(type->fields[i].name, member->name, member->name_length))
            return true;
    return false;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static bool complain_of_fields(const char **names, size_t count, const char *where, failure *why) {
    char list[512] = "";
    size_t length = 0;
    qsort(names, count, sizeof *names, by_text);
    for (size_t i = 0; i < count && length < sizeof list; i++)
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", i ? ", " : "", names[i]);
    return fails(why, DAMAGED, "%s has fields missing or unknown: %s", where, list);
}

static bool has_its_fields(const record_type *type, const json *object, const char *where, failure *why) {
    const char **wrong = malloc((type->count + object->count) * sizeof *wrong);
    size_t count = 0;
    if (!wrong) return no_memory(why);
    for (size_t i = 0; i < type->count; i++)
        if (!json_member(object, type->fields[i].name)) wrong[count++] = type->fields[i].name;
    for (const json *member = object->first; member; member = member->next)
        if (!is_field(type, member) && !is_besides(type, member)) wrong[count++] = member->name;
    const bool well = !count || complain_of_fields(wrong, count, where, why);
    free(wrong);
    return well;
}

/* ---- values ------------------------------------------------------------------------------------- */

static bool read_integers(const json *value, size_t count, const char *where, int64_t *into, failure *why) {
    char item_where[PATH];
    if (value->kind != JSON_ARRAY) return is_other(value, where, "a list", why);
    if (value->count != count) return fails(why, DAMAGED, "%s must have %zu items, got %zu", where, count, value->count);
    size_t place = 0;
    for (const json *item = value->first; item; item = item->next, place++) {
        put_item(item_where, where, place);
        if (item->kind != JSON_INTEGER) return is_other(item, item_where, "int", why);
        into[place] = item->integer;
    }
    return true;
}

/* Room for a list's items, zeros at first. */
static bool make_list(const json *value, size_t bytes, const char *where, record_list *list, failure *why) {
    if (value->kind != JSON_ARRAY) return is_other(value, where, "a list", why);
    if (!(list->items = calloc(value->count + 1, bytes))) return no_memory(why);
    return true;
}

static bool read_reals(const json *value, const char *where, record_list *list, failure *why) {
    if (!make_list(value, sizeof(double), where, list, why)) return false;
    for (const json *item = value->first; item; item = item->next) {
        if (item->kind != JSON_INTEGER && item->kind != JSON_REAL) return is_other(item, where, "a list of float", why);
        ((double *)list->items)[list->count++] = item->real;
    }
    return true;
}

static bool read_records(const record_type *of, const json *value, const char *where, record_list *list, failure *why) {
    char item_where[PATH];
    if (!make_list(value, of->bytes, where, list, why)) return false;
    for (const json *item = value->first; item; item = item->next) {
        put_item(item_where, where, list->count);
        if (!record_read(of, item, item_where, (char *)list->items + list->count++ * of->bytes, why)) return false;
    }
    return true;
}

static bool read_optional(const record_type *of, const json *value, const char *where, void **into, failure *why) {
    if (value->kind == JSON_NULL) return true;
    if (!(*into = calloc(1, of->bytes))) return no_memory(why);
    return record_read(of, value, where, *into, why);
}

static bool read_field(const record_field *field, const json *value, const char *where, void *place, failure *why) {
    switch (field->kind) {
    case FIELD_TEXT:
        *(const json **)place = value;
        return value->kind == JSON_STRING || is_other(value, where, "str", why);
    case FIELD_OBJECT:
        *(const json **)place = value;
        return value->kind == JSON_OBJECT || is_other(value, where, "an object", why);
    case FIELD_INTEGER:
        *(int64_t *)place = value->integer;
        return value->kind == JSON_INTEGER || is_other(value, where, "int", why);
    case FIELD_INTEGERS: return read_integers(value, field->count, where, place, why);
    case FIELD_REALS: return read_reals(value, where, place, why);
    case FIELD_RECORD: return record_read(field->of, value, where, place, why);
    case FIELD_OPTIONAL: return read_optional(field->of, value, where, place, why);
    case FIELD_RECORDS: return read_records(field->of, value, where, place, why);
    }
    return false;
}

bool record_read(const record_type *type, const json *value, const char *where, void *into, failure *why) {
    char field_where[PATH];
    if (value->kind != JSON_OBJECT) return is_other(value, where, "an object", why);
    if (!has_its_fields(type, value, where, why)) return false;
    for (size_t i = 0; i < type->count; i++) {
        const record_field *field = &type->fields[i];
        snprintf(field_where, sizeof field_where, "%.200s.%.50s", where, field->name);
        if (!read_field(field, json_member(value, field->name), field_where, (char *)into + field->offset, why))
            return false;
    }
    return true;
}

static void free_list(const record_type *of, record_list *list) {
    for (size_t i = 0; of && i < list->count; i++) record_free(of, (char *)list->items + i * of->bytes);
    free(list->items);
    *list = (record_list){0};
}

void record_free(const record_type *type, void *record) {
    for (size_t i = 0; i < type->count; i++) {
        const record_field *field = &type->fields[i];
        void *place = (char *)record + field->offset;
        if (field->kind == FIELD_RECORD) record_free(field->of, place);
        if (field->kind == FIELD_RECORDS || field->kind == FIELD_REALS) free_list(field->of, place);
        if (field->kind == FIELD_OPTIONAL && *(void **)place) {
            record_free(field->of, *(void **)place);
            free(*(void **)place);
            *(void **)place = NULL;
        }
    }
}
