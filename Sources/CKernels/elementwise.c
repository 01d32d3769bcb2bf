#include <string.h>

#include "parallel.h"

// MARK: Sums

typedef struct {
  float *target;
  const float *addend;
  size_t count;
} add_call;

FOR_EACH_PROCESSOR static void add_share(
    float *restrict target, const float *restrict addend, size_t count) {
  for (size_t i = 0; i < count; i++) target[i] += addend[i];
}

static void run_add(void *context, int thread, int threads) {
  add_call *a = context;
  size_t begin, end;
  nas_share(a->count, thread, threads, &begin, &end);
  add_share(a->target + begin, a->addend + begin, end - begin);
}

void nas_add(float *target, const float *addend, size_t count) {
  add_call a = {target, addend, count};
  if (count < NAS_SERIAL_LIMIT)
    run_add(&a, 0, 1);
  else
    nas_on_each_thread(run_add, &a);
}

// MARK: Every other pixel

void nas_gather_pixels(
    const float *x, size_t batch, size_t height, size_t width, size_t channels, size_t stride,
    float *y) {
  for (size_t image = 0; image < batch; image++)
    for (size_t row = 0; row < height; row += stride)
      for (size_t column = 0; column < width; column += stride) {
        memcpy(y, x + ((image * height + row) * width + column) * channels, channels * sizeof *y);
        y += channels;
      }
}

void nas_scatter_pixels(
    const float *y, size_t batch, size_t height, size_t width, size_t channels, size_t stride,
    float *x) {
  memset(x, 0, batch * height * width * channels * sizeof *x);
  for (size_t image = 0; image < batch; image++)
    for (size_t row = 0; row < height; row += stride)
      for (size_t column = 0; column < width; column += stride) {
        memcpy(x + ((image * height + row) * width + column) * channels, y, channels * sizeof *y);
        y += channels;
      }
}

// MARK: Pooling

FOR_EACH_PROCESSOR void nas_average_pool(
    const float *x, size_t batch, size_t pixels, size_t channels, float *y) {
  float share = 1.0f / (float)pixels;
  for (size_t image = 0; image < batch; image++) {
    float *restrict sum = y + image * channels;
    const float *restrict rows = x + image * pixels * channels;
    for (size_t c = 0; c < channels; c++) sum[c] = 0;
    for (size_t pixel = 0; pixel < pixels; pixel++)
      for (size_t c = 0; c < channels; c++) sum[c] += rows[pixel * channels + c];
    for (size_t c = 0; c < channels; c++) sum[c] *= share;
  }
}

FOR_EACH_PROCESSOR void nas_average_pool_backward(
    const float *output_gradient, size_t batch, size_t pixels, size_t channels,
    float *input_gradient) {
  float share = 1.0f / (float)pixels;
  for (size_t image = 0; image < batch; image++) {
    const float *restrict gradient = output_gradient + image * channels;
    float *restrict rows = input_gradient + image * pixels * channels;
    for (size_t pixel = 0; pixel < pixels; pixel++)
      for (size_t c = 0; c < channels; c++) rows[pixel * channels + c] = gradient[c] * share;
  }
}

// MARK: Optimisation

FOR_EACH_PROCESSOR void nas_momentum_step(
    float *restrict weight, const float *restrict gradient, float *restrict velocity,
    size_t count, float rate, float momentum, float decay, int nesterov) {
  float ahead = nesterov ? momentum : 1;
  float direct = nesterov ? 1 : 0;
  for (size_t i = 0; i < count; i++) {
    float g = gradient[i] + decay * weight[i];
    float v = momentum * velocity[i] + g;
    velocity[i] = v;
    weight[i] -= rate * (direct * g + ahead * v);
  }
}
