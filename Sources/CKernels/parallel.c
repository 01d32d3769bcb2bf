#include "parallel.h"

// libgomp's own entry points: clang's -fopenmp would start a second pool beside the one that
// oneDNN's threads live in.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_get_max_threads(void);
extern int omp_in_parallel(void);
extern void omp_set_dynamic(int);
extern void omp_set_num_threads(int);

// Sums follow the number of threads, so it must not vary from call to call.
__attribute__((constructor)) static void fix_threads(void) { omp_set_dynamic(0); }

int nas_threads(void) { return omp_get_max_threads(); }

void nas_use_threads(int count) { omp_set_num_threads(count); }

typedef struct {
  void (*body)(void *, int, int);
  void *context;
  int threads;
} call;

static void run_call(void *data) {
  call *c = data;
  int thread = omp_get_thread_num();
  if (thread == 0) c->threads = omp_get_num_threads();
  c->body(c->context, thread, omp_get_num_threads());
}

int nas_on_each_thread(void (*body)(void *, int, int), void *context) {
  if (nas_threads() == 1 || omp_in_parallel()) {
    body(context, 0, 1);
    return 1;
  }
  call c = {body, context, 1};
  GOMP_parallel(run_call, &c, 0, 0);
  return c.threads;
}

typedef struct {
  size_t count;
  void (*body)(void *, size_t);
  void *context;
} loop;

static void run_loop(void *data, int thread, int threads) {
  loop *l = data;
  size_t begin, end;
  nas_share(l->count, thread, threads, &begin, &end);
  for (size_t i = begin; i < end; i++) l->body(l->context, i);
}

void nas_parallel(size_t count, void (*body)(void *, size_t), void *context) {
  loop l = {count, body, context};
  nas_on_each_thread(run_loop, &l);
}
