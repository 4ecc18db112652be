/* What a scan needs to know of a query: its pixels and five numbers for each window.
 *
 * Let m be the weighted sum of a window's values in the reference, less any whole number; g that of their products with
 * the query's values, less the query's rounded mean; u the reference's mean; v its spread: the weighted sum of squared
 * values less m^2 / W. W is the sum of the weights: 49 for `uniform7`, whose sums are whole numbers, and 1 for
 * `gaussian`. Then
 *
 *     SSIM of a window = 2 (slope u + C1) (g - mean m + c) / ((u^2 + power) (v + spread))
 *
 * with slope = 2 (the query's mean), power = (the query's mean)^2 + C1, mean that of the centred values, in two parts:
 * a whole number and the rest; spread = v of the query + W C2 / n and c = W C2 / (2 n), where n normalises the
 * covariance. Centring keeps the differences exact or small where an image is flat, so that float32 is enough; the
 * tables are computed in float64.
 */
#ifndef ANIMEGAN_TABLES_H
#define ANIMEGAN_TABLES_H

#include "definition.h"
#include "scan.h"

/* Fills pixels [C, H, W] and windows [C, down, across] of a query, uint8 [H, W, C]. -1: no memory. */
int fill_tables(const picture_shape *shape, const uint8_t *query, float *pixels, window_table *windows);
/* c */
double contrast_constant(const ssim_definition *definition);

#endif
