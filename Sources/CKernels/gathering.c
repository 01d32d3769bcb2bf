// What a band reads, laid out in the cache with the zeros around it.

#include <string.h>

#include "bands.h"

nas_source nas_repeated_source(const geometry *g, const nas_source *source, float *room) {
  nas_source s = *source;
  size_t channels = g->sizes.source_channels ? 0 : g->sizes.input_channels;
  s.scale = nas_repeated(s.scale, channels, channels ? g->in_abreast : 1, room);
  s.shift = nas_repeated(s.shift, channels, channels ? g->in_abreast : 1, room + REPEATED);
  return s;
}

void nas_repeat_result(
    const geometry *g, const nas_result *result, float *room, const float **scale, const float **shift) {
  size_t channels = g->sizes.output_channels;
  *scale = nas_repeated(result->scale, channels, g->out_abreast, room);
  *shift = nas_repeated(result->shift, channels, g->out_abreast, room + REPEATED);
}

nas_gradient nas_repeated_gradient(const geometry *g, const nas_gradient *gradient, float *room) {
  nas_gradient r = *gradient;
  size_t channels = g->sizes.output_channels;
  r.a = nas_repeated(r.a, channels, g->out_abreast, room);
  r.b = nas_repeated(r.b, channels, g->out_abreast, room + REPEATED);
  r.c = nas_repeated(r.c, channels, g->out_abreast, room + 2 * REPEATED);
  return r;
}

int nas_lies_ready(const nas_source *source, size_t channels, int in_pairs) {
  return !source->scale && source->pitch == channels &&
         (in_pairs ? channels % 2 == 0 : source->type == NAS_FLOAT32);
}

void nas_gather_source(
    const nas_source *source, size_t channels, size_t abreast, int in_pairs, float *to, size_t first,
    size_t pixels) {
  const nas_loops *loops = nas_processor_loops();
  size_t pitch = source->pitch;
  const void *from = nas_element(source->x, source->type, first * pitch);
  if (pitch == channels && pixels % abreast == 0) {
    channels *= abreast;
    pitch = channels;
    pixels /= abreast;
  }
  if (in_pairs)
    loops->gather_pairs(
        to, from, pitch, pixels, channels, source->scale, source->shift, source->activation);
  else
    loops->gather(
        to, from, source->type, pitch, pixels, channels, source->scale, source->shift,
        source->activation);
}

lines_read nas_lines_read(const geometry *g, const band *b) {
  const nas_convolution *s = &g->sizes;
  lines_read l = {.all = g->from_height};
  if (b->lines < g->lines)
    l.all = most((nas_in_tiles(g, b->lines) - 1) * s->stride + s->kernel, b->lines * s->stride + g->padding);
  l.above = g->padding > b->in_line ? g->padding - b->in_line : 0;
  l.inside = least(l.all, s->input_height + g->padding - b->in_line) - l.above;
  l.first = (b->image * s->input_height + b->in_line + l.above - g->padding) * s->input_width;
  return l;
}

const float *nas_gather_band(
    const geometry *g, const band *b, const nas_source *source, int in_pairs, float *to) {
  const nas_convolution *s = &g->sizes;
  size_t channels = g->from_words;
  size_t first = (b->image * s->input_height + b->line) * s->input_width;  // of windows of one pixel
  int single = s->kernel == 1 && s->stride == 1 && !s->depthwise;
  if (single && nas_lies_ready(source, s->input_channels, in_pairs))
    return nas_element(source->x, source->type, first * s->input_channels);
  size_t pitch = g->from_width * channels;
  size_t right = g->from_width - g->padding - least(s->input_width, g->from_width - g->padding);
  size_t pixels = g->from_width - g->padding - right;
  // Lines without padding lie one behind the other on both sides.
  if (pixels == g->from_width && pixels == s->input_width && s->kernel == 1 && s->stride == 1) {
    nas_gather_source(
        source, s->input_channels, g->in_abreast, in_pairs, to, first, b->images * b->lines * pixels);
    return to;
  }
  const lines_read l = nas_lines_read(g, b);
  for (size_t image = 0; image < b->images; image++)
    for (size_t line = 0; line < l.all; line++) {
      float *target = to + (image * g->from_height + line) * pitch;
      if (line < l.above || line >= l.above + l.inside) {
        memset(target, 0, pitch * sizeof *target);
        continue;
      }
      memset(target, 0, g->padding * channels * sizeof *target);
      nas_gather_source(
          source, s->input_channels, g->in_abreast, in_pairs, target + g->padding * channels,
          l.first + (image * s->input_height + line - l.above) * s->input_width, pixels);
      memset(target + (g->padding + pixels) * channels, 0, right * channels * sizeof *target);
    }
  return to;
}

// Lays out the gradient of pixels from pixel `first` on.
static void gather_gradient(
    const geometry *g, const nas_gradient *gradient, float *to, size_t first, size_t pixels) {
  size_t channels = g->sizes.output_channels, element = first * channels;
  size_t together = pixels % g->out_abreast == 0 ? g->out_abreast : 1;
  nas_processor_loops()->gather_gradient(
      to, nas_element(gradient->gradient, gradient->type, element),
      nas_element(gradient->x, gradient->type, element), gradient->type, pixels / together,
      channels * together, gradient->a, gradient->b, gradient->c);
}

void nas_gather_band_gradient(
    const geometry *g, const band *b, const nas_gradient *gradient, float *to) {
  const nas_convolution *s = &g->sizes;
  size_t channels = s->output_channels;
  size_t pitch = g->gradient_width * channels;
  if (g->before + g->after == 0 && b->images == 1) {
    gather_gradient(
        g, gradient, to, (b->image * s->output_height + b->line) * s->output_width,
        b->lines * s->output_width);
    return;
  }
  for (size_t image = 0; image < b->images; image++)
    for (size_t line = 0; line < nas_in_tiles(g, b->lines) + g->before + g->after; line++) {
      float *target = to + (image * g->gradient_height + line) * pitch;
      size_t y = b->line + line;  // plus g->before
      if (y < g->before || y - g->before >= s->output_height) {
        memset(target, 0, pitch * sizeof *target);
        continue;
      }
      y -= g->before;
      memset(target, 0, g->before * channels * sizeof *target);
      gather_gradient(
          g, gradient, target + g->before * channels,
          ((b->image + image) * s->output_height + y) * s->output_width, s->output_width);
      memset(
          target + (g->before + s->output_width) * channels, 0,
          (g->gradient_width - g->before - s->output_width) * channels * sizeof *target);
    }
}
