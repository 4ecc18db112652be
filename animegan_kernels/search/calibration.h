/* How close unseen images come to one state of an index: verdict.py describes it. */
#ifndef ANIMEGAN_CALIBRATION_H
#define ANIMEGAN_CALIBRATION_H

#include <stdint.h>

#include "failure.h"

typedef struct {
    const double *maxima; /* the largest score of each held-out image, ascending */
    int64_t count;
} calibration;

/* They are finite, and ascend. */
bool calibration_is_sound(const calibration *of);
/* Conformal p-value of a picture's largest score, in (0, 1]. */
double calibration_p_value(const calibration *of, double best);
/* The score that pictures exceed whose p-value is at most the false-alarm rate; the rate must lie in (0, 1), and the
 * held-out images must be enough for it. */
bool calibration_threshold(const calibration *of, double rate, double *threshold, failure *why);
/* How many maxima are at least this. */
int64_t calibration_closer(const calibration *of, double score);

#endif
