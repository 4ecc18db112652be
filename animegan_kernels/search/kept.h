/* What was opened below a folder, by name, until it changes there. Safe to share between threads. */
#ifndef ANIMEGAN_KEPT_H
#define ANIMEGAN_KEPT_H

#include <stdint.h>

#include "failure.h"

enum { NAME_ROOM = 256, STAMPED = 2 };

/* What changes when a file is replaced. */
typedef struct { int64_t device, inode, seconds, nanoseconds, bytes; } file_stamp;
typedef struct { file_stamp files[STAMPED]; } stamp;

/* False where there is no such file. */
bool file_stamp_of(const char *path, file_stamp *found);

typedef struct {
    bool (*stamp)(void *context, const char *name, stamp *now, failure *why); /* false: there is nothing of this name */
    void *(*open)(void *context, const char *name, failure *why);
    void (*close)(void *opened);
} keeping;

typedef struct kept kept;

kept *kept_new(const keeping *how, void *context); /* NULL: no memory */
void kept_free(kept *all);                         /* NULL is ignored; nothing may be in use */

/* What has this name, opened anew if its stamp is another one; it stays open until it was given back, whatever happens
 * to its files. A refusal is kept, too, so that it costs no second look at all bytes. NULL, and `why`: it is refused. */
void *kept_take(kept *all, const char *name, failure *why);
void kept_give_back(kept *all, void *opened);

#endif
