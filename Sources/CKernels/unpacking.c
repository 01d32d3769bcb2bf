// Gradients of weights on their way from where the loops summed them to where they lie as the weights do:
// the reverse of packing.c.

#include "bands.h"

typedef struct {
  const geometry *g;
  const float *parts;
  size_t pitch;
  int threads;
  float *weight_gradient;
} unpack_call;

// So many output channels are unpacked together.
#define BLOCK 16

// Gᵀ s G: the gradients of windows from those of the places of a tile.
static void gradient_of_windows(float s[NAS_WINOGRAD_PLACES][BLOCK], float g[9][BLOCK]) {
  float t[3][6][BLOCK] = {0};
  for (int y = 0; y < 3; y++)
    for (int i = 0; i < 6; i++)
      for (int j = 0; j < 6; j++)
        for (int n = 0; n < BLOCK; n++) t[y][j][n] += nas_winograd_window[i][y] * s[6 * i + j][n];
  for (int y = 0; y < 3; y++)
    for (int x = 0; x < 3; x++)
      for (int j = 0; j < 6; j++)
        for (int n = 0; n < BLOCK; n++) g[3 * y + x][n] += t[y][j][n] * nas_winograd_window[j][x];
}

// Adds up the threads' gradients by the places of a tile, from output channel `first` on.
static void unpack_winograd(const unpack_call *call, size_t first, size_t outputs) {
  const nas_convolution *s = &call->g->sizes;
  size_t columns = call->g->out_columns;
  for (size_t input = 0; input < s->input_channels; input++) {
    float sum[NAS_WINOGRAD_PLACES][BLOCK] = {0}, g[9][BLOCK] = {0};
    for (int t = 0; t < call->threads; t++)
      for (size_t place = 0; place < NAS_WINOGRAD_PLACES; place++) {
        const float *own = call->parts + (size_t)t * call->pitch +
                           (place * s->input_channels + input) * columns + first;
        for (size_t n = 0; n < outputs; n++) sum[place][n] += own[n];
      }
    gradient_of_windows(sum, g);
    float *to = call->weight_gradient + first * s->weight_row_stride + input * 9;
    for (size_t n = 0; n < outputs; n++)
      for (size_t k = 0; k < 9; k++) to[n * s->weight_row_stride + k] += g[k][n];
  }
}

// The same where they lie by the places of the window.
static void unpack_window(const unpack_call *call, size_t first, size_t outputs) {
  const nas_convolution *s = &call->g->sizes;
  size_t window = s->kernel * s->kernel;
  size_t columns = s->depthwise ? call->g->in_columns : call->g->out_columns;
  size_t inputs = s->depthwise ? 1 : s->input_channels;
  for (size_t input = 0; input < inputs; input++)
    for (size_t k = 0; k < window; k++) {
      float sum[BLOCK] = {0};
      for (int t = 0; t < call->threads; t++) {
        const float *own = call->parts + (size_t)t * call->pitch +
                           (k * inputs + input) * columns + first;
        for (size_t n = 0; n < outputs; n++) sum[n] += own[n];
      }
      float *to = call->weight_gradient + first * s->weight_row_stride + input * window + k;
      for (size_t n = 0; n < outputs; n++) to[n * s->weight_row_stride] += sum[n];
    }
}

static void run_unpack(void *context, int thread, int threads) {
  const unpack_call *call = context;
  size_t channels = call->g->sizes.output_channels;
  size_t begin, end;
  nas_share(quotient_up(channels, BLOCK), thread, threads, &begin, &end);
  for (size_t first = begin * BLOCK; first < least(end * BLOCK, channels); first += BLOCK)
    (call->g->winograd ? unpack_winograd : unpack_window)(
        call, first, least(BLOCK, channels - first));
}

void nas_unpack_gradient(
    const geometry *g, const float *parts, size_t pitch, int threads, float *weight_gradient) {
  unpack_call call = {
      .g = g, .parts = parts, .pitch = pitch, .threads = threads, .weight_gradient = weight_gradient};
  if (threads == 1 || nas_packed_weights(g, 0) < NAS_SERIAL_LIMIT)
    run_unpack(&call, 0, 1);
  else
    nas_on_each_thread(run_unpack, &call);
}
