#include <stdlib.h>
#include <string.h>

#include "loops.h"

static const nas_loops *chosen = &nas_loops_plain;

// NAS_PROCESSOR names one of the sets below the best, for tests and for comparisons.
__attribute__((constructor)) static void choose(void) {
  const char *wish = getenv("NAS_PROCESSOR");
  if (wish && strcmp(wish, "plain") == 0) return;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) chosen = &nas_loops_avx2;
  if (wish && strcmp(wish, "avx2") == 0) return;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    chosen = &nas_loops_avx512;
#endif
}

const nas_loops *nas_processor_loops(void) { return chosen; }

const char *nas_processor(void) { return chosen->name; }

int nas_multiplies_bfloat16(void) {
#if defined(__x86_64__)
  return chosen == &nas_loops_avx512 && __builtin_cpu_supports("avx512bf16");
#else
  return 0;
#endif
}
