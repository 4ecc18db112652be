/* Manifests of indexes and of their embeddings, as they are and with checksums that agree. */
#include <stdlib.h>
#include <string.h>

#include "search/copies.h"
#include "search/description.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void put(json_writer *to, const char *raw) { json_write_raw(to, raw, strlen(raw)); }

static void put_digest(json_writer *to, const json_writer *of) {
    char digest[SHA256_TEXT];
    sha256_of(of->text, of->length, digest);
    json_write_string(to, digest, strlen(digest));
}

/* Over what decides an answer, as manifest.c has it. */
static json_writer content_of(const json *root) {
    static const char *const names[] = {"definition", "shape", "shards", "sources"};
    json_writer content = {0};
    put(&content, "{");
    for (size_t i = 0; i < 4; i++) {
        const json *member = json_member(root, names[i]);
        if (i) put(&content, ",");
        json_write_string(&content, names[i], strlen(names[i]));
        put(&content, ":");
        if (member) json_write_sorted(&content, member, NULL);
    }
    put(&content, "}");
    return content;
}

/* The same manifest with a digest and a checksum that are right. */
static json_writer repaired(const json *root) {
    json_writer told = {0}, whole = {0}, content = content_of(root);
    const char *complaint;
    put(&told, "{\"digest\":");
    put_digest(&told, &content);
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
        put_digest(&told, &whole);
        put(&told, "}");
    }
    json_free(document);
    free(content.text), free(whole.text);
    return told;
}

static void try_index(const char *content, size_t bytes) {
    manifest read;
    failure why;
    if (!manifest_parse(&read, content, bytes, "manifest.json", &why)) return;
    ssim_index index = {.manifest = read};
    json_writer told = {0};
    describe_index(&told, &index, "some", (part){0, 1});
    free(told.text);
    manifest_free(&read);
}

static void try_copies(const char *content, size_t bytes) {
    copy_index copies;
    failure why;
    double threshold;
    if (copies_parse(&copies, content, bytes, "manifest.json", &why))
        calibration_threshold(&copies.calibration, 0.01, &threshold, &why);
    copies_free_record(&copies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    const char *complaint, *content = (const char *)data;
    try_index(content, bytes);
    try_copies(content, bytes);
    json_document *document = json_read(content, bytes, &complaint);
    if (document && json_root(document)->kind == JSON_OBJECT) {
        json_writer told = repaired(json_root(document));
        try_index(told.text, told.length);
        free(told.text);
    }
    json_free(document);
    return 0;
}
