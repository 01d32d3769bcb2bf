// The backward pass of convolution.c: a band's gradient and input are gathered once, and serve for the
// gradient of the weights and for that of the input.

#include <string.h>

#include "bands.h"

typedef struct {
  geometry g;
  layout l;
  nas_source source, repeated_source;
  nas_gradient gradient, repeated_gradient;
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

// Hands a band's gradient of the input on, line by line.
static void finish_input_gradient(
    const backward_call *call, const band *b, const float *to, part_sums *sums) {
  const geometry *g = &call->g;
  const nas_convolution *s = &g->sizes;
  const nas_sink *sink = call->sink;
  const nas_source *source = &call->source;
  size_t channels = s->input_channels;
  size_t to_image = g->lines * s->stride * s->input_width * g->in_columns;
  // Where no padding lies between the lines, they are finished in one go.
  int dense = s->kernel == 1 && s->stride == 1;
  size_t lines = dense ? 1 : b->in_lines;
  size_t pixels = dense ? b->in_lines * s->input_width : s->input_width;
  for (size_t image = 0; image < b->images; image++) {
    for (size_t line = 0; line < lines; line++) {
      size_t first = ((b->image + image) * s->input_height + b->in_line + line) * s->input_width;
      nas_finish_gradient f = {
          .from = to + image * to_image + line * s->input_width * g->in_columns,
          .from_pitch = g->in_columns,
          .value = nas_element(source->x, source->type, first * source->pitch),
          .value_pitch = source->pitch,
          .scale = source->scale,
          .shift = source->shift,
          .activation = sink->finishes ? sink->activation : NAS_NONE,
          .x = sink->finishes && sink->x ? nas_element(sink->x, sink->type, first * channels) : NULL,
          .mean = sink->mean,
          .gradient = nas_element(sink->gradient, sink->type, first * channels),
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

// Whether nothing is read but pairs: of a window of one pixel without a stride.
static int is_all_pairs(const backward_call *call) {
  const nas_convolution *s = &call->g.sizes;
  return call->g.pairs && s->kernel == 1 && s->stride == 1 && call->gradient.type == NAS_BFLOAT16;
}

// Lays out a band of such windows, whose pixels lie one behind the other: its input in pairs of pixels, its
// gradient in those and in pairs of channels.
static void gather_all_pairs(
    const backward_call *call, const band *b, float *x, float *gradient, float *gradient_channels) {
  const nas_convolution *s = &call->g.sizes;
  const nas_loops *loops = nas_processor_loops();
  const nas_source *source = &call->source;
  const nas_gradient *r = &call->gradient;
  size_t first = b->line * s->output_width, pixels = b->lines * s->output_width;
  if (call->weighs)
    loops->gather_pixel_pairs(
        x, nas_element(source->x, NAS_BFLOAT16, first * source->pitch), source->pitch, pixels,
        s->input_channels, source->scale, source->shift, source->activation);
  loops->gather_gradient_pairs(
      gradient, gradient_channels, nas_element(r->gradient, NAS_BFLOAT16, first * s->output_channels),
      nas_element(r->x, NAS_BFLOAT16, first * s->output_channels), pixels, s->output_channels, r->a, r->b,
      r->c);
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
    if (is_all_pairs(call)) {
      gather_all_pairs(call, &b, from, gradient, pairs);
      if (call->weighs)
        nas_add_pair_products(
            g, from, gradient, quotient_up(b.lines * g->sizes.output_width, 2), weights);
    } else {
      const float *x = nas_gather_band(g, &b, &call->repeated_source, 0, from);
      nas_gather_band_gradient(g, &b, &call->repeated_gradient, gradient);
      if (call->weighs)
        nas_add_weight_gradient(g, &b, x, gradient, memory + call->l.tiles, pairs, weights);
      if (call->sink && g->pairs) pair_gradient(g, &b, gradient, pairs);
    }
    if (!call->sink) continue;
    gradient_of_input(
        call, &b, g->pairs ? pairs : gradient, (int32_t *)(memory + call->l.tables),
        memory + call->l.tiles, to);
    finish_input_gradient(call, &b, to, &sums);
  }
}

void nas_fused_backward(
    const nas_convolution *sizes, const nas_source *source, const float *weights,
    const nas_gradient *gradient, float *weight_gradient, const nas_sink *sink, void *scratch) {
  backward_call call = {
      .g = nas_geometry_of(sizes, source->type, BACKWARD),
      .source = *source,
      .gradient = *gradient,
      .sink = sink,
      .weighs = weight_gradient != NULL};
  const geometry *g = &call.g;
  call.l = nas_layout_of(g, BACKWARD);
  call.repeated_source = nas_repeated_source(g, source, scratch);
  call.repeated_gradient = nas_repeated_gradient(g, gradient, (float *)scratch + 2 * REPEATED);
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
