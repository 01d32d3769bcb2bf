#include <stdlib.h>
#include <string.h>

#include "loops.h"

static const nas_loops *chosen = &nas_loops_plain;

// The best first. The last is for tests and chosen by name only.
static const nas_loops *const all_loops[] = {
    &nas_loops_avx512_bf16, &nas_loops_avx512, &nas_loops_avx2, &nas_loops_plain, &nas_loops_wide};

static int runs(const nas_loops *loops) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (loops == &nas_loops_avx512_bf16) return avx512 && __builtin_cpu_supports("avx512bf16");
  if (loops == &nas_loops_avx512) return avx512;
  if (loops == &nas_loops_avx2 || loops == &nas_loops_wide)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return loops == &nas_loops_plain;
}

int nas_choose_processor(const char *name) {
  for (size_t i = 0; i < sizeof all_loops / sizeof *all_loops; i++)
    if (runs(all_loops[i]) && (!name || strcmp(name, all_loops[i]->name) == 0)) {
      chosen = all_loops[i];
      return 1;
    }
  return 0;
}

// NAS_PROCESSOR names one of the sets below the best, for tests and for comparisons.
__attribute__((constructor)) static void choose(void) {
  if (!nas_choose_processor(getenv("NAS_PROCESSOR"))) nas_choose_processor(NULL);
}

const nas_loops *nas_processor_loops(void) { return chosen; }

const char *nas_processor(void) { return chosen->name; }

int nas_multiplies_bfloat16(void) { return chosen == &nas_loops_avx512_bf16; }
