#include <string.h>

#include "parallel.h"

// The weights of a window's place for all channels lie side by side in `packed`
// ([kernel · kernel][channels]), so that every loop below runs along channels.

static void pack(const nas_depthwise_sizes *s, const float *weights, float *packed) {
  size_t window = s->kernel * s->kernel;
  for (size_t c = 0; c < s->channels; c++)
    for (size_t k = 0; k < window; k++) packed[k * s->channels + c] = weights[c * window + k];
}

// The places of the window that lie inside the image when it starts at `origin`.
ALWAYS_INLINE void inside(
    long origin, size_t kernel, size_t side, size_t *begin, size_t *end) {
  *begin = origin < 0 ? (size_t)-origin : 0;
  long limit = (long)side - origin;
  *end = limit < (long)kernel ? (limit < 0 ? 0 : (size_t)limit) : kernel;
}

#define STRIP 32

typedef struct {
  const nas_depthwise_sizes *sizes;
  const float *input, *packed;
  float *output;
  float *scratch;
} depthwise_call;

// MARK: Forward

ALWAYS_INLINE void forward_strip(
    size_t width, const nas_depthwise_sizes *s, const float *image, const float *packed,
    long top, long left, float *output) {
  float sum[STRIP] = {0};
  size_t y0, y1, x0, x1;
  inside(top, s->kernel, s->input_height, &y0, &y1);
  inside(left, s->kernel, s->input_width, &x0, &x1);
  for (size_t ky = y0; ky < y1; ky++)
    for (size_t kx = x0; kx < x1; kx++) {
      const float *x =
          image + ((size_t)(top + (long)ky) * s->input_width + (size_t)(left + (long)kx)) * s->channels;
      const float *w = packed + (ky * s->kernel + kx) * s->channels;
      for (size_t c = 0; c < width; c++) sum[c] += x[c] * w[c];
    }
  for (size_t c = 0; c < width; c++) output[c] = sum[c];
}

FOR_EACH_PROCESSOR static void forward_rows(
    const depthwise_call *d, size_t begin, size_t end) {
  const nas_depthwise_sizes *s = d->sizes;
  long padding = (long)(s->kernel / 2);
  size_t image = s->input_height * s->input_width * s->channels;
  for (size_t row = begin; row < end; row++) {
    const float *input = d->input + row / s->output_height * image;
    long top = (long)(row % s->output_height * s->stride) - padding;
    for (size_t column = 0; column < s->output_width; column++) {
      long left = (long)(column * s->stride) - padding;
      float *output = d->output + (row * s->output_width + column) * s->channels;
      size_t c = 0;
      for (; c + STRIP <= s->channels; c += STRIP)
        forward_strip(STRIP, s, input + c, d->packed + c, top, left, output + c);
      for (; c + 8 <= s->channels; c += 8)
        forward_strip(8, s, input + c, d->packed + c, top, left, output + c);
      if (c < s->channels)
        forward_strip(s->channels - c, s, input + c, d->packed + c, top, left, output + c);
    }
  }
}

static void run_forward(void *context, int thread, int threads) {
  depthwise_call *d = context;
  size_t begin, end;
  nas_share(d->sizes->batch * d->sizes->output_height, thread, threads, &begin, &end);
  forward_rows(d, begin, end);
}

void nas_depthwise_forward(
    const nas_depthwise_sizes *sizes, const float *input, const float *weights, float *packed,
    float *output) {
  pack(sizes, weights, packed);
  depthwise_call d = {sizes, input, packed, output, NULL};
  nas_on_each_thread(run_forward, &d);
}

// MARK: Gradient of the input

// Gathers, for one input pixel, from the output pixels whose windows cover it.
ALWAYS_INLINE void backward_data_strip(
    size_t width, const nas_depthwise_sizes *s, const float *gradient, const float *packed,
    size_t y, size_t x, float *result) {
  float sum[STRIP] = {0};
  size_t padding = s->kernel / 2;
  for (size_t ky = 0; ky < s->kernel; ky++) {
    long reach = (long)(y + padding) - (long)ky;
    if (reach < 0 || (size_t)reach % s->stride != 0) continue;
    size_t row = (size_t)reach / s->stride;
    if (row >= s->output_height) continue;
    for (size_t kx = 0; kx < s->kernel; kx++) {
      long across = (long)(x + padding) - (long)kx;
      if (across < 0 || (size_t)across % s->stride != 0) continue;
      size_t column = (size_t)across / s->stride;
      if (column >= s->output_width) continue;
      const float *g = gradient + (row * s->output_width + column) * s->channels;
      const float *w = packed + (ky * s->kernel + kx) * s->channels;
      for (size_t c = 0; c < width; c++) sum[c] += g[c] * w[c];
    }
  }
  for (size_t c = 0; c < width; c++) result[c] = sum[c];
}

FOR_EACH_PROCESSOR static void backward_data_rows(
    const depthwise_call *d, size_t begin, size_t end) {
  const nas_depthwise_sizes *s = d->sizes;
  size_t image = s->output_height * s->output_width * s->channels;
  for (size_t row = begin; row < end; row++) {
    const float *gradient = d->input + row / s->input_height * image;
    size_t y = row % s->input_height;
    for (size_t x = 0; x < s->input_width; x++) {
      float *result = d->output + (row * s->input_width + x) * s->channels;
      size_t c = 0;
      for (; c + STRIP <= s->channels; c += STRIP)
        backward_data_strip(STRIP, s, gradient + c, d->packed + c, y, x, result + c);
      for (; c + 8 <= s->channels; c += 8)
        backward_data_strip(8, s, gradient + c, d->packed + c, y, x, result + c);
      if (c < s->channels)
        backward_data_strip(s->channels - c, s, gradient + c, d->packed + c, y, x, result + c);
    }
  }
}

static void run_backward_data(void *context, int thread, int threads) {
  depthwise_call *d = context;
  size_t begin, end;
  nas_share(d->sizes->batch * d->sizes->input_height, thread, threads, &begin, &end);
  backward_data_rows(d, begin, end);
}

void nas_depthwise_backward_data(
    const nas_depthwise_sizes *sizes, const float *output_gradient, const float *weights,
    float *packed, float *input_gradient) {
  pack(sizes, weights, packed);
  depthwise_call d = {sizes, output_gradient, packed, input_gradient, NULL};
  nas_on_each_thread(run_backward_data, &d);
}

// MARK: Gradient of the weights

// Adds one output row's part. The sums of a strip for one row of the window stay in registers
// while the row is walked.
ALWAYS_INLINE void backward_weights_strip(
    size_t width, const nas_depthwise_sizes *s, const float *image, const float *gradient,
    long top, float *sums) {
  long padding = (long)(s->kernel / 2);
  for (size_t ky = 0; ky < s->kernel; ky++) {
    long y = top + (long)ky;
    if (y < 0 || y >= (long)s->input_height) continue;
    for (size_t kx = 0; kx < s->kernel; kx++) {
      float sum[STRIP] = {0};
      for (size_t column = 0; column < s->output_width; column++) {
        long x = (long)(column * s->stride) - padding + (long)kx;
        if (x < 0 || x >= (long)s->input_width) continue;
        const float *in = image + ((size_t)y * s->input_width + (size_t)x) * s->channels;
        const float *g = gradient + column * s->channels;
        for (size_t c = 0; c < width; c++) sum[c] += in[c] * g[c];
      }
      float *total = sums + (ky * s->kernel + kx) * s->channels;
      for (size_t c = 0; c < width; c++) total[c] += sum[c];
    }
  }
}

FOR_EACH_PROCESSOR static void backward_weights_rows(
    const depthwise_call *d, size_t begin, size_t end, float *sums) {
  const nas_depthwise_sizes *s = d->sizes;
  size_t image = s->input_height * s->input_width * s->channels;
  for (size_t row = begin; row < end; row++) {
    const float *input = d->input + row / s->output_height * image;
    const float *gradient = d->output + row * s->output_width * s->channels;
    long top = (long)(row % s->output_height * s->stride) - (long)(s->kernel / 2);
    size_t c = 0;
    for (; c + STRIP <= s->channels; c += STRIP)
      backward_weights_strip(STRIP, s, input + c, gradient + c, top, sums + c);
    for (; c + 8 <= s->channels; c += 8)
      backward_weights_strip(8, s, input + c, gradient + c, top, sums + c);
    if (c < s->channels)
      backward_weights_strip(s->channels - c, s, input + c, gradient + c, top, sums + c);
  }
}

static void run_backward_weights(void *context, int thread, int threads) {
  depthwise_call *d = context;
  size_t count = d->sizes->kernel * d->sizes->kernel * d->sizes->channels;
  size_t begin, end;
  nas_share(d->sizes->batch * d->sizes->output_height, thread, threads, &begin, &end);
  float *sums = d->scratch + (size_t)thread * count;
  memset(sums, 0, count * sizeof *sums);
  backward_weights_rows(d, begin, end, sums);
}

void nas_depthwise_backward_weights(
    const nas_depthwise_sizes *sizes, const float *input, const float *output_gradient,
    float *weight_gradient, float *scratch) {
  // The call's `output` is only read here.
  depthwise_call d = {sizes, input, NULL, (float *)output_gradient, scratch};
  int threads = nas_on_each_thread(run_backward_weights, &d);
  size_t window = sizes->kernel * sizes->kernel;
  size_t count = window * sizes->channels;
  for (int thread = 0; thread < threads; thread++)
    for (size_t k = 0; k < window; k++)
      for (size_t c = 0; c < sizes->channels; c++)
        weight_gradient[c * window + k] +=
            scratch[(size_t)thread * count + k * sizes->channels + c];
}
