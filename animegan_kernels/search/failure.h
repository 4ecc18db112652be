/* Why something cannot be done, as those who asked are told. */
#ifndef ANIMEGAN_FAILURE_H
#define ANIMEGAN_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    NO_FAILURE,
    NOT_SERVED,  /* there is no such index, shard or image here */
    REFUSED,     /* an index is none, or of another version */
    DAMAGED,     /* files are missing, cut short, changed, or contradict each other */
    MISFIT,      /* the question makes no sense */
    STALE,       /* what came with the question belongs to another state of the index */
    NO_MEMORY,
    BROKEN,      /* the program itself is wrong */
    CANCELLED    /* nobody waits for the answer any more */
} failure_kind;

enum { FAILURE_TEXT = 2048 };

typedef struct {
    failure_kind kind;
    char text[FAILURE_TEXT]; /* UTF-8; cut where it is too long */
} failure;

/* Notes it down; false, so that `return fails(...)` reads well. The format is printf's. */
bool fails(failure *why, failure_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool no_memory(failure *why);

/* Text that need not end in a 0, and may hold some. */
typedef struct {
    const char *at;
    size_t length;
} text;

/* Copies it, with a 0 behind it; false where there is no room, or a 0 in it. */
bool copies_text(char *to, size_t room, text from);
/* The text in quotes as Python's repr gives it, cut to QUOTED characters; for messages. */
enum { QUOTED = 200, QUOTED_ROOM = 4 * QUOTED + 3 };
const char *quoted(char to[QUOTED_ROOM], text from);

#endif
