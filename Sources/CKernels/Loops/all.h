// All loops and their table, for the file that includes this one: it defines LANES, the floats of a
// vector, NAME and, with that name, NAS_LOOPS. With PAIRED there are products of bfloat16 numbers too;
// PLUS_PAIRS is then the processor's own instruction for them, if it has one.

#include "vector.h"

#include "depthwise.h"
#include "multiply.h"
#include "planar.h"
#include "stream.h"
#include "winograd.h"

const nas_loops NAS_LOOPS = {
    .name = NAME,
    .lanes = LANES,
    .gather = gather,
    .gather_gradient = gather_gradient,
    .multiply = multiply,
    .multiply_and_end = multiply_and_end,
    .planar = planar,
    .winograd = winograd,
    .winograd_outer_product = winograd_outer_product,
    .outer_product = outer_product,
    .depthwise = depthwise,
    .depthwise_outer_product = depthwise_outer_product,
    .finish = finish,
    .finish_gradient = finish_gradient,
    .normalize = normalize,
#ifdef PAIRED
    .gather_pairs = gather_pairs,
    .pair_channels = pair_channels,
    .pair_pixels = pair_pixels,
    .gather_pixel_pairs = gather_pixel_pairs,
    .gather_gradient_pairs = gather_gradient_pairs,
    .multiply_pairs = multiply_pairs,
    .multiply_pairs_and_end = multiply_pairs_and_end,
    .planar_pairs = planar_pairs,
    .outer_product_pairs = outer_product_pairs,
#endif
};
