/* What a request asks of ssim_search. */
#ifndef ANIMEGAN_QUESTION_H
#define ANIMEGAN_QUESTION_H

#include "index.h"
#include "request.h"

enum { QUERY, K, SHARD, ALL_SCORES, SCORES, SCORED, QUESTION_INPUTS };

typedef struct {
    request *from;
    tensor inputs[QUESTION_INPUTS];
    text shard;     /* "<index>/<shard>"; empty: the canary */
    int32_t k;      /* how many of the nearest */
    bool every;     /* whether all scores are answered, too */
    bool scanned;   /* whether its scores are given, from a scan done elsewhere ... */
    text scored;    /* ... of the tiles file with this sha256 */
    bool answered;
} question;

/* Reads the request's inputs; question_free frees what it holds, whether this succeeds or not. */
bool question_read(question *into, request *from);
void question_free(question *held);
/* Whether it can be asked of a shard. */
bool question_fits(const question *asked, const ssim_index *index, const shard *of);
/* Number of pictures. */
int64_t question_rows(const question *asked);

/* Writes the outputs: for picture i what results[i * step] holds. ids: of the shard's rows. */
bool question_answer(const question *asked, const found *results, int64_t step, int64_t shard_count, const int64_t *ids,
                     int64_t k, const char *digest);

#endif
