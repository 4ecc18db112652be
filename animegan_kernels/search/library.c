#include "library.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "description.h"
#include "kept.h"

struct library {
    char *folder;
    part served;
    bool verify;
    workers *threads;
    kept *indexes;
};

/* ---- opening ------------------------------------------------------------------------------------ */

static bool stamp_index(void *context, const char *name, stamp *now, failure *why) {
    const library *l = context;
    char path[PATH_ROOM], called[QUOTED_ROOM], inside[NAME_ROOM + sizeof MANIFEST_FILE];
    snprintf(inside, sizeof inside, "%s/%s", name, MANIFEST_FILE);
    return (join_path(path, l->folder, inside) && file_stamp_of(path, &now->files[0])) ||
           fails(why, NOT_SERVED, "there is no index %s here", quoted(called, (text){name, strlen(name)}));
}

static bool put_description(const library *l, ssim_index *index, const char *name, failure *why) {
    json_writer told = {0};
    describe_index(&told, index, name, l->served);
    json_write_raw(&told, "", 1);
    index->description = told.text;
    return !told.failed || no_memory(why);
}

static void *open_index(void *context, const char *name, failure *why) {
    const library *l = context;
    char path[PATH_ROOM];
    join_path(path, l->folder, name); /* it fits: the manifest below it did */
    ssim_index *index = index_open(path, l->verify, l->threads, why);
    if (!index || put_description(l, index, name, why)) return index;
    index_close(index);
    return NULL;
}

static void close_index(void *index) { index_close(index); }

static const keeping how = {stamp_index, open_index, close_index};

library *library_new(const char *folder, part served, bool verify, workers *threads, failure *why) {
    library *l = calloc(1, sizeof *l);
    if (!l) return no_memory(why), NULL;
    *l = (library){strdup(folder), served, verify, threads, kept_new(&how, l)};
    if (l->folder && l->indexes) return l;
    library_free(l);
    return no_memory(why), NULL;
}

library *library_from_environment(bool verify, workers *threads, failure *why) {
    const char *folder = getenv(INDEXES_VARIABLE), *shards = getenv(SHARDS_VARIABLE);
    part served;
    if (!part_read(shards ? shards : "", &served, why)) return NULL;
    return library_new(folder && *folder ? folder : "/dev/null", served, verify, threads, why);
}

void library_free(library *l) {
    if (!l) return;
    kept_free(l->indexes);
    free(l->folder);
    free(l);
}

/* ---- asking ------------------------------------------------------------------------------------- */

const ssim_index *library_index(library *l, text name, failure *why) {
    char known[NAME_ROOM], called[QUOTED_ROOM];
    const bool fits = name.length && copies_text(known, sizeof known, name);
    if (fits && strcmp(known, ".") && strcmp(known, "..") && !strchr(known, '/'))
        return kept_take(l->indexes, known, why);
    return fails(why, NOT_SERVED, "there is no index %s here", quoted(called, name)), NULL;
}

static const shard *find_shard(const library *l, const ssim_index *index, text name) {
    for (size_t i = 0; i < index->shard_count; i++) {
        const text other = text_of(index->shards[i].record->name);
        const bool same = other.length == name.length && !memcmp(other.at, name.at, name.length);
        if (same && part_holds(l->served, i)) return &index->shards[i];
    }
    return NULL;
}

const ssim_index *library_shard(library *l, text name, const shard **one, failure *why) {
    const char *slash = name.length ? memchr(name.at, '/', name.length) : NULL;
    const size_t length = slash ? (size_t)(slash - name.at) : name.length, rest = slash ? length + 1 : length;
    const ssim_index *index = library_index(l, (text){name.at, length}, why);
    if (!index) return NULL;
    const text shard_name = {name.at + rest, name.length - rest};
    *one = find_shard(l, index, shard_name);
    if (*one && index_is_whole(index, *one, why)) return index;
    if (!*one)
        fails(why, NOT_SERVED, "the shard '%.*s/%.*s' is not served here", (int)length, name.at,
              (int)(shard_name.length < QUOTED ? shard_name.length : QUOTED), shard_name.at);
    library_give_back(l, index);
    return NULL;
}

void library_give_back(library *l, const ssim_index *index) { kept_give_back(l->indexes, (void *)(uintptr_t)index); }

/* ---- all of them -------------------------------------------------------------------------------- */

typedef struct { char **names; size_t count, room; } name_list;

static bool add_name(name_list *list, const char *name) {
    if (list->count == list->room) {
        const size_t room = 2 * list->room + 16;
        char **larger = realloc(list->names, room * sizeof *larger);
        if (!larger) return false;
        list->names = larger, list->room = room;
    }
    return (list->names[list->count] = strdup(name)) && ++list->count;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static void free_names(name_list *list) {
    while (list->count) free(list->names[--list->count]);
    free(list->names);
}

/* The directories that hold a manifest, sorted. */
static bool list_names(library *l, name_list *list, failure *why) {
    DIR *folder = opendir(l->folder);
    bool well = true;
    for (const struct dirent *item; well && folder && (item = readdir(folder));) {
        stamp now;
        failure none;
        if (strcmp(item->d_name, ".") && strcmp(item->d_name, "..") && stamp_index(l, item->d_name, &now, &none))
            well = add_name(list, item->d_name);
    }
    if (folder) closedir(folder);
    if (!well) return free_names(list), no_memory(why);
    if (list->count) qsort(list->names, list->count, sizeof *list->names, by_text);
    return true;
}

bool library_load(library *l, void (*refused)(const char *name, const failure *why), failure *why) {
    name_list list = {0};
    if (!list_names(l, &list, why)) return false;
    for (size_t i = 0; i < list.count; i++) {
        failure refusal;
        const ssim_index *index = library_index(l, (text){list.names[i], strlen(list.names[i])}, &refusal);
        if (index) library_give_back(l, index);
        else refused(list.names[i], &refusal);
    }
    free_names(&list);
    return true;
}

/* Adds an index to one of the lists; one that was removed since it was listed to none. */
static void add_description(library *l, const char *name, json_writer *indexes, json_writer *refused) {
    failure why;
    const ssim_index *index = library_index(l, (text){name, strlen(name)}, &why);
    if (index) {
        if (indexes->length) json_write_raw(indexes, ", ", 2);
        json_write_raw(indexes, index->description, strlen(index->description));
        library_give_back(l, index);
    } else if (why.kind != NOT_SERVED) {
        if (refused->length) json_write_raw(refused, ", ", 2);
        json_write_string(refused, name, strlen(name));
        json_write_raw(refused, ": ", 2);
        json_write_string(refused, why.text, strlen(why.text));
    }
}

bool library_describe(library *l, json_writer *to, failure *why) {
    name_list list = {0};
    json_writer indexes = {0}, refused = {0};
    if (!list_names(l, &list, why)) return false;
    for (size_t i = 0; i < list.count; i++) add_description(l, list.names[i], &indexes, &refused);
    json_write_raw(to, "{\"indexes\": [", 13);
    json_write_raw(to, indexes.text, indexes.length);
    json_write_raw(to, "], \"refused\": {", 15);
    json_write_raw(to, refused.text, refused.length);
    json_write_raw(to, "}}", 2);
    const bool well = !to->failed && !indexes.failed && !refused.failed;
    free(indexes.text), free(refused.text);
    free_names(&list);
    return well || no_memory(why);
}
