// The loops for AVX-512.

#include "loops.h"

#define LANES 16

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), apply_to = function)

#include "Loops/vector.h"

#include "Loops/multiply.h"
#include "Loops/depthwise.h"
#include "Loops/stream.h"
#include "Loops/winograd.h"

#pragma clang attribute pop

const nas_loops nas_loops_avx512 = {
    .name = "avx512",
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
