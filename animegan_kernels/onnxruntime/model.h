/* One version of a model, which all its instances share. */
#ifndef ANIMEGAN_ORT_MODEL_H
#define ANIMEGAN_ORT_MODEL_H

#include "runtime.h"
#include "settings.h"

typedef struct {
    const runtime *runtime;
    settings settings;
    OrtSession *session; /* run by several threads at once */
} model;

/* Reads the version's configuration and graph, and refuses what would fail at every request. After an error
 * nothing is to be closed. */
TRITONSERVER_Error *model_open(model *m, const runtime *r, TRITONBACKEND_Model *served);
void model_close(model *m);

#endif
