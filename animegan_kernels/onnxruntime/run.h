/* Requests through the graph, together, a few rows at a time. */
#ifndef ANIMEGAN_ORT_RUN_H
#define ANIMEGAN_ORT_RUN_H

#include "job.h"
#include "joined.h"

/* A part of an output: as many rows as one run took; belongs to `value`. */
typedef struct {
    OrtValue *value; /* NULL: nobody asked for it */
    const char *data;
    int64_t sizes[MOST_DIMENSIONS];
    size_t dimensions, bytes;
} result;

typedef struct {
    joined *inputs;     /* [inputs] */
    result *results;    /* [runs][outputs] */
    const char **names; /* of what is given, then of what is asked for */
    OrtValue **values;  /* for one run, as the names */
    size_t given, asked;
    size_t *places;     /* in the configuration, as the names */
    int64_t rows, rows_at_a_time;
    size_t runs;
} run;

/* Runs the graph for one or several requests. After an error, too, free it. */
TRITONSERVER_Error *run_jobs(run *r, const model *m, job *const *jobs, size_t count);
void run_free(run *r, const model *m);

#endif
