#include "calibration.h"

#include <math.h>
#include <stdlib.h>

#include "common/json.h"

bool calibration_is_sound(const calibration *of) {
    for (int64_t i = 0; i < of->count; i++)
        if (!isfinite(of->maxima[i]) || (i && of->maxima[i] < of->maxima[i - 1])) return false;
    return true;
}

int64_t calibration_closer(const calibration *of, double score) {
    int64_t low = 0, high = of->count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (of->maxima[middle] < score) low = middle + 1;
        else high = middle;
    }
    return of->count - low;
}

double calibration_p_value(const calibration *of, double best) {
    return (double)(1 + calibration_closer(of, best)) / (double)(of->count + 1);
}

/* The largest m whose p-value m / (n + 1) is at most the rate. */
static int64_t rank_of(const calibration *of, double rate) {
    int64_t low = 0, high = of->count;
    while (low < high) {
        const int64_t middle = high - (high - low) / 2;
        if ((double)middle / (double)(of->count + 1) <= rate) low = middle;
        else high = middle - 1;
    }
    return low;
}

/* As Python writes a float. */
static bool refuse_rate(double rate, failure *why) {
    json_writer told = {0};
    if (isfinite(rate)) json_write_real(&told, rate);
    const char *other = isnan(rate) ? "nan" : rate > 0 ? "inf" : "-inf";
    fails(why, MISFIT, "false_alarm_rate must lie between 0 and 1, got %.*s", told.text ? (int)told.length : 4,
          told.text ? told.text : other);
    free(told.text);
    return false;
}

bool calibration_threshold(const calibration *of, double rate, double *threshold, failure *why) {
    if (!(rate > 0 && rate < 1)) return refuse_rate(rate, why);
    const int64_t rank = rank_of(of, rate);
    if (!rank)
        return fails(why, MISFIT,
                     "%lld held-out images cannot carry a false-alarm rate of %g: ask for %.2g or more, or calibrate with "
                     "more images", (long long)of->count, rate, 1 / (double)(of->count + 1));
    *threshold = of->maxima[of->count - rank];
    return true;
}
