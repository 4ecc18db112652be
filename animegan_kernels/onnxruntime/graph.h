/* A loaded graph against its model's configuration. */
#ifndef ANIMEGAN_ORT_GRAPH_H
#define ANIMEGAN_ORT_GRAPH_H

#include "runtime.h"
#include "settings.h"

/* Refuses at load what would otherwise fail at every request: tensors that the graph lacks, tensors of other
 * types, and inputs that the graph needs and the configuration does not name. */
TRITONSERVER_Error *graph_check(const runtime *r, const OrtSession *session, const settings *s);

#endif
