/* What a manifest must be beyond its types. */
#include <stdlib.h>
#include <string.h>

#include "manifest.h"

enum { MOST_VALUES = 1 << 27 };

text text_of(const json *string) { return (text){string->text, string->length}; }

bool is_text(const json *string, const char *wanted) {
    return string->length == strlen(wanted) && !memcmp(string->text, wanted, string->length);
}

static bool is_small(char c) { return c >= 'a' && c <= 'z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name(text name) {
    if (!name.length || name.length > 63 || !(is_small(name.at[0]) || is_digit(name.at[0]))) return false;
    for (size_t i = 1; i < name.length; i++) {
        const char c = name.at[i];
        if (!is_small(c) && !is_digit(c) && c != '.' && c != '_' && c != '-') return false;
    }
    return true;
}

/* [a-z]+-[a-z0-9-]+\.npy */
static bool is_file_name(text name) {
    static const char ending[] = ".npy";
    const size_t tail = sizeof ending - 1;
    size_t i = 0;
    if (name.length > 255 || name.length < tail || memcmp(name.at + name.length - tail, ending, tail)) return false;
    const size_t end = name.length - tail;
    while (i < end && is_small(name.at[i])) i++;
    if (!i || i + 1 >= end || name.at[i] != '-') return false;
    while (i < end && (is_small(name.at[i]) || is_digit(name.at[i]) || name.at[i] == '-')) i++;
    return i == end;
}

static bool list_files(manifest *m, failure *why) {
    const calibration_record *calibrated = m->calibration;
    const shard_record *shards = m->shards.items;
    const size_t most = 3 * m->shards.count + (calibrated ? 1 + calibrated->nearest.count : 0);
    if (!(m->files = calloc(most + 1, sizeof *m->files))) return no_memory(why);
    for (size_t i = 0; i < m->shards.count; i++) {
        m->files[m->file_count++] = &shards[i].tiles;
        m->files[m->file_count++] = &shards[i].ids;
        if (shards[i].dead) m->files[m->file_count++] = shards[i].dead;
    }
    if (!calibrated) return true;
    m->files[m->file_count++] = &calibrated->heldout.images;
    const file_record *nearest = calibrated->nearest.items;
    for (size_t i = 0; i < calibrated->nearest.count; i++) m->files[m->file_count++] = &nearest[i];
    return true;
}

static bool check_files(const manifest *m, failure *why) {
    char name[QUOTED_ROOM];
    for (size_t i = 0; i < m->file_count; i++)
        if (!is_file_name(text_of(m->files[i]->name)))
            return fails(why, DAMAGED, "manifest names files that no index has: %s",
                         quoted(name, text_of(m->files[i]->name)));
    return true;
}

static bool check_shape(const manifest *m, failure *why) {
    const int64_t *shape = m->shape, smaller = shape[0] < shape[1] ? shape[0] : shape[1];
    int64_t values;
    const char *trouble = NULL;
    if (smaller < m->definition->window || shape[2] < 1) trouble = "small";
    else if (__builtin_mul_overflow(shape[0], shape[1], &values) || __builtin_mul_overflow(values, shape[2], &values) ||
             values > MOST_VALUES) trouble = "large";
    return !trouble || fails(why, DAMAGED, "manifest.shape is too %s for %s: (%lld, %lld, %lld)", trouble,
                             m->definition->name, (long long)shape[0], (long long)shape[1], (long long)shape[2]);
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(const shard_record *const *)a)->name->text, (*(const shard_record *const *)b)->name->text);
}

static bool names_differ(const manifest *m, failure *why) {
    const shard_record *shards = m->shards.items, **sorted = malloc((m->shards.count + 1) * sizeof *sorted);
    bool differ = true;
    if (!sorted) return no_memory(why);
    for (size_t i = 0; i < m->shards.count; i++) sorted[i] = &shards[i];
    qsort(sorted, m->shards.count, sizeof *sorted, by_name);
    for (size_t i = 1; i < m->shards.count; i++) differ = differ && by_name(&sorted[i - 1], &sorted[i]);
    free(sorted);
    return differ || fails(why, DAMAGED, "manifest.shards must have names of their own");
}

static bool check_shards(const manifest *m, failure *why) {
    char name[QUOTED_ROOM];
    const shard_record *shards = m->shards.items;
    if (!m->shards.count) return fails(why, DAMAGED, "manifest.shards must not be empty");
    for (size_t i = 0; i < m->shards.count; i++) {
        if (!is_name(text_of(shards[i].name)))
            return fails(why, DAMAGED, "manifest.shards[%zu].name is not a name: %s", i,
                         quoted(name, text_of(shards[i].name)));
        if (shards[i].count < 1) return fails(why, DAMAGED, "manifest.shards must hold images");
    }
    return names_differ(m, why);
}

bool manifest_check(manifest *m, failure *why) {
    char name[QUOTED_ROOM];
    const bool whole = !memchr(m->definition_name->text, 0, m->definition_name->length);
    m->definition = whole ? definition_called(m->definition_name->text) : NULL;
    if (!m->definition)
        return fails(why, DAMAGED, "no SSIM is called %s", quoted(name, text_of(m->definition_name)));
    if (!is_name(text_of(m->name)))
        return fails(why, DAMAGED, "manifest.name is not a name: %s", quoted(name, text_of(m->name)));
    if (!check_shape(m, why) || !list_files(m, why) || !check_files(m, why)) return false;
    if (!m->sources.count) return fails(why, DAMAGED, "manifest.sources must not be empty");
    if (!check_shards(m, why)) return false;
    if (m->calibration && m->calibration->nearest.count > m->shards.count)
        return fails(why, DAMAGED, "manifest.calibration.nearest knows more shards than there are");
    return true;
}
