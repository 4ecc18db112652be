#include "description.h"

#include <string.h>

static void put(json_writer *to, const char *raw) { json_write_raw(to, raw, strlen(raw)); }

/* `"name": `, behind a comma where `first` is false. */
static void put_name(json_writer *to, const char *name, bool first) {
    put(to, first ? "\"" : ", \"");
    put(to, name);
    put(to, "\": ");
}

static void put_text(json_writer *to, const char *name, const char *value, size_t length, bool first) {
    put_name(to, name, first);
    json_write_string(to, value, length);
}

static void put_json(json_writer *to, const char *name, const json *string, bool first) {
    put_text(to, name, string->text, string->length, first);
}

static void put_integer(json_writer *to, const char *name, int64_t value) {
    put_name(to, name, false);
    json_write_integer(to, value);
}

static void put_shape(json_writer *to, const int64_t shape[3]) {
    put_name(to, "shape", false);
    for (int i = 0; i < 3; i++) {
        put(to, i ? ", " : "[");
        json_write_integer(to, shape[i]);
    }
    put(to, "]");
}

static void put_sources(json_writer *to, const record_list *list) {
    const source_record *sources = list->items;
    put_name(to, "sources", false);
    for (size_t i = 0; i < list->count; i++) {
        put(to, i ? ", {" : "[{");
        put_json(to, "name", sources[i].name, true);
        put_json(to, "digest", sources[i].digest, false);
        put_json(to, "licence", sources[i].licence, false);
        put_integer(to, "first_id", sources[i].first_id);
        put_integer(to, "count", sources[i].count);
        put(to, "}");
    }
    put(to, "]");
}

static void put_shards(json_writer *to, const ssim_index *index, part served) {
    put_name(to, "shards", false);
    for (size_t i = 0; i < index->shard_count; i++) {
        const shard *s = &index->shards[i];
        put(to, i ? ", {" : "[{");
        put_json(to, "name", s->record->name, true);
        put_integer(to, "first", s->first);
        put_integer(to, "count", s->record->count);
        put_integer(to, "alive", s->alive_count);
        put_name(to, "served", false);
        put(to, part_holds(served, i) ? "true}" : "false}");
    }
    put(to, "]");
}

static void put_calibration(json_writer *to, const ssim_index *index) {
    const calibration *c = &index->calibration;
    put_name(to, "calibration", false);
    if (!manifest_is_calibrated(&index->manifest)) {
        put(to, "null");
        return;
    }
    const calibration_record *record = index->manifest.calibration;
    put(to, "{\"maxima\": [");
    for (int64_t i = 0; i < c->count; i++) {
        if (i) put(to, ", ");
        json_write_real(to, c->maxima[i]);
    }
    put(to, "]");
    put_json(to, "index_digest", record->index_digest, false);
    put_json(to, "heldout_name", record->heldout.name, false);
    put_json(to, "heldout_digest", record->heldout.digest, false);
    put_integer(to, "identical", calibration_closer(c, 1));
    put(to, "}");
}

void describe_index(json_writer *to, const ssim_index *index, const char *name, part served) {
    const manifest *m = &index->manifest;
    put(to, "{");
    put_text(to, "name", name, strlen(name), true);
    put_json(to, "definition", m->definition_name, false);
    put_shape(to, m->shape);
    put_integer(to, "count", index->count);
    put_text(to, "digest", m->digest, strlen(m->digest), false);
    put_sources(to, &m->sources);
    put_shards(to, index, served);
    put_calibration(to, index);
    put(to, "}");
}
