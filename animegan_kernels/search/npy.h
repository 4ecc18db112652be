/* Headers of NumPy's .npy files, format versions 1 to 3, in the one form that NumPy writes. */
#ifndef ANIMEGAN_NPY_H
#define ANIMEGAN_NPY_H

#include <stddef.h>
#include <stdint.h>

enum { NPY_DIMENSIONS = 8, NPY_DESCR = 64 };

typedef struct {
    char descr[NPY_DESCR]; /* of the type, as it stands there: '<i8' with its quotes, or a list */
    int dimensions;
    int64_t shape[NPY_DIMENSIONS]; /* none is negative; their product fits an int64 */
    int64_t count;                 /* the product */
    size_t start;                  /* of the data in the file; divisible by 16 */
} npy_header;

/* NULL, or a constant complaint. Fortran's order is refused. */
const char *npy_read(const uint8_t *file, size_t bytes, npy_header *header);

#endif
