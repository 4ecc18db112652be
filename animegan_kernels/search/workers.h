/* Threads that share loops. */
#ifndef ANIMEGAN_WORKERS_H
#define ANIMEGAN_WORKERS_H

#include <stdint.h>

typedef struct workers workers;

/* So many threads at a loop, its caller among them; 0: as many as this process may use cores. NULL: no memory. */
workers *workers_start(int threads);
void workers_stop(workers *workers); /* NULL is ignored; no loop may be running */
int workers_threads(const workers *workers);
/* Runs body(data, i) for every i below count, in any order; returns when all are done. Loops of several callers at
 * a time, and loops within loops, share the threads. */
void workers_loop(workers *workers, void (*body)(void *data, int64_t i), void *data, int64_t count);

#endif
