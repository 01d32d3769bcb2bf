// The text of the AVX-512 loops, with what bfloat16 instructions would do spelled out, for AVX2: each
// vector takes two registers. No processor is quicker with it; tests see by it that the text is right.

#include "loops.h"

#define LANES 16
#define NAME "wide"
#define NAS_LOOPS nas_loops_wide
#define PAIRED

// Vectors pass between functions that are inlined, so no convention of calls is at stake.
#pragma clang diagnostic ignored "-Wpsabi"
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "Loops/all.h"
#pragma clang attribute pop
