#include <string.h>

#include "parallel.h"

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
