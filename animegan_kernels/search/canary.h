/* A small question whose answer is known: an engine that gets it wrong cannot be trusted. */
#ifndef ANIMEGAN_CANARY_H
#define ANIMEGAN_CANARY_H

#include "engine.h"
#include "failure.h"

enum { CANARY_IMAGES = 3, CANARY_SIZE = 16, CANARY_CHANNELS = 3 };
enum { CANARY_BYTES = CANARY_SIZE * CANARY_SIZE * CANARY_CHANNELS };

/* Looks for the first of three pictures of noise among them: it finds itself, and nothing else is like it. The caller
 * frees the result with found_free. */
bool canary_sings(workers *threads, found *result, failure *why);

#endif
