// Weighted sums of channels: what a mixture of widths or depths computes. One pass over float
// activations, divided among the threads in blocks of rows that do not depend on their number, so
// that neither do the sums.

#include <string.h>

#include "parallel.h"

enum {
  BLOCKS = 64,  // parts that are summed on their own
  STRIDE = 64,  // rows that are summed in floats
  LANES = 8,    // outputs that are computed together
};

typedef struct {
  const nas_channel_mix *mix;
  const float *x, *shift, *gradient;
  float *y;
  int adds;
  double *sums;
} mixing;

static void rows_of(const nas_channel_mix *mix, size_t block, size_t *begin, size_t *end) {
  *begin = mix->rows * block / BLOCKS;
  *end = mix->rows * (block + 1) / BLOCKS;
}

// Whether neighbouring outputs read neighbouring channels, so that they can be loaded at once.
static int are_neighbours(const int32_t *source) {
  for (int lane = 1; lane < LANES; lane++)
    if (source[lane] != source[0] + lane) return 0;
  return 1;
}

FOR_EACH_PROCESSOR static void run_mix(void *context, size_t block) {
  const mixing *m = context;
  const nas_channel_mix *mix = m->mix;
  const size_t outputs = mix->outputs, inputs = mix->inputs;
  size_t begin, end;
  rows_of(mix, block, &begin, &end);
  size_t k = 0;
  for (; k + LANES <= outputs; k += LANES) {
    int first = 1;
    for (size_t t = 0; t < mix->taps; t++) {
      const int32_t *source = mix->source + t * outputs + k;
      const float *factor = mix->factor + t * outputs + k;
      const int neighbours = are_neighbours(source);
      for (size_t r = begin; r < end; r++) {
        const float *x = m->x + r * inputs;
        float *y = m->y + r * outputs + k;
        float sum[LANES];
        for (int lane = 0; lane < LANES; lane++)
          sum[lane] = first ? (m->adds ? y[lane] : 0.0f) + (m->shift ? m->shift[k + lane] : 0.0f)
                            : y[lane];
        if (neighbours)
          for (int lane = 0; lane < LANES; lane++)
            sum[lane] += factor[lane] * x[source[0] + lane];
        else
          for (int lane = 0; lane < LANES; lane++) sum[lane] += factor[lane] * x[source[lane]];
        for (int lane = 0; lane < LANES; lane++) y[lane] = sum[lane];
      }
      first = 0;
    }
  }
  for (; k < outputs; k++)
    for (size_t r = begin; r < end; r++) {
      float *y = m->y + r * outputs + k;
      float sum = (m->adds ? *y : 0.0f) + (m->shift ? m->shift[k] : 0.0f);
      for (size_t t = 0; t < mix->taps; t++)
        sum += mix->factor[t * outputs + k] * m->x[r * inputs + mix->source[t * outputs + k]];
      *y = sum;
    }
}

// Of each tap and output, and behind these of each output alone.
FOR_EACH_PROCESSOR static void run_products(void *context, size_t block) {
  const mixing *m = context;
  const nas_channel_mix *mix = m->mix;
  const size_t outputs = mix->outputs, inputs = mix->inputs;
  double *sums = m->sums + block * (mix->taps + 1) * outputs;
  memset(sums, 0, (mix->taps + 1) * outputs * sizeof *sums);
  size_t begin, end;
  rows_of(mix, block, &begin, &end);
  for (size_t first = begin; first < end; first += STRIDE) {
    const size_t last = first + STRIDE < end ? first + STRIDE : end;
    for (size_t t = 0; t <= mix->taps; t++) {
      size_t k = 0;
      for (; k + LANES <= outputs; k += LANES) {
        float sum[LANES] = {0};
        if (t == mix->taps) {
          for (size_t r = first; r < last; r++)
            for (int lane = 0; lane < LANES; lane++)
              sum[lane] += m->gradient[r * outputs + k + lane];
        } else {
          const int32_t *source = mix->source + t * outputs + k;
          if (are_neighbours(source))
            for (size_t r = first; r < last; r++)
              for (int lane = 0; lane < LANES; lane++)
                sum[lane] +=
                    m->gradient[r * outputs + k + lane] * m->x[r * inputs + source[0] + lane];
          else
            for (size_t r = first; r < last; r++)
              for (int lane = 0; lane < LANES; lane++)
                sum[lane] +=
                    m->gradient[r * outputs + k + lane] * m->x[r * inputs + source[lane]];
        }
        for (int lane = 0; lane < LANES; lane++) sums[t * outputs + k + lane] += sum[lane];
      }
      for (; k < outputs; k++) {
        float sum = 0.0f;
        for (size_t r = first; r < last; r++)
          sum += m->gradient[r * outputs + k]
                 * (t == mix->taps ? 1.0f : m->x[r * inputs + mix->source[t * outputs + k]]);
        sums[t * outputs + k] += sum;
      }
    }
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

void nas_mix_products(
    const nas_channel_mix *mix, const float *x, const float *gradient, double *sums,
    void *scratch) {
  mixing m = {.mix = mix, .x = x, .gradient = gradient, .sums = scratch};
  nas_parallel(BLOCKS, run_products, &m);
  const size_t count = (mix->taps + 1) * mix->outputs;
  memset(sums, 0, count * sizeof *sums);
  for (size_t block = 0; block < BLOCKS; block++)
    for (size_t i = 0; i < count; i++) sums[i] += m.sums[block * count + i];
}
