// The loops for AVX-512 with instructions that multiply bfloat16 numbers.

#include <immintrin.h>

#include "loops.h"

#define LANES 16
#define NAME "avx512-bf16"
#define NAS_LOOPS nas_loops_avx512_bf16
#define PAIRED
#define MASKS
#define PLUS_PAIRS(sum, a, b) \
  (vector) _mm512_dpbf16_ps((__m512)(sum), (__m512bh)(a), (__m512bh)(b))
#define NARROWED(v) (halves) _mm512_cvtneps_pbh((__m512)(v))

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma"))), apply_to = function)
#include "Loops/all.h"
#pragma clang attribute pop
