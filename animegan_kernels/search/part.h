/* Which shards of an index a server serves: part i of n takes the shards i, i + n, i + 2n, ... */
#ifndef ANIMEGAN_PART_H
#define ANIMEGAN_PART_H

#include <stdint.h>

#include "failure.h"

/* Number `place` of `parts` servers. */
typedef struct { int64_t place, parts; } part;

/* Reads "i/n", such as "0/2"; "" is everything. */
bool part_read(const char *from, part *into, failure *why);
bool part_holds(part of, size_t place);

#endif
