// The first half of an inverted residual: what a depthwise convolution reads, computed by a convolution of
// 1×1 windows as it is read. So it is never written to memory, although it is the widest of the block.

#include <string.h>

#include "bands.h"

// Sets what lies around the pixels of an image to zero.
static void pad(const geometry *g, const lines_read *l, float *image) {
  size_t pixels = g->sizes.input_width, columns = g->from_words;
  size_t pitch = g->from_width * columns;
  size_t end = l->above + l->inside;
  memset(image, 0, l->above * pitch * sizeof *image);
  memset(image + end * pitch, 0, (l->all - end) * pitch * sizeof *image);
  for (size_t line = l->above; line < end; line++) {
    float *left = image + line * pitch, *right = left + (g->padding + pixels) * columns;
    memset(left, 0, g->padding * columns * sizeof *left);
    memset(right, 0, (g->from_width - g->padding - pixels) * columns * sizeof *right);
  }
}

// The pixels of the source as its products want them, in words of pairs or in floats; where they lie.
static const float *source_pixels(
    const nas_source *source, int in_pairs, size_t first, size_t pixels, size_t channels, float *room) {
  if (nas_lies_ready(source, channels, in_pairs))
    return nas_element(source->x, source->type, first * channels);
  nas_gather_source(source, channels, 1, in_pairs, room, first, pixels);
  return room;
}

void nas_expand_band(
    const geometry *g, const band *b, const nas_source *source, nas_type type, float *to, float *room,
    int32_t *tables) {
  const nas_loops *loops = nas_processor_loops();
  const nas_convolution *s = &g->sizes;
  const nas_expansion *e = source->expansion;
  const lines_read l = nas_lines_read(g, b);
  size_t channels = s->source_channels, columns = g->from_words;
  size_t line_pitch = g->from_width * columns, image_pitch = g->from_height * line_pitch;
  size_t pixels = l.inside * s->input_width;  // of an image; those of several images follow
  int in_pairs = source->type == NAS_BFLOAT16 && loops->multiply_pairs;
  size_t words = in_pairs ? quotient_up(channels, 2) : channels;
  int32_t *in = tables, *out = tables + b->images * pixels;
  size_t pixel = 0;
  for (size_t image = 0; image < b->images; image++)
    for (size_t line = l.above; line < l.above + l.inside; line++)
      for (size_t x = 0; x < s->input_width; x++, pixel++) {
        in[pixel] = (int32_t)(pixel * words);
        out[pixel] = (int32_t)(image * image_pitch + line * line_pitch + (g->padding + x) * columns);
      }
  nas_multiply m = {
      .from = source_pixels(source, in_pairs, l.first, b->images * pixels, channels, room),
      .in = in,
      .rows = 1,
      .length = words,
      .weights = e->packed,
      .columns = columns,
      .to = to,
      .out = out,
      .pixels = pixel,
      .scale = e->scale,
      .shift = e->shift,
      .activation = e->activation,
      .rounds = type == NAS_BFLOAT16};
  (in_pairs ? loops->multiply_pairs_and_end : loops->multiply_and_end)(&m);
  for (size_t image = 0; image < b->images; image++) pad(g, &l, to + image * image_pitch);
}
