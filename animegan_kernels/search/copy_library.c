#include "copy_library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kept.h"
#include "library.h"

struct copy_library {
    char *folder;
    kept *embeddings;
};

static bool are_missing(text name, failure *why) {
    char called[QUOTED_ROOM];
    return fails(why, NOT_SERVED, "the images of the index %s are not embedded: `anime-gan copies index` does",
                 quoted(called, name));
}

static bool stamp_both(void *context, const char *name, stamp *now, failure *why) {
    static const char *const places[STAMPED] = {MANIFEST_FILE, COPIES_FOLDER "/" MANIFEST_FILE};
    const copy_library *l = context;
    for (int i = 0; i < STAMPED; i++) {
        char path[PATH_ROOM], inside[NAME_ROOM + 64];
        snprintf(inside, sizeof inside, "%s/%s", name, places[i]);
        if (!join_path(path, l->folder, inside) || !file_stamp_of(path, &now->files[i]))
            return are_missing((text){name, strlen(name)}, why);
    }
    return true;
}

static void *open_copies(void *context, const char *name, failure *why) {
    const copy_library *l = context;
    char path[PATH_ROOM];
    join_path(path, l->folder, name); /* it fits: the manifest below it did */
    return copies_open(path, why);
}

static void close_copies(void *copies) { copies_close(copies); }

static const keeping how = {stamp_both, open_copies, close_copies};

copy_library *copy_library_from_environment(failure *why) {
    const char *folder = getenv(INDEXES_VARIABLE);
    copy_library *l = calloc(1, sizeof *l);
    if (!l) return no_memory(why), NULL;
    *l = (copy_library){strdup(folder && *folder ? folder : "/dev/null"), kept_new(&how, l)};
    if (l->folder && l->embeddings) return l;
    copy_library_free(l);
    return no_memory(why), NULL;
}

void copy_library_free(copy_library *l) {
    if (!l) return;
    kept_free(l->embeddings);
    free(l->folder);
    free(l);
}

const copy_index *copy_library_take(copy_library *l, text name, failure *why) {
    char known[NAME_ROOM];
    if (is_name(name) && copies_text(known, sizeof known, name)) return kept_take(l->embeddings, known, why);
    return are_missing(name, why), NULL;
}

void copy_library_give_back(copy_library *l, const copy_index *copies) {
    kept_give_back(l->embeddings, (void *)(uintptr_t)copies);
}
