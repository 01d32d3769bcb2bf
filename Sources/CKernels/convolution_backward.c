// The backward pass of convolution.c: a band's gradient and input are gathered once, and serve for the
// gradient of the weights and for that of the input.

#include <string.h>

#include "bands.h"

typedef struct {
  geometry g;
  layout l;
  nas_source source;
  nas_gradient gradient;
  const nas_sink *sink;
  const float *packed;
  int weighs;  // whether the gradient of the weights is wanted
  float *scratch;
  int threads, streams;
} backward_call;

// Lays out a band's gathered gradient once more, its channels in pairs.
static void pair_gradient(const geometry *g, const band *b, const float *gradient, float *to) {
  size_t lines = nas_in_tiles(g, b->lines) + g->before + g->after;
  for (size_t image = 0; image < b->images; image++) {
    size_t first = image * g->gradient_height * g->gradient_width;
    nas_processor_loops()->pair_channels(
        to + first * g->gradient_words, gradient + first * g->sizes.output_channels,
        lines * g->gradient_width, g->sizes.output_channels);
  }
}

// Writes the gradient of a band's own input lines into `to`, pixel by pixel in their order. Products of
// pairs have the output's gradient in pairs.
static void gradient_of_input(
    const backward_call *call, const band *b, const float *gradient, int32_t *table, float *room,
    float *to) {
  const geometry *g = &call->g;
  const nas_convolution *s = &g->sizes;
  const nas_loops *loops = nas_processor_loops();
  size_t columns = g->in_columns;
  size_t line_pitch = g->gradient_width * g->gradient_words;
  size_t image_pitch = g->gradient_height * line_pitch;
  size_t to_image = g->lines * s->stride * s->input_width * columns;
  const float *weights = call->packed;
  if (g->planar) {
    nas_planar p = {
        .from = gradient + g->before * g->gradient_words,
        .from_image = image_pitch,
        .from_line = line_pitch,
        .inside = b->in_lines + s->kernel - 1,
        .words = g->gradient_words,
        .kernel = s->kernel,
        .weights = weights,
        .columns = columns,
        .to = to,
        .to_image = to_image,
        .images = b->images,
        .lines = b->in_lines,
        .pixels = s->input_width,
        .room = room};
    (g->pairs ? loops->planar_pairs : loops->planar)(&p);
    return;
  }
  if (g->winograd) {
    nas_winograd w = {
        .from = gradient,
        .from_image = image_pitch,
        .from_line = line_pitch,
        .channels = s->output_channels,
        .weights = weights,
        .columns = columns,
        .to = to,
        .to_image = to_image,
        .images = b->images,
        .lines = b->in_lines,
        .pixels = s->input_width,
        .at_once = g->tiles,
        .room = room,
        .tables = table};
    loops->winograd(&w);
    return;
  }
  for (size_t y = 0; y < s->stride; y++)
    for (size_t x = 0; x < s->stride; x++) {
      phase vertical = nas_phase_of(g, y), horizontal = nas_phase_of(g, x);
      if (y >= b->in_lines || x >= s->input_width) continue;
      size_t lines = quotient_up(b->in_lines - y, s->stride);
      size_t pixels = quotient_up(s->input_width - x, s->stride);
      // Where the window of the first pixel of this phase begins in the gathered gradient.
      size_t corner = (size_t)((long)g->before + vertical.first) * line_pitch +
                      (size_t)((long)g->before + horizontal.first) * g->gradient_words;
      if (vertical.taps == 0 || horizontal.taps == 0) {
        for (size_t image = 0; image < b->images; image++)
          for (size_t line = 0; line < lines; line++)
            for (size_t pixel = 0; pixel < pixels; pixel++)
              memset(
                  to + image * to_image +
                      ((y + line * s->stride) * s->input_width + x + pixel * s->stride) * columns,
                  0, columns * sizeof *to);
        continue;
      }
      if (s->depthwise) {
        for (size_t image = 0; image < b->images; image++) {
          nas_depthwise d = {
              .from = gradient + image * image_pitch + corner,
              .from_line = line_pitch,
              .from_pixel = s->output_channels,
              .row_pitch = line_pitch,
              .tap_pitch = s->output_channels,
              .rows = vertical.taps,
              .taps = horizontal.taps,
              .weights = weights,
              .channels = s->input_channels,
              .pitch = columns,
              .to = to + image * to_image + (y * s->input_width + x) * columns,
              .to_line = s->stride * s->input_width * columns,
              .to_pixel = s->stride * columns,
              .lines = lines,
              .pixels = pixels};
          loops->depthwise(&d);
        }
        weights += vertical.taps * horizontal.taps * columns;
        continue;
      }
      int32_t *in = table, *out = table + b->images * lines * pixels;
      size_t count = 0;
      for (size_t image = 0; image < b->images; image++)
        for (size_t line = 0; line < lines; line++)
          for (size_t pixel = 0; pixel < pixels; pixel++, count++) {
            in[count] = (int32_t)(image * image_pitch + corner + line * line_pitch +
                                  pixel * g->gradient_words);
            out[count] = (int32_t)(image * to_image + ((y + line * s->stride) * s->input_width + x +
                                                       pixel * s->stride) *
                                                          columns);
          }
      nas_multiply m = {
          .from = gradient,
          .in = in,
          .row_pitch = line_pitch,
          .rows = vertical.taps,
          .length = horizontal.taps * g->gradient_words,
          .weights = weights,
          .columns = columns,
          .to = to,
          .out = out,
          .pixels = count};
      (g->pairs ? loops->multiply_pairs : loops->multiply)(&m);
      weights += vertical.taps * horizontal.taps * g->gradient_words * columns;
    }
}

// Adds a band's part of the gradient of the weights where windows have one pixel, two pixels at a time.
static void gradient_of_weights_in_pairs(
    const geometry *g, const band *b, const float *x, const float *gradient, float *room,
    float *to) {
  const nas_convolution *s = &g->sizes;
  const nas_loops *loops = nas_processor_loops();
  size_t inputs = s->input_channels, outputs = s->output_channels;
  // Without a stride the lines lie one behind the other.
  size_t lines = s->stride == 1 ? 1 : b->images * b->lines;
  size_t pixels = s->stride == 1 ? b->images * b->lines * s->output_width : s->output_width;
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
  nas_outer_product o = {
      .from = room,
      .gradient = gradient_room,
      .images = 1,
      .lines = 1,
      .pixels = lines * pairs,
      .from_pixel = inputs,
      .gradient_pixel = outputs,
      .rows = 1,
      .length = inputs,
      .columns = g->out_columns,
      .to = to};
  loops->outer_product_pairs(&o);
}

// Adds a band's part of the gradient of the weights to the thread's own.
static void gradient_of_weights(
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

// Hands a band's gradient of the input on, line by line.
static void finish_input_gradient(
    const backward_call *call, const band *b, const float *x, const float *to, part_sums *sums) {
  const geometry *g = &call->g;
  const nas_convolution *s = &g->sizes;
  const nas_sink *sink = call->sink;
  size_t channels = s->input_channels;
  size_t to_image = g->lines * s->stride * s->input_width * g->in_columns;
  // Where no padding lies between the lines, they are finished in one go.
  int dense = s->kernel == 1 && s->stride == 1;
  size_t lines = dense ? 1 : b->in_lines;
  size_t pixels = dense ? b->in_lines * s->input_width : s->input_width;
  for (size_t image = 0; image < b->images; image++) {
    for (size_t line = 0; line < lines; line++) {
      size_t first = ((b->image + image) * s->input_height + b->in_line + line) * s->input_width *
                     channels;
      nas_finish_gradient f = {
          .from = to + image * to_image + line * s->input_width * g->in_columns,
          .from_pitch = g->in_columns,
          .value = x + ((image * g->from_height + line + g->padding) * g->from_width + g->padding) *
                           channels,
          .activation = sink->finishes ? sink->activation : NAS_NONE,
          .x = sink->finishes && sink->x ? nas_element(sink->x, sink->type, first) : NULL,
          .mean = sink->mean,
          .gradient = nas_element(sink->gradient, sink->type, first),
          .adds = sink->adds,
          .type = sink->type,
          .streams = call->streams,
          .pixels = pixels,
          .channels = channels,
          .sum = sums->sum,
          .product = sums->square};
      nas_processor_loops()->finish_gradient(&f);
    }
    flush(sums, channels);
  }
}

static void run_backward(void *context, int thread, int threads) {
  const backward_call *call = context;
  const geometry *g = &call->g;
  float *memory = call->scratch + (size_t)thread * call->l.total;
  float *from = memory + call->l.from, *to = memory + call->l.to;
  float *gradient = memory + call->l.gradient, *pairs = memory + call->l.pairs;
  float *weights = memory + call->l.weights;
  size_t columns = most(g->in_columns, g->out_columns);
  part_sums sums = sums_in(memory + call->l.sums, columns);
  memset(memory + call->l.sums, 0, 7 * columns * sizeof *memory);
  if (call->weighs) memset(weights, 0, (call->l.total - call->l.weights) * sizeof *weights);
  size_t begin, end;
  nas_share(g->parts, thread, threads, &begin, &end);
  for (size_t index = begin; index < end; index++) {
    band b = nas_band_at(g, index, 0);
    const float *x = nas_gather_band(g, &b, &call->source, 0, from);
    nas_gather_band_gradient(g, &b, &call->gradient, gradient);
    if (call->weighs)
      gradient_of_weights(g, &b, x, gradient, memory + call->l.tiles, pairs, weights);
    if (!call->sink) continue;
    if (g->pairs) pair_gradient(g, &b, gradient, pairs);
    gradient_of_input(
        call, &b, g->pairs ? pairs : gradient, (int32_t *)(memory + call->l.tables),
        memory + call->l.tiles, to);
    finish_input_gradient(call, &b, x, to, &sums);
  }
}

void nas_fused_backward(
    const nas_convolution *sizes, const nas_source *source, const float *weights,
    const nas_gradient *gradient, float *weight_gradient, const nas_sink *sink, void *scratch) {
  backward_call call = {
      .g = nas_geometry_of(sizes, source->type, BACKWARD),
      .sink = sink,
      .weighs = weight_gradient != NULL};
  const geometry *g = &call.g;
  call.l = nas_layout_of(g, BACKWARD);
  call.source = nas_repeated_source(g, source, scratch);
  call.gradient = nas_repeated_gradient(g, gradient, (float *)scratch + 2 * REPEATED);
  scratch = (float *)scratch + ROOM_FOR_REPEATED;
  call.packed = scratch;
  call.scratch = (float *)scratch + rounded_up(nas_packed_weights(g, 1), SLACK);
  call.streams = sink && nas_streams(
                             sink->gradient, sink->type,
                             sizes->batch * sizes->input_height * sizes->input_width,
                             sizes->input_channels);
  if (sink) nas_pack_backward(g, weights, scratch);
  call.threads = nas_on_each_thread(run_backward, &call);
  if (call.weighs)
    nas_unpack_gradient(
        g, call.scratch + call.l.weights, call.l.total, call.threads, weight_gradient);
  if (sink && sink->finishes && sink->x) {
    size_t channels = sizes->input_channels;
    memset(sink->sums, 0, 2 * channels * sizeof *sink->sums);
    for (int thread = 0; thread < call.threads; thread++) {
      part_sums t = sums_in(
          call.scratch + (size_t)thread * call.l.total + call.l.sums,
          most(g->in_columns, g->out_columns));
      for (size_t c = 0; c < channels; c++) {
        sink->sums[c] += t.total[c];
        sink->sums[channels + c] += t.total_square[c];
      }
    }
  }
}
