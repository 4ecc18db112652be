#include "repair.h"

#include <stdlib.h>
#include <string.h>

static void put(json_writer *to, const char *raw) { json_write_raw(to, raw, strlen(raw)); }

static void put_sum(json_writer *to, const json_writer *of, char sum[SHA256_TEXT]) {
    sha256_of(of->text, of->length, sum);
    json_write_string(to, sum, strlen(sum));
}

/* What decides an answer, as search/manifest.c has it. */
static json_writer content_of(const json *root) {
    static const char *const names[] = {"definition", "shape", "shards", "sources"};
    json_writer content = {0};
    put(&content, "{");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json *member = json_member(root, names[i]);
        if (i) put(&content, ",");
        json_write_string(&content, names[i], strlen(names[i]));
        put(&content, ":");
        if (member) json_write_sorted(&content, member, NULL);
    }
    put(&content, "}");
    return content;
}

json_writer repaired(const json *root, char digest[SHA256_TEXT]) {
    json_writer told = {0}, whole = {0}, content = content_of(root);
    const char *complaint;
    char checksum[SHA256_TEXT];
    put(&told, "{\"digest\":");
    put_sum(&told, &content, digest);
    for (const json *member = root->first; member; member = member->next) {
        if (!strcmp(member->name, "digest") || !strcmp(member->name, "checksum")) continue;
        put(&told, ",");
        json_write_string(&told, member->name, member->name_length);
        put(&told, ":");
        json_write_sorted(&told, member, NULL);
    }
    put(&told, "}");
    json_document *document = json_read(told.text, told.length, &complaint);
    if (document) {
        json_write_sorted(&whole, json_root(document), "checksum");
        told.length--;
        put(&told, ",\"checksum\":");
        put_sum(&told, &whole, checksum);
        put(&told, "}");
    }
    json_free(document);
    free(content.text), free(whole.text);
    return told;
}

void set_text(const json *string, const char *text) {
    json *changed = (json *)(uintptr_t)string;
    if (changed && changed->kind == JSON_STRING) changed->text = text, changed->length = strlen(text);
}

void set_integer(const json *number, int64_t value) {
    json *changed = (json *)(uintptr_t)number;
    if (changed && changed->kind == JSON_INTEGER) changed->integer = value;
}
