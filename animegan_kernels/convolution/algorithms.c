/* The algorithms, compiled once for each instruction set. */
#include "strided.h"
#include "winograd.h"

static int64_t lines(const pictures *p) { return p->count * p->height; }
static int64_t half_the_lines(const pictures *p) { return p->count * (p->height / STRIDE); }
static int64_t one_line(const convolution *c) { (void)c; return 1; }
static size_t no_bytes(const convolution *c) { (void)c; return 0; }

static const algorithm all_algorithms[ALGORITHMS] = {
    [WINOGRAD_3X3] = {prepare_3x3, count_tiles, tiles_together, workspace_bytes, compute_3x3},
    [HALVING_2X2] = {prepare_halving, half_the_lines, one_line, no_bytes, compute_halving},
    [DOUBLING_2X2] = {prepare_doubling, lines, one_line, no_bytes, compute_doubling},
};

const algorithm *NAME(algorithms)(void) { return all_algorithms; }
