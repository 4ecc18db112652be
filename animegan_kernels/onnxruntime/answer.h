/* What requests get back. */
#ifndef ANIMEGAN_ORT_ANSWER_H
#define ANIMEGAN_ORT_ANSWER_H

#include "run.h"

/* Sends the outputs that were asked for, from row `first` of the run on. */
void answer(job *j, const model *m, const run *r, int64_t first);
/* Sends an error, and deletes it. */
void answer_error(job *j, TRITONSERVER_Error *error);
/* Where there is nobody left to tell but the log; NULL is no error. */
void log_and_delete(TRITONSERVER_Error *error);

#endif
