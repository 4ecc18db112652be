/* A Triton for one backend in one process (triton.c): what a test calls. */
#ifndef ANIMEGAN_FUZZ_TRITON_H
#define ANIMEGAN_FUZZ_TRITON_H

#include "common/triton.h"

enum { MESSAGE = 4096 };

/* NULL, and the message: the backend refuses. `config`: what its command line says, as JSON. */
TRITON_EXPORT void *fake_backend(const char *config, const char *folder, char message[MESSAGE]);
TRITON_EXPORT void fake_backend_end(TRITONBACKEND_Backend *b);
TRITON_EXPORT void *fake_model(TRITONBACKEND_Backend *b, const char *folder, uint64_t version, const char *config,
                               char message[MESSAGE]);
TRITON_EXPORT void fake_model_end(TRITONBACKEND_Model *m);

TRITON_EXPORT void *fake_request(bool cancelled, uint64_t room); /* room: bytes that an output can have at most */
TRITON_EXPORT void fake_input(TRITONBACKEND_Request *r, const char *name, int type, const int64_t *shape,
                              uint32_t dimensions, int memory);
/* A buffer of the newest input, `shift` bytes from where memory is aligned. */
TRITON_EXPORT void fake_piece(TRITONBACKEND_Request *r, const char *data, uint64_t bytes, uint32_t shift);
TRITON_EXPORT void fake_want(TRITONBACKEND_Request *r, const char *name);
TRITON_EXPORT void fake_execute(TRITONBACKEND_Model *m, TRITONBACKEND_Request **requests, uint32_t count);
/* -1: answered well, -2: not answered and released once each; else the error's code. */
TRITON_EXPORT int fake_outcome(const TRITONBACKEND_Request *r, char message[MESSAGE]);
TRITON_EXPORT const char *fake_output(const TRITONBACKEND_Request *r, const char *name, int *type, int64_t *shape,
                                      uint32_t *dimensions, uint64_t *bytes);
TRITON_EXPORT void fake_request_end(TRITONBACKEND_Request *r);
/* What was lent and not given back, and, since the last call: log lines, reports, batches, their rows. */
TRITON_EXPORT int fake_counts(int counts[4], char log[MESSAGE]);

#endif
