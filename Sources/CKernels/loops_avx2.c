// The loops for AVX2 and FMA.

#include "loops.h"

#define LANES 8

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#include "Loops/vector.h"

#include "Loops/multiply.h"
#include "Loops/depthwise.h"
#include "Loops/stream.h"
#include "Loops/winograd.h"

#pragma clang attribute pop

const nas_loops nas_loops_avx2 = {
    .name = "avx2",
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
