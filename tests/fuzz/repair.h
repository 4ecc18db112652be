/* Manifests whose checksums agree, whatever else is wrong with them: or no change would get past the first check. */
#ifndef ANIMEGAN_FUZZ_REPAIR_H
#define ANIMEGAN_FUZZ_REPAIR_H

#include "common/json.h"
#include "common/sha256.h"

/* A manifest of an index with the digest and the checksum that it should have; `digest`: the former. Free the text. */
json_writer repaired(const json *root, char digest[SHA256_TEXT]);

/* Changes what was read; the text must live as long as the document. What is of another kind stays. */
void set_text(const json *string, const char *text);
void set_integer(const json *number, int64_t value);

#endif
