// The loops for AVX-512.

#include <immintrin.h>

#include "loops.h"

#define LANES 16
#define NAME "avx512"
#define NAS_LOOPS nas_loops_avx512
#define MASKS

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), apply_to = function)
#include "Loops/all.h"
#pragma clang attribute pop
