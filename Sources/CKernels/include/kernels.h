// Loops over channels-last activations that no library has, or has only slowly.
//
// An activation is `rows` × `channels` floats: a row is one pixel of one image. Each function is
// compiled for AVX-512, AVX2 and plain x86-64 and picks the best for the processor when the
// program starts. Work is divided among the threads of libgomp's pool, which oneDNN uses too, and
// partial sums are added in the order of the threads: the same number of threads gives the same
// bits.

#ifndef NAS_KERNELS_H
#define NAS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// MARK: Threads (parallel.c)

// The most threads that the pool has; OMP_NUM_THREADS sets it, else the number of cores.
int nas_threads(void);

// Calls `body(context, index)` for each index in 0..<count, in contiguous runs, one a thread.
void nas_parallel(size_t count, void (*body)(void *context, size_t index), void *context);

// MARK: Normalisation (normalization.c)

// 0 none, 1 ReLU, 2 ReLU6
typedef int nas_activation;

// Writes each channel's sum and sum of squares of x - first row into `sums`[0..<channels] and
// `sums`[channels..<2 channels]. Taking the first row off keeps large means from cancelling.
// `scratch` holds 2 · channels · nas_threads() doubles.
void nas_channel_sums(
    const float *x, size_t rows, size_t channels, double *sums, double *scratch);

// y = activation(x · scale + shift + addend); `addend` may be null, y may be x.
void nas_normalize(
    const float *x, size_t rows, size_t channels, const float *scale, const float *shift,
    const float *addend, nas_activation activation, float *y);

// Turns `gradient` of y into that of what the activation was applied to, in place, and writes
// each channel's sum of it, and of it times (x - mean), into `sums`.
void nas_normalize_backward_sums(
    float *gradient, const float *x, const float *y, size_t rows, size_t channels,
    const float *mean, nas_activation activation, double *sums, double *scratch);

// input_gradient = gradient · a + x · b + c, by channel; it may be `gradient` itself.
void nas_normalize_backward_apply(
    const float *gradient, const float *x, size_t rows, size_t channels, const float *a,
    const float *b, const float *c, float *input_gradient);

// MARK: Depthwise convolution (depthwise.c)

typedef struct {
  size_t batch, channels;
  size_t input_height, input_width, output_height, output_width;
  size_t kernel, stride;
} nas_depthwise_sizes;

// `weights` are channels × kernel × kernel; `packed` holds as many floats.
void nas_depthwise_forward(
    const nas_depthwise_sizes *sizes, const float *input, const float *weights, float *packed,
    float *output);

void nas_depthwise_backward_data(
    const nas_depthwise_sizes *sizes, const float *output_gradient, const float *weights,
    float *packed, float *input_gradient);

// Adds to `weight_gradient`. `scratch` holds nas_threads() · kernel² · channels floats.
void nas_depthwise_backward_weights(
    const nas_depthwise_sizes *sizes, const float *input, const float *output_gradient,
    float *weight_gradient, float *scratch);

// MARK: The rest (elementwise.c)

// target += addend
void nas_add(float *target, const float *addend, size_t count);

// Copies every `stride`-th pixel of every `stride`-th line of [batch, height, width, channels].
void nas_gather_pixels(
    const float *x, size_t batch, size_t height, size_t width, size_t channels, size_t stride,
    float *y);

// The reverse: puts the pixels back where they were taken and sets the others to zero.
void nas_scatter_pixels(
    const float *y, size_t batch, size_t height, size_t width, size_t channels, size_t stride,
    float *x);

// Mean of each channel over `pixels` rows of each of `batch` images.
void nas_average_pool(
    const float *x, size_t batch, size_t pixels, size_t channels, float *y);

void nas_average_pool_backward(
    const float *output_gradient, size_t batch, size_t pixels, size_t channels,
    float *input_gradient);

// One step of stochastic gradient descent with momentum:
//   g = gradient + decay · weight;  m = momentum · m + g
//   weight -= rate · (nesterov ? g + momentum · m : m)
void nas_momentum_step(
    float *weight, const float *gradient, float *velocity, size_t count, float rate,
    float momentum, float decay, int nesterov);

#endif
