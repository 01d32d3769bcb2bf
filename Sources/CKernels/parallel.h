#ifndef NAS_PARALLEL_H
#define NAS_PARALLEL_H

#include "kernels.h"

// Compiles a function once for each instruction set; the loader picks one.
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define ALWAYS_INLINE static inline __attribute__((always_inline))

// Runs `body(context, thread, threads)` once on each thread of the pool, and returns how many there
// were: at most nas_threads(), fewer where a limit of the system says so.
int nas_on_each_thread(void (*body)(void *context, int thread, int threads), void *context);

// Below this many floats a loop is not worth waking the other threads for.
#define NAS_SERIAL_LIMIT 16384

// The part of `count` items that a thread works on.
ALWAYS_INLINE void nas_share(
    size_t count, int thread, int threads, size_t *begin, size_t *end) {
  *begin = count * (size_t)thread / (size_t)threads;
  *end = count * ((size_t)thread + 1) / (size_t)threads;
}

#endif
