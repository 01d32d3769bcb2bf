// The loops for AVX2 and FMA.

#include "loops.h"

#define LANES 8
#define NAME "avx2"
#define NAS_LOOPS nas_loops_avx2

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "Loops/all.h"
#pragma clang attribute pop
