// A band's part of the gradient of a convolution's weights.

#include "bands.h"

void nas_add_pair_products(
    const geometry *g, const float *x, const float *gradient, size_t pairs, float *to) {
  size_t inputs = g->sizes.input_channels;
  nas_outer_product o = {
      .from = x,
      .gradient = gradient,
      .images = 1,
      .lines = 1,
      .pixels = pairs,
      .from_pixel = inputs,
      .gradient_pixel = g->sizes.output_channels,
      .rows = 1,
      .length = inputs,
      .columns = g->out_columns,
      .to = to};
  nas_processor_loops()->outer_product_pairs(&o);
}

// Adds a band's part of the gradient of the weights where windows have one pixel, two pixels at a time.
static void gradient_of_weights_in_pairs(
    const geometry *g, const band *b, const float *x, const float *gradient, float *room,
    float *to) {
  const nas_convolution *s = &g->sizes;
  const nas_loops *loops = nas_processor_loops();
  size_t inputs = s->input_channels, outputs = s->output_channels;
  size_t lines = b->images * b->lines, pixels = s->output_width;
  size_t pairs = quotient_up(pixels, 2);
  float *gradient_room = room + lines * pairs * inputs;
  for (size_t line = 0; line < lines; line++) {
    size_t image = line / b->lines, from_line = line % b->lines * s->stride;
    loops->pair_pixels(
        room + line * pairs * inputs,
        x + (image * g->from_height + from_line) * g->from_width * inputs, s->stride * inputs,
        pixels, inputs);
    loops->pair_pixels(
        gradient_room + line * pairs * outputs,
        gradient + (image * g->gradient_height + line % b->lines) * g->gradient_width * outputs,
        outputs, pixels, outputs);
  }
  nas_add_pair_products(g, room, gradient_room, lines * pairs, to);
}

void nas_add_weight_gradient(
    const geometry *g, const band *b, const float *x, const float *gradient, float *room,
    float *pairs_room, float *to) {
  const nas_convolution *s = &g->sizes;
  const nas_loops *loops = nas_processor_loops();
  size_t from_line = g->from_width * s->input_channels;
  size_t gradient_line = g->gradient_width * s->output_channels;
  gradient += g->before * gradient_line + g->before * s->output_channels;
  if (s->depthwise) {
    for (size_t image = 0; image < b->images; image++) {
      nas_depthwise_outer_product d = {
          .from = x + image * g->from_height * from_line,
          .gradient = gradient + image * g->gradient_height * gradient_line,
          .lines = b->lines,
          .pixels = s->output_width,
          .from_line = s->stride * from_line,
          .from_pixel = s->stride * s->input_channels,
          .gradient_line = gradient_line,
          .gradient_pixel = s->output_channels,
          .row_pitch = from_line,
          .tap_pitch = s->input_channels,
          .rows = s->kernel,
          .taps = s->kernel,
          .channels = s->input_channels,
          .pitch = g->in_columns,
          .to = to};
      loops->depthwise_outer_product(&d);
    }
    return;
  }
  if (g->pairs && s->kernel == 1) {
    gradient_of_weights_in_pairs(g, b, x, gradient, pairs_room, to);
    return;
  }
  if (g->winograd) {
    nas_winograd_outer_product w = {
        .from = x,
        .gradient = gradient,
        .from_image = g->from_height * from_line,
        .from_line = from_line,
        .gradient_image = g->gradient_height * gradient_line,
        .gradient_line = gradient_line,
        .channels = s->input_channels,
        .gradient_channels = s->output_channels,
        .columns = g->out_columns,
        .images = b->images,
        .lines = b->lines,
        .pixels = s->output_width,
        .at_once = g->tiles,
        .room = room,
        .to = to};
    loops->winograd_outer_product(&w);
    return;
  }
  nas_outer_product o = {
      .from = x,
      .gradient = gradient,
      .images = b->images,
      .lines = b->lines,
      .pixels = s->output_width,
      .from_image = g->from_height * from_line,
      .from_line = s->stride * from_line,
      .from_pixel = s->stride * s->input_channels,
      .gradient_image = g->gradient_height * gradient_line,
      .gradient_line = gradient_line,
      .gradient_pixel = s->output_channels,
      .row_pitch = from_line,
      .rows = s->kernel,
      .length = s->kernel * s->input_channels,
      .columns = g->out_columns,
      .to = to};
  loops->outer_product(&o);
}
