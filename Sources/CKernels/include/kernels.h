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

// Makes it so many from now on, for calls from this thread.
void nas_use_threads(int count);

// Calls `body(context, index)` for each index in 0..<count, in contiguous runs, one a thread.
void nas_parallel(size_t count, void (*body)(void *context, size_t index), void *context);

// MARK: Normalisation (normalization.c)

typedef int nas_activation;
enum { NAS_NONE = 0, NAS_RELU = 1, NAS_RELU6 = 2 };

// How an activation or its gradient lies in memory.
typedef int nas_type;
enum { NAS_FLOAT32 = 0, NAS_BFLOAT16 = 1 };

// MARK: Fused convolution (convolution.c)

typedef struct {
  size_t batch;
  size_t input_height, input_width, input_channels;
  size_t output_height, output_width, output_channels;
  size_t kernel, stride;  // padding is kernel / 2
  int depthwise;
  size_t weight_row_stride;  // from one output channel's weights to the next one's
  // If not 0, the input is not in memory: it is computed on the way from so many channels that are.
  size_t source_channels;
} nas_convolution;

// An activation to read: activation(x · scale + shift), or x itself if `scale` is null. Convolutions read
// the first channels of pixels that lie `pitch` elements apart, depthwise ones perhaps through an expansion;
// everybody else reads all, as it is.
typedef struct nas_expansion nas_expansion;
typedef struct {
  const void *x;
  nas_type type;
  const float *scale, *shift;
  nas_activation activation;
  size_t pitch;
  const nas_expansion *expansion;
} nas_source;

// A convolution of 1×1 windows, whose normalisation is known, before a depthwise one that alone reads it:
// each band is computed when it is read, rounded as the result will be.
struct nas_expansion {
  const float *packed;
  const float *scale, *shift;
  nas_activation activation;
};

// The gradient of what a convolution computed, through the normalisation behind it:
// gradient · a + x · b + c by channel, x being what the convolution computed.
typedef struct {
  const void *gradient, *x;
  nas_type type;
  const float *a, *b, *c;
} nas_gradient;

// Where the gradient of what a convolution read goes.
typedef struct {
  void *gradient;
  nas_type type;
  int adds;  // to what lies there already
  // If set, this is the last contribution: the gradient goes on through the source's activation,
  // and each channel's sum of it, and of it times (x - mean), go to `sums`.
  int finishes;
  nas_activation activation;
  const void *x;  // what was normalised to the source; null if nothing was
  const float *mean;
  double *sums;
} nas_sink;

// Bytes of scratch that a call needs whose source is of the given type.
size_t nas_fused_scratch(const nas_convolution *sizes, nas_type type, int backward);

// Where a convolution goes: as it is, with each channel's mean and variance unless `mean` is null,
// or, if `scale` is given, as activation(convolution · scale + shift + addend).
typedef struct {
  void *y;
  nas_type type;
  float *mean, *variance;
  const float *scale, *shift;
  const nas_source *addend;  // may be null
  nas_activation activation;
} nas_result;

// Weights as the loops read them; they lie alike for any number of images. Who computes one convolution
// again and again packs them once.
size_t nas_packed_bytes(const nas_convolution *sizes, nas_type type);
void nas_pack(const nas_convolution *sizes, nas_type type, const float *weights, float *packed);

// Whether two convolutions that differ in their channels come to each sum in the same way.
int nas_rounds_alike(const nas_convolution *left, const nas_convolution *right, nas_type type);

// `packed` may be null: then the weights are packed on the way, into the scratch. Otherwise `weights` are
// not read.
void nas_fused_forward(
    const nas_convolution *sizes, const nas_source *source, const float *weights,
    const float *packed, const nas_result *result, void *scratch);

// Adds to the gradient of the weights, and gives that of what was read to `sink`; either may be null,
// and is not computed then.
void nas_fused_backward(
    const nas_convolution *sizes, const nas_source *source, const float *weights,
    const nas_gradient *gradient, float *weight_gradient, const nas_sink *sink, void *scratch);

// The instruction set that the loops were chosen for: avx512-bf16, avx512, avx2 or plain.
const char *nas_processor(void);

// Whether the loops use the processor's instructions that multiply bfloat16 numbers.
int nas_multiplies_bfloat16(void);

// Chooses the loops of the instruction set named, or the best if `name` is null; returns whether the
// processor has it. No kernel may be running, and scratch must be asked for anew.
int nas_choose_processor(const char *name);

// MARK: Streams (streams.c)

// What a fused convolution does on the way, as passes of their own: for the libraries that know no
// such convolutions, and for the layers that are none. `scratch` holds nas_stream_scratch bytes.

size_t nas_stream_scratch(size_t channels);

// Each channel's mean and variance.
void nas_channel_statistics(
    const float *x, size_t rows, size_t channels, float *mean, float *variance, void *scratch);

// y = activation(source) in floats.
void nas_gather(const nas_source *source, size_t rows, size_t channels, float *y);

// y = x in another type.
void nas_convert(const float *x, size_t count, void *y, nas_type type);

// y = activation(source + addend), the activation of `source` being applied last.
void nas_normalize(
    const nas_source *source, const nas_source *addend, size_t rows, size_t channels, void *y,
    nas_type type, void *scratch);

// y = gradient · a + x · b + c in floats.
void nas_gather_gradient(const nas_gradient *gradient, size_t rows, size_t channels, float *y);

// target += addend; `scratch` is that of one channel.
void nas_add(void *target, const void *addend, nas_type type, size_t count, void *scratch);

// Gives a gradient of `source` to `sink`; `from` may be null, for nothing.
void nas_give_gradient(
    const float *from, const nas_source *source, const nas_sink *sink, size_t rows,
    size_t channels, void *scratch);

// Mean of each channel over `pixels` rows of each of `batch` images.
void nas_average_pool(
    const nas_source *source, size_t batch, size_t pixels, size_t channels, float *y,
    void *scratch);

void nas_average_pool_backward(
    const float *output_gradient, const nas_source *source, const nas_sink *sink, size_t batch,
    size_t pixels, size_t channels, void *scratch);

// MARK: Layers that are passes of their own, over floats (layers.c)

typedef int nas_function;
enum {
  NAS_FUNCTION_RELU = 0,
  NAS_FUNCTION_RELU6 = 1,
  NAS_FUNCTION_SWISH = 2,
  NAS_FUNCTION_HARD_SWISH = 3,
  NAS_FUNCTION_SIGMOID = 4
};

// y = function(x); it may be x itself.
void nas_activate(const float *x, size_t count, nas_function function, float *y);

// y = gradient · function'(x); it may be the gradient itself.
void nas_activate_backward(
    const float *x, const float *gradient, size_t count, nas_function function, float *y);

// Windows that reach beyond the map are cut off: a mean is over the elements inside.
typedef struct {
  size_t batch, height, width, channels;
  size_t output_height, output_width;
  size_t kernel, stride, padding;
  int takes_most;  // the maximum, else the mean
} nas_pooling;

void nas_pool(const nas_pooling *sizes, const float *x, float *y);

void nas_pool_backward(
    const nas_pooling *sizes, const float *x, const float *gradient, float *input_gradient);

// y = x · gate, with a gate for each channel of each image.
void nas_scale(
    const float *x, const float *gates, size_t batch, size_t pixels, size_t channels, float *y);

void nas_scale_backward(
    const float *x, const float *gates, const float *gradient, size_t batch, size_t pixels,
    size_t channels, float *input_gradient, float *gate_gradient);

// MARK: Mixtures (mixing.c)

// Each channel computed is the weighted sum of `taps` channels read: of tap t and output k the channel
// source[t · outputs + k], times factor[t · outputs + k].
typedef struct {
  size_t rows, inputs, outputs, taps;
  const int32_t *source;
  const float *factor;
} nas_channel_mix;

// y = shift + sum, or that added to y. `shift` has a number for each output, or is null.
void nas_mix_channels(
    const nas_channel_mix *mix, const float *x, const float *shift, int adds, float *y);

size_t nas_mix_scratch(const nas_channel_mix *mix);

// For each tap and output the sum over all rows of the gradient of y times the channel of x that the
// tap reads, and behind these for each output the sum of the gradient. `scratch` holds
// nas_mix_scratch bytes.
void nas_mix_products(
    const nas_channel_mix *mix, const float *x, const float *gradient, double *sums,
    void *scratch);

// MARK: Moves (layers.c)

// Copies channels of each row to channels of another's.
void nas_move_channels(
    const void *from, size_t from_channels, size_t from_first, void *to, size_t to_channels,
    size_t to_first, size_t channels, size_t rows, nas_type type);

// Makes of each image's rows columns.
void nas_transpose(const float *from, size_t batch, size_t rows, size_t columns, float *to);

// MARK: The rest (elementwise.c)

// Copies every `stride`-th pixel of every `stride`-th line of [batch, height, width, channels].
void nas_gather_pixels(
    const float *x, size_t batch, size_t height, size_t width, size_t channels, size_t stride,
    float *y);

// The reverse: puts the pixels back where they were taken and sets the others to zero.
void nas_scatter_pixels(
    const float *y, size_t batch, size_t height, size_t width, size_t channels, size_t stride,
    float *x);

// One step of stochastic gradient descent with momentum:
//   g = gradient + decay · weight;  m = momentum · m + g
//   weight -= rate · (nesterov ? g + momentum · m : m)
void nas_momentum_step(
    float *weight, const float *gradient, float *velocity, size_t count, float rate,
    float momentum, float decay, int nesterov);

#endif
