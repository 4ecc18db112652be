#include "part.h"

#include <string.h>

/* One to six digits. */
static bool read_number(const char **at, int64_t *number) {
    const char *begin = *at;
    for (*number = 0; **at >= '0' && **at <= '9' && *at - begin < 6; ++*at) *number = 10 * *number + (**at - '0');
    return *at > begin;
}

bool part_read(const char *from, part *into, failure *why) {
    char whole[QUOTED_ROOM];
    const char *at = from;
    *into = (part){0, 1};
    if (!*from) return true;
    const bool well = read_number(&at, &into->place) && *at++ == '/' && read_number(&at, &into->parts) && !*at;
    return (well && into->place < into->parts) ||
           fails(why, MISFIT, "%s is not i/n with i from 0 to n - 1, such as 0/2",
                 quoted(whole, (text){from, strlen(from)}));
}

bool part_holds(part of, size_t place) { return (int64_t)(place % (size_t)of.parts) == of.place; }
