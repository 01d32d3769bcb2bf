// The loops for every x86-64 processor, and for every other that clang knows.

#include "loops.h"

#define LANES 4

#include "Loops/vector.h"

#include "Loops/multiply.h"
#include "Loops/depthwise.h"
#include "Loops/stream.h"
#include "Loops/winograd.h"

const nas_loops nas_loops_plain = {
    .name = "plain",
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
