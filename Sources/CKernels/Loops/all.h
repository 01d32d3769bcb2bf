// All loops and their table, for the file that includes this one: it defines LANES, the floats of a
// vector, NAME and, with that name, NAS_LOOPS.

#include "vector.h"

#include "depthwise.h"
#include "multiply.h"
#include "stream.h"
#include "winograd.h"

const nas_loops NAS_LOOPS = {
    .name = NAME,
    .lanes = LANES,
    .gather = gather,
    .gather_gradient = gather_gradient,
    .multiply = multiply,
    .winograd = winograd,
    .winograd_outer_product = winograd_outer_product,
    .outer_product = outer_product,
    .depthwise_line = depthwise_line,
    .depthwise_outer_product = depthwise_outer_product,
    .finish = finish,
    .finish_gradient = finish_gradient,
    .normalize = normalize,
};
