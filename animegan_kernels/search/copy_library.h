/* The embeddings of all indexes in a folder, as they are now: what a server of searches opens. */
#ifndef ANIMEGAN_COPY_LIBRARY_H
#define ANIMEGAN_COPY_LIBRARY_H

#include "copies.h"

typedef struct copy_library copy_library;

/* Of $ANIMEGAN_INDEXES; nothing is opened yet. */
copy_library *copy_library_from_environment(failure *why);
void copy_library_free(copy_library *library); /* NULL is ignored; nothing may be in use */

/* The embeddings of the index of this name, opened anew if they have changed; the caller gives them back. Both manifests
 * of an index are replaced atomically by whoever changes it, so two `stat` tell whether they have. */
const copy_index *copy_library_take(copy_library *library, text name, failure *why);
void copy_library_give_back(copy_library *library, const copy_index *copies);

#endif
