/* What an index is, as JSON. */
#ifndef ANIMEGAN_DESCRIPTION_H
#define ANIMEGAN_DESCRIPTION_H

#include "common/json.h"
#include "index.h"
#include "part.h"

/* One of library_describe's indexes, under the name of its directory. */
void describe_index(json_writer *to, const ssim_index *index, const char *name, part served);

#endif
