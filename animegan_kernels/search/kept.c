#include "kept.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct entry {
    struct entry *next;
    char name[NAME_ROOM];
    stamp stamp;
    void *opened; /* NULL: refused */
    failure refusal;
    int uses;
    bool outdated; /* it is closed when nobody uses it any more */
} entry;

struct kept {
    const keeping *how;
    void *context;
    pthread_mutex_t lock;
    entry *entries;
};

bool file_stamp_of(const char *path, file_stamp *found) {
    struct stat status;
    if (stat(path, &status)) return false;
    *found = (file_stamp){(int64_t)status.st_dev, (int64_t)status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                          status.st_size};
    return true;
}

kept *kept_new(const keeping *how, void *context) {
    kept *all = calloc(1, sizeof *all);
    if (!all) return NULL;
    all->how = how, all->context = context;
    if (!pthread_mutex_init(&all->lock, NULL)) return all;
    free(all);
    return NULL;
}

static void drop(kept *all, entry **place) {
    entry *e = *place;
    *place = e->next;
    if (e->opened) all->how->close(e->opened);
    free(e);
}

void kept_free(kept *all) {
    if (!all) return;
    while (all->entries) drop(all, &all->entries);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static void forget(kept *all, entry **place) {
    if ((*place)->uses) (*place)->outdated = true;
    else drop(all, place);
}

/* Where the current entry of this name is, or the end of the list. */
static entry **find(kept *all, const char *name) {
    entry **place = &all->entries;
    while (*place && ((*place)->outdated || strcmp((*place)->name, name))) place = &(*place)->next;
    return place;
}

static entry *open_new(kept *all, const char *name, const stamp *now, failure *why) {
    entry *e = calloc(1, sizeof *e);
    if (!e) return no_memory(why), NULL;
    memcpy(e->name, name, strlen(name) + 1); /* it fits: kept_take asks */
    e->stamp = *now;
    e->opened = all->how->open(all->context, name, &e->refusal);
    if (!e->opened && e->refusal.kind == NO_MEMORY) { /* which is no property of the files */
        *why = e->refusal;
        free(e);
        return NULL;
    }
    e->next = all->entries;
    return all->entries = e;
}

static void *take(kept *all, const char *name, failure *why) {
    stamp now;
    memset(&now, 0, sizeof now);
    const bool there = all->how->stamp(all->context, name, &now, why);
    entry **place = find(all, name), *e = *place;
    if (e && (!there || memcmp(&e->stamp, &now, sizeof now))) forget(all, place), e = NULL;
    if (!there || (!e && !(e = open_new(all, name, &now, why)))) return NULL;
    if (!e->opened) return *why = e->refusal, NULL;
    e->uses++;
    return e->opened;
}

void *kept_take(kept *all, const char *name, failure *why) {
    if (strlen(name) >= NAME_ROOM) return fails(why, BROKEN, "a name is too long to be kept"), NULL;
    pthread_mutex_lock(&all->lock);
    void *opened = take(all, name, why);
    pthread_mutex_unlock(&all->lock);
    return opened;
}

void kept_give_back(kept *all, void *opened) {
    pthread_mutex_lock(&all->lock);
    entry **place = &all->entries;
    while ((*place)->opened != opened) place = &(*place)->next;
    if (!--(*place)->uses && (*place)->outdated) drop(all, place);
    pthread_mutex_unlock(&all->lock);
}
