// The layers that a fused convolution cannot take in: smooth activations, pooling over windows, gates,
// and moves of channels. Each is one pass over float activations, divided among the threads by rows or
// by images.

#include <string.h>

#include "parallel.h"

// MARK: Activations

// eˣ to some 2 · 10⁻⁷ of itself: 2ⁿ times a polynomial in what is left, |r| ≤ ½ ln 2 (its Taylor series, of
// degree 7). Written out because a call for each number keeps a loop from using vectors.
ALWAYS_INLINE float exponential(float x) {
  float bounded = x > -87.0f ? x : -87.0f;
  bounded = bounded > 88.0f ? 88.0f : bounded;
  const float shift = 0x1.8p23f;  // adding it leaves the nearest whole number in the low bits
  float shifted = bounded * 1.44269504f + shift;
  float n = shifted - shift;
  float r = bounded - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  int32_t power = ((int32_t)n + 127) << 23;
  float scale;
  memcpy(&scale, &power, sizeof scale);
  return x != x ? x : p * scale;
}

ALWAYS_INLINE float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }

ALWAYS_INLINE float bounded(float x, float most) {
  float above = x < 0.0f ? 0.0f : x;
  return above > most ? most : above;
}

ALWAYS_INLINE float activated(float x, nas_function function) {
  switch (function) {
    case NAS_FUNCTION_RELU: return x < 0.0f ? 0.0f : x;
    case NAS_FUNCTION_RELU6: return bounded(x, 6.0f);
    case NAS_FUNCTION_SWISH: return x * sigmoid(x);
    case NAS_FUNCTION_HARD_SWISH: return x * bounded(x + 3.0f, 6.0f) * (1.0f / 6.0f);
    default: return sigmoid(x);
  }
}

ALWAYS_INLINE float slope(float x, nas_function function) {
  float s;
  switch (function) {
    case NAS_FUNCTION_RELU: return x > 0.0f ? 1.0f : 0.0f;
    case NAS_FUNCTION_RELU6: return x > 0.0f && x < 6.0f ? 1.0f : 0.0f;
    case NAS_FUNCTION_SWISH: s = sigmoid(x); return s + x * s * (1.0f - s);
    case NAS_FUNCTION_HARD_SWISH:
      return x <= -3.0f ? 0.0f : x >= 3.0f ? 1.0f : (2.0f * x + 3.0f) * (1.0f / 6.0f);
    default: s = sigmoid(x); return s * (1.0f - s);
  }
}

typedef struct {
  const float *x, *gradient;
  float *y;
  size_t count;
  nas_function function;
} pointwise;

#define FOR_FUNCTION(function, body)                                                       \
  switch (function) {                                                                      \
    case NAS_FUNCTION_RELU: { enum { F = NAS_FUNCTION_RELU }; body } break;                \
    case NAS_FUNCTION_RELU6: { enum { F = NAS_FUNCTION_RELU6 }; body } break;              \
    case NAS_FUNCTION_SWISH: { enum { F = NAS_FUNCTION_SWISH }; body } break;              \
    case NAS_FUNCTION_HARD_SWISH: { enum { F = NAS_FUNCTION_HARD_SWISH }; body } break;    \
    default: { enum { F = NAS_FUNCTION_SIGMOID }; body }                                   \
  }

FOR_EACH_PROCESSOR static void run_activate(void *context, int thread, int threads) {
  const pointwise *p = context;
  size_t begin, end;
  nas_share(p->count, thread, threads, &begin, &end);
  FOR_FUNCTION(p->function, {
    for (size_t i = begin; i < end; i++) p->y[i] = activated(p->x[i], F);
  })
}

FOR_EACH_PROCESSOR static void run_activate_backward(void *context, int thread, int threads) {
  const pointwise *p = context;
  size_t begin, end;
  nas_share(p->count, thread, threads, &begin, &end);
  FOR_FUNCTION(p->function, {
    for (size_t i = begin; i < end; i++) p->y[i] = p->gradient[i] * slope(p->x[i], F);
  })
}

static void on_threads(void (*body)(void *, int, int), void *call, size_t floats) {
  if (floats >= NAS_SERIAL_LIMIT)
    nas_on_each_thread(body, call);
  else
    body(call, 0, 1);
}

void nas_activate(const float *x, size_t count, nas_function function, float *y) {
  pointwise p = {.x = x, .y = y, .count = count, .function = function};
  on_threads(run_activate, &p, count);
}

void nas_activate_backward(
    const float *x, const float *gradient, size_t count, nas_function function, float *y) {
  pointwise p = {.x = x, .gradient = gradient, .y = y, .count = count, .function = function};
  on_threads(run_activate_backward, &p, count);
}

// MARK: Pooling

typedef struct {
  const nas_pooling *sizes;
  const float *x, *gradient;
  float *y;
} pooling;

// The part of a window that lies on the map, in one direction.
ALWAYS_INLINE void window(
    const nas_pooling *s, size_t output, size_t side, size_t *begin, size_t *end) {
  size_t first = output * s->stride;
  *begin = first < s->padding ? 0 : first - s->padding;
  *end = first + s->kernel < s->padding ? 0 : first + s->kernel - s->padding;
  if (*end > side) *end = side;
}

// What is no number stays none.
ALWAYS_INLINE int exceeds(float value, float most) { return value > most || value != value; }

FOR_EACH_PROCESSOR static void run_pool(void *context, size_t image) {
  const pooling *p = context;
  const nas_pooling *s = p->sizes;
  const float *x = p->x + image * s->height * s->width * s->channels;
  for (size_t oy = 0; oy < s->output_height; oy++)
    for (size_t ox = 0; ox < s->output_width; ox++) {
      float *y = p->y + ((image * s->output_height + oy) * s->output_width + ox) * s->channels;
      size_t top, bottom, left, right;
      window(s, oy, s->height, &top, &bottom);
      window(s, ox, s->width, &left, &right);
      for (size_t iy = top; iy < bottom; iy++)
        for (size_t ix = left; ix < right; ix++) {
          const float *from = x + (iy * s->width + ix) * s->channels;
          int first = iy == top && ix == left;
          if (first)
            memcpy(y, from, s->channels * sizeof *y);
          else if (s->takes_most)
            for (size_t c = 0; c < s->channels; c++) y[c] = exceeds(from[c], y[c]) ? from[c] : y[c];
          else
            for (size_t c = 0; c < s->channels; c++) y[c] += from[c];
        }
      if (!s->takes_most) {
        float share = 1.0f / (float)((bottom - top) * (right - left));
        for (size_t c = 0; c < s->channels; c++) y[c] *= share;
      }
    }
}

// The gradient of a maximum goes to the first element that has it.
FOR_EACH_PROCESSOR static void run_pool_backward(void *context, size_t image) {
  const pooling *p = context;
  const nas_pooling *s = p->sizes;
  const float *x = p->x + image * s->height * s->width * s->channels;
  float *to = p->y + image * s->height * s->width * s->channels;
  memset(to, 0, s->height * s->width * s->channels * sizeof *to);
  for (size_t oy = 0; oy < s->output_height; oy++)
    for (size_t ox = 0; ox < s->output_width; ox++) {
      const float *g =
          p->gradient + ((image * s->output_height + oy) * s->output_width + ox) * s->channels;
      size_t top, bottom, left, right;
      window(s, oy, s->height, &top, &bottom);
      window(s, ox, s->width, &left, &right);
      if (!s->takes_most) {
        float share = 1.0f / (float)((bottom - top) * (right - left));
        for (size_t iy = top; iy < bottom; iy++)
          for (size_t ix = left; ix < right; ix++) {
            float *place = to + (iy * s->width + ix) * s->channels;
            for (size_t c = 0; c < s->channels; c++) place[c] += g[c] * share;
          }
        continue;
      }
      for (size_t c = 0; c < s->channels; c++) {
        size_t best = (top * s->width + left) * s->channels + c;
        for (size_t iy = top; iy < bottom; iy++)
          for (size_t ix = left; ix < right; ix++) {
            size_t i = (iy * s->width + ix) * s->channels + c;
            if (i != best && exceeds(x[i], x[best])) best = i;
          }
        to[best] += g[c];
      }
    }
}

void nas_pool(const nas_pooling *sizes, const float *x, float *y) {
  pooling p = {.sizes = sizes, .x = x, .y = y};
  nas_parallel(sizes->batch, run_pool, &p);
}

void nas_pool_backward(
    const nas_pooling *sizes, const float *x, const float *gradient, float *input_gradient) {
  pooling p = {.sizes = sizes, .x = x, .gradient = gradient, .y = input_gradient};
  nas_parallel(sizes->batch, run_pool_backward, &p);
}

// MARK: Gates

typedef struct {
  const float *x, *gates, *gradient;
  size_t pixels, channels;
  float *y, *gate_gradient;
} gating;

FOR_EACH_PROCESSOR static void run_scale(void *context, size_t image) {
  const gating *s = context;
  const float *gates = s->gates + image * s->channels;
  for (size_t p = image * s->pixels; p < (image + 1) * s->pixels; p++)
    for (size_t c = 0; c < s->channels; c++)
      s->y[p * s->channels + c] = s->x[p * s->channels + c] * gates[c];
}

FOR_EACH_PROCESSOR static void run_scale_backward(void *context, size_t image) {
  const gating *s = context;
  const float *gates = s->gates + image * s->channels;
  float *sums = s->gate_gradient + image * s->channels;
  memset(sums, 0, s->channels * sizeof *sums);
  for (size_t p = image * s->pixels; p < (image + 1) * s->pixels; p++)
    for (size_t c = 0; c < s->channels; c++) {
      size_t i = p * s->channels + c;
      float g = s->gradient[i];
      sums[c] += g * s->x[i];
      s->y[i] = g * gates[c];
    }
}

void nas_scale(
    const float *x, const float *gates, size_t batch, size_t pixels, size_t channels, float *y) {
  gating s = {.x = x, .gates = gates, .pixels = pixels, .channels = channels, .y = y};
  nas_parallel(batch, run_scale, &s);
}

void nas_scale_backward(
    const float *x, const float *gates, const float *gradient, size_t batch, size_t pixels,
    size_t channels, float *input_gradient, float *gate_gradient) {
  gating s = {
      .x = x, .gates = gates, .gradient = gradient, .pixels = pixels, .channels = channels,
      .y = input_gradient, .gate_gradient = gate_gradient};
  nas_parallel(batch, run_scale_backward, &s);
}

// MARK: Moves

typedef struct {
  const char *from;
  char *to;
  size_t rows, from_pitch, to_pitch, bytes;
} channel_move;

static void run_move(void *context, int thread, int threads) {
  const channel_move *m = context;
  size_t begin, end;
  nas_share(m->rows, thread, threads, &begin, &end);
  for (size_t row = begin; row < end; row++)
    memcpy(m->to + row * m->to_pitch, m->from + row * m->from_pitch, m->bytes);
}

void nas_move_channels(
    const void *from, size_t from_channels, size_t from_first, void *to, size_t to_channels,
    size_t to_first, size_t channels, size_t rows, nas_type type) {
  size_t element = type == NAS_BFLOAT16 ? 2 : 4;
  channel_move m = {
      .from = (const char *)from + from_first * element,
      .to = (char *)to + to_first * element,
      .rows = rows,
      .from_pitch = from_channels * element,
      .to_pitch = to_channels * element,
      .bytes = channels * element};
  on_threads(run_move, &m, rows * channels);
}

typedef struct {
  const float *from;
  float *to;
  size_t rows, columns;
} transposition;

static void run_transpose(void *context, size_t image) {
  const transposition *t = context;
  const float *from = t->from + image * t->rows * t->columns;
  float *to = t->to + image * t->rows * t->columns;
  for (size_t row = 0; row < t->rows; row++)
    for (size_t column = 0; column < t->columns; column++)
      to[column * t->rows + row] = from[row * t->columns + column];
}

void nas_transpose(const float *from, size_t batch, size_t rows, size_t columns, float *to) {
  transposition t = {.from = from, .to = to, .rows = rows, .columns = columns};
  nas_parallel(batch, run_transpose, &t);
}
