#include <string.h>

#include "parallel.h"

// Rows are taken in tiles that stay in the second-level cache while each strip of channels goes
// over them with its sums in registers.
#define TILE_FLOATS 16384
#define STRIP 32

ALWAYS_INLINE size_t tile_rows(size_t channels) {
  size_t rows = TILE_FLOATS / channels;
  return rows < 8 ? 8 : rows;
}

ALWAYS_INLINE float activated(float value, nas_activation activation) {
  // Written so that what is not a number stays none: a network gone wrong must not look sane.
  if (activation == 0) return value;
  value = value < 0 ? 0 : value;
  if (activation == 2) value = value > 6 ? 6 : value;
  return value;
}

ALWAYS_INLINE float gradient_through(float gradient, float y, nas_activation activation) {
  if (activation == 0) return gradient;
  if (activation == 2) return y > 0 && y < 6 ? gradient : 0;
  return y > 0 ? gradient : 0;
}

// Adds the threads' partial sums in the threads' order.
static void add_partial_sums(
    double *sums, const double *scratch, size_t count, int threads) {
  memcpy(sums, scratch, count * sizeof *sums);
  for (int thread = 1; thread < threads; thread++)
    for (size_t i = 0; i < count; i++) sums[i] += scratch[(size_t)thread * count + i];
}

// MARK: Sums of the forward pass

ALWAYS_INLINE void sum_strip(
    size_t width, const float *x, const float *origin, size_t rows, size_t channels,
    double *sum, double *square) {
  float s[STRIP] = {0}, q[STRIP] = {0};
  for (size_t row = 0; row < rows; row++)
    for (size_t c = 0; c < width; c++) {
      float value = x[row * channels + c] - origin[c];
      s[c] += value;
      q[c] += value * value;
    }
  for (size_t c = 0; c < width; c++) {
    sum[c] += s[c];
    square[c] += q[c];
  }
}

typedef struct {
  const float *x;
  size_t rows, channels;
  double *scratch;
} sums_call;

FOR_EACH_PROCESSOR static void sums_of_share(
    const float *x, size_t begin, size_t end, size_t channels, double *partial) {
  size_t tile = tile_rows(channels);
  for (size_t first = begin; first < end; first += tile) {
    size_t rows = end - first < tile ? end - first : tile;
    const float *rows_of_tile = x + first * channels;
    size_t c = 0;
    for (; c + STRIP <= channels; c += STRIP)
      sum_strip(
          STRIP, rows_of_tile + c, x + c, rows, channels, partial + c, partial + channels + c);
    for (; c + 8 <= channels; c += 8)
      sum_strip(8, rows_of_tile + c, x + c, rows, channels, partial + c, partial + channels + c);
    if (c < channels)
      sum_strip(
          channels - c, rows_of_tile + c, x + c, rows, channels, partial + c,
          partial + channels + c);
  }
}

static void run_sums(void *context, int thread, int threads) {
  sums_call *s = context;
  size_t begin, end;
  nas_share(s->rows, thread, threads, &begin, &end);
  double *partial = s->scratch + (size_t)thread * 2 * s->channels;
  memset(partial, 0, 2 * s->channels * sizeof *partial);
  sums_of_share(s->x, begin, end, s->channels, partial);
}

void nas_channel_sums(
    const float *x, size_t rows, size_t channels, double *sums, double *scratch) {
  sums_call s = {x, rows, channels, scratch};
  int threads = 1;
  if (rows * channels < NAS_SERIAL_LIMIT)
    run_sums(&s, 0, 1);
  else
    threads = nas_on_each_thread(run_sums, &s);
  add_partial_sums(sums, scratch, 2 * channels, threads);
}

// MARK: Normalising

typedef struct {
  const float *x, *scale, *shift, *addend;
  float *y;
  size_t rows, channels;
  nas_activation activation;
} normalize_call;

ALWAYS_INLINE void normalize_rows(
    const normalize_call *n, size_t begin, size_t end, int adds, nas_activation activation) {
  const float *restrict scale = n->scale;
  const float *restrict shift = n->shift;
  for (size_t row = begin; row < end; row++) {
    const float *x = n->x + row * n->channels;
    const float *addend = adds ? n->addend + row * n->channels : x;
    float *y = n->y + row * n->channels;
#pragma clang loop vectorize(assume_safety)
    for (size_t c = 0; c < n->channels; c++) {
      float value = x[c] * scale[c] + shift[c];
      if (adds) value += addend[c];
      y[c] = activated(value, activation);
    }
  }
}

FOR_EACH_PROCESSOR static void normalize_share(
    const normalize_call *n, size_t begin, size_t end) {
  switch (n->activation) {
    case 0:
      n->addend ? normalize_rows(n, begin, end, 1, 0) : normalize_rows(n, begin, end, 0, 0);
      break;
    case 1:
      n->addend ? normalize_rows(n, begin, end, 1, 1) : normalize_rows(n, begin, end, 0, 1);
      break;
    default:
      n->addend ? normalize_rows(n, begin, end, 1, 2) : normalize_rows(n, begin, end, 0, 2);
  }
}

static void run_normalize(void *context, int thread, int threads) {
  normalize_call *n = context;
  size_t begin, end;
  nas_share(n->rows, thread, threads, &begin, &end);
  normalize_share(n, begin, end);
}

void nas_normalize(
    const float *x, size_t rows, size_t channels, const float *scale, const float *shift,
    const float *addend, nas_activation activation, float *y) {
  normalize_call n = {x, scale, shift, addend, y, rows, channels, activation};
  if (rows * channels < NAS_SERIAL_LIMIT)
    run_normalize(&n, 0, 1);
  else
    nas_on_each_thread(run_normalize, &n);
}

// MARK: Sums of the backward pass

ALWAYS_INLINE void backward_strip(
    size_t width, float *gradient, const float *x, const float *y, const float *mean,
    size_t rows, size_t channels, nas_activation activation, double *sum, double *product) {
  float s[STRIP] = {0}, p[STRIP] = {0};
  for (size_t row = 0; row < rows; row++) {
    size_t offset = row * channels;
#pragma clang loop vectorize(assume_safety)
    for (size_t c = 0; c < width; c++) {
      float g = gradient_through(gradient[offset + c], y[offset + c], activation);
      gradient[offset + c] = g;
      s[c] += g;
      p[c] += g * (x[offset + c] - mean[c]);
    }
  }
  for (size_t c = 0; c < width; c++) {
    sum[c] += s[c];
    product[c] += p[c];
  }
}

typedef struct {
  float *gradient;
  const float *x, *y, *mean;
  size_t rows, channels;
  nas_activation activation;
  double *scratch;
} backward_call;

ALWAYS_INLINE void backward_tiles(
    const backward_call *b, size_t begin, size_t end, nas_activation activation,
    double *partial) {
  size_t channels = b->channels;
  size_t tile = tile_rows(channels);
  for (size_t first = begin; first < end; first += tile) {
    size_t rows = end - first < tile ? end - first : tile;
    float *gradient = b->gradient + first * channels;
    const float *x = b->x + first * channels;
    const float *y = b->y + first * channels;
    size_t c = 0;
    for (; c + STRIP <= channels; c += STRIP)
      backward_strip(
          STRIP, gradient + c, x + c, y + c, b->mean + c, rows, channels, activation,
          partial + c, partial + channels + c);
    for (; c + 8 <= channels; c += 8)
      backward_strip(
          8, gradient + c, x + c, y + c, b->mean + c, rows, channels, activation, partial + c,
          partial + channels + c);
    if (c < channels)
      backward_strip(
          channels - c, gradient + c, x + c, y + c, b->mean + c, rows, channels, activation,
          partial + c, partial + channels + c);
  }
}

FOR_EACH_PROCESSOR static void backward_share(
    const backward_call *b, size_t begin, size_t end, double *partial) {
  switch (b->activation) {
    case 0: backward_tiles(b, begin, end, 0, partial); break;
    case 1: backward_tiles(b, begin, end, 1, partial); break;
    default: backward_tiles(b, begin, end, 2, partial);
  }
}

static void run_backward(void *context, int thread, int threads) {
  backward_call *b = context;
  size_t begin, end;
  nas_share(b->rows, thread, threads, &begin, &end);
  double *partial = b->scratch + (size_t)thread * 2 * b->channels;
  memset(partial, 0, 2 * b->channels * sizeof *partial);
  backward_share(b, begin, end, partial);
}

void nas_normalize_backward_sums(
    float *gradient, const float *x, const float *y, size_t rows, size_t channels,
    const float *mean, nas_activation activation, double *sums, double *scratch) {
  backward_call b = {gradient, x, y, mean, rows, channels, activation, scratch};
  int threads = 1;
  if (rows * channels < NAS_SERIAL_LIMIT)
    run_backward(&b, 0, 1);
  else
    threads = nas_on_each_thread(run_backward, &b);
  add_partial_sums(sums, scratch, 2 * channels, threads);
}

// MARK: The gradient of what was normalised

typedef struct {
  const float *gradient, *x, *a, *b, *c;
  float *input_gradient;
  size_t rows, channels;
} apply_call;

FOR_EACH_PROCESSOR static void apply_share(const apply_call *p, size_t begin, size_t end) {
  const float *restrict a = p->a;
  const float *restrict b = p->b;
  const float *restrict constant = p->c;
  for (size_t row = begin; row < end; row++) {
    const float *gradient = p->gradient + row * p->channels;
    const float *x = p->x + row * p->channels;
    float *result = p->input_gradient + row * p->channels;
#pragma clang loop vectorize(assume_safety)
    for (size_t c = 0; c < p->channels; c++)
      result[c] = gradient[c] * a[c] + x[c] * b[c] + constant[c];
  }
}

static void run_apply(void *context, int thread, int threads) {
  apply_call *p = context;
  size_t begin, end;
  nas_share(p->rows, thread, threads, &begin, &end);
  apply_share(p, begin, end);
}

void nas_normalize_backward_apply(
    const float *gradient, const float *x, size_t rows, size_t channels, const float *a,
    const float *b, const float *c, float *input_gradient) {
  apply_call p = {gradient, x, a, b, c, input_gradient, rows, channels};
  if (rows * channels < NAS_SERIAL_LIMIT)
    run_apply(&p, 0, 1);
  else
    nas_on_each_thread(run_apply, &p);
}
