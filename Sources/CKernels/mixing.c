// Weighted sums of channels: what a mixture of widths or depths computes. One pass over float
// activations, divided among the threads in blocks of rows that do not depend on their number, so
// that neither do the sums.

#include <string.h>

#include "parallel.h"

enum {
  BLOCKS = 64,  // parts that are summed on their own
  STRIDE = 32,  // rows that are summed in floats
};

typedef struct {
  const nas_channel_mix *mix;
  const float *x, *shift, *center, *gradient;
  float *y;
  int adds;
  double *sums;
} mixing;

static void rows_of(const nas_channel_mix *mix, size_t block, size_t *begin, size_t *end) {
  *begin = mix->rows * block / BLOCKS;
  *end = mix->rows * (block + 1) / BLOCKS;
}

FOR_EACH_PROCESSOR static void run_mix(void *context, size_t block) {
  const mixing *m = context;
  const nas_channel_mix *mix = m->mix;
  const size_t outputs = mix->outputs;
  size_t begin, end;
  rows_of(mix, block, &begin, &end);
  for (size_t r = begin; r < end; r++) {
    const float *x = m->x + r * mix->inputs;
    float *y = m->y + r * outputs;
    for (size_t k = 0; k < outputs; k++) {
      float value = m->adds ? y[k] : 0.0f;
      if (m->shift) value += m->shift[k];
      for (size_t t = 0; t < mix->taps; t++)
        value += mix->factor[t * outputs + k] * x[mix->source[t * outputs + k]];
      y[k] = value;
    }
  }
}

FOR_EACH_PROCESSOR static void run_mix_backward(void *context, size_t block) {
  const mixing *m = context;
  const nas_channel_mix *mix = m->mix;
  const size_t outputs = mix->outputs, count = (mix->taps + 1) * outputs;
  double *sums = m->sums + block * count;
  memset(sums, 0, count * sizeof *sums);
  float part[count];
  size_t begin, end;
  rows_of(mix, block, &begin, &end);
  for (size_t first = begin; first < end; first += STRIDE) {
    const size_t last = first + STRIDE < end ? first + STRIDE : end;
    memset(part, 0, sizeof part);
    for (size_t r = first; r < last; r++) {
      const float *x = m->x + r * mix->inputs;
      const float *g = m->gradient + r * outputs;
      float *to = m->y + r * mix->inputs;
      memset(to, 0, mix->inputs * sizeof *to);
      for (size_t t = 0; t < mix->taps; t++)
        for (size_t k = 0; k < outputs; k++) {
          const int32_t i = mix->source[t * outputs + k];
          part[t * outputs + k] += g[k] * (m->center ? x[i] - m->center[i] : x[i]);
          to[i] += mix->factor[t * outputs + k] * g[k];
        }
      for (size_t k = 0; k < outputs; k++) part[mix->taps * outputs + k] += g[k];
    }
    for (size_t i = 0; i < count; i++) sums[i] += part[i];
  }
}

void nas_mix_channels(
    const nas_channel_mix *mix, const float *x, const float *shift, int adds, float *y) {
  mixing m = {.mix = mix, .x = x, .shift = shift, .adds = adds, .y = y};
  nas_parallel(BLOCKS, run_mix, &m);
}

size_t nas_mix_scratch(const nas_channel_mix *mix) {
  return BLOCKS * (mix->taps + 1) * mix->outputs * sizeof(double);
}

void nas_mix_channels_backward(
    const nas_channel_mix *mix, const float *x, const float *center, const float *gradient,
    float *input_gradient, double *sums, void *scratch) {
  mixing m = {
      .mix = mix, .x = x, .center = center, .gradient = gradient, .y = input_gradient,
      .sums = scratch};
  nas_parallel(BLOCKS, run_mix_backward, &m);
  const size_t count = (mix->taps + 1) * mix->outputs;
  memset(sums, 0, count * sizeof *sums);
  for (size_t block = 0; block < BLOCKS; block++)
    for (size_t i = 0; i < count; i++) sums[i] += m.sums[block * count + i];
}
