// Convolutions of oneDNN over channels-last activations and OIHW weights.
//
// A C target rather than a module map because oneDNN's interface changed between 2.x and 3.x; this
// file is the same for both. Every function returns a dnnl_status_t, 0 for success.

#ifndef NAS_ONEDNN_CONVOLUTION_H
#define NAS_ONEDNN_CONVOLUTION_H

#include <stddef.h>

typedef enum {
  nas_forward = 0,
  nas_backward_data = 1,
  nas_backward_weights = 2,
} nas_direction;

typedef struct {
  // Images, and the channels and sides of what is read and computed.
  long batch;
  long input_channels, input_height, input_width;
  long output_channels, output_height, output_width;
  long kernel, stride;
  // Elements from the weights of one output channel to those of the next. Larger than the channels
  // read times the window when the weights are a slice of wider ones.
  long weight_row_stride;
} nas_convolution_sizes;

typedef struct nas_convolution nas_convolution;

// Prepares a convolution. The caller destroys it.
int nas_convolution_create(
    nas_direction direction, const nas_convolution_sizes *sizes, nas_convolution **convolution);

void nas_convolution_destroy(nas_convolution *convolution);

// Bytes of working memory that an execution needs, at an address that is a multiple of 64.
size_t nas_convolution_scratch(const nas_convolution *convolution);

// Computes, by direction:
// - forward: `output` from `input` and `weights`
// - backward data: `input`, the gradient of what was read, from `output`, that of what was computed
// - backward weights: adds to `weights`, the gradient of the weights, from `input` and `output`
int nas_convolution_execute(
    nas_convolution *convolution, float *input, float *weights, float *output, void *scratch);

// Major, minor and patch level of the linked library.
void nas_onednn_version(int version[3]);

#endif
