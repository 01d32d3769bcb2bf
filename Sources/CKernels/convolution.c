// Convolutions that normalise what they read and measure what they write.
//
// Between memory and the arithmetic lie three moves, made for one band of an image at a time:
//
//   gather    read the band once, normalise it, lay it out with its zero padding
//   multiply  pixels by packed weights, from the cache into the cache
//   finish    write the result once, with the sums that the next normalisation needs
//
// so that a layer with its batch normalisation and activation costs one read and one write of its
// activations forward, and three reads and one write backward. Bands are divided among the threads
// in order; every thread sums on its own, and the sums are added in the order of the threads.

#include <math.h>
#include <string.h>

#include "bands.h"

// So many pixels are added up in floats before the sum goes to one in doubles.
#define SUMMED_PIXELS 1024

typedef struct {
  geometry g;
  layout l;
  const nas_source *source;
  const float *packed;
  const nas_result *result;
  int streams;
  float *scratch;
} forward_call;

// Normalises what was computed from pixel `first` on, adds the other branch of a residual sum, and
// writes the end of it.
static void finish_normalized(
    const forward_call *f, const float *from, size_t first, size_t pixels, float *room) {
  const nas_loops *loops = nas_processor_loops();
  const nas_result *r = f->result;
  size_t channels = f->g.sizes.output_channels, columns = f->g.out_columns;
  size_t at_once = r->addend ? most(1, ADDEND_FLOATS / channels) : pixels;
  for (size_t pixel = 0; pixel < pixels; pixel += at_once) {
    size_t count = least(at_once, pixels - pixel);
    if (r->addend)
      loops->gather(
          room, nas_element(r->addend->x, r->addend->type, (first + pixel) * channels),
          r->addend->type, count, channels, r->addend->scale, r->addend->shift,
          r->addend->activation);
    loops->normalize(
        nas_element(r->y, r->type, (first + pixel) * channels), r->type, from + pixel * columns,
        NAS_FLOAT32, columns, r->addend ? room : NULL, count, channels, r->scale, r->shift,
        r->activation);
  }
}

// Takes the first pixel as what sums are about. Distances from it need its type's few bits: if it had
// more, adding them to a large sum would round all of them in the same direction.
static void take_pivot(float *pivot, const float *pixel, size_t channels, nas_type type) {
  memcpy(pivot, pixel, channels * sizeof *pixel);
  if (type != NAS_BFLOAT16) return;
  for (size_t c = 0; c < channels; c++) {
    uint32_t bits;
    memcpy(&bits, pivot + c, sizeof bits);
    bits &= 0xffff0000;
    memcpy(pivot + c, &bits, sizeof bits);
  }
}

static void run_forward(void *context, int thread, int threads) {
  const forward_call *f = context;
  const geometry *g = &f->g;
  const nas_convolution *s = &g->sizes;
  const nas_loops *loops = nas_processor_loops();
  float *memory = f->scratch + (size_t)thread * f->l.total;
  float *from = memory + f->l.from, *to = memory + f->l.to;
  int32_t *in = (int32_t *)(memory + f->l.tables);
  size_t columns = g->out_columns;
  size_t pixels_per_image = g->lines * s->output_width;
  int32_t *out = in + g->images * pixels_per_image;
  thread_sums sums = sums_in(memory + f->l.sums, most(g->in_columns, g->out_columns));
  size_t line_pitch = g->from_width * g->from_words;
  size_t image_pitch = g->from_height * line_pitch;

  if (!s->depthwise && !g->winograd)
    for (size_t p = 0; p < g->images * pixels_per_image; p++) {
      size_t image = p / pixels_per_image, line = p % pixels_per_image / s->output_width;
      in[p] = (int32_t)(image * image_pitch + line * s->stride * line_pitch +
                        p % s->output_width * s->stride * g->from_words);
      out[p] = (int32_t)(p * columns);
    }
  memset(memory + f->l.sums, 0, 7 * most(g->in_columns, g->out_columns) * sizeof *memory);

  size_t begin, end;
  nas_share(g->bands, thread, threads, &begin, &end);
  for (size_t index = begin; index < end; index++) {
    band b = nas_band_at(g, index);
    const float *x = nas_gather_band(g, &b, f->source, g->pairs, from);
    size_t pixels = b.images * b.lines * s->output_width;
    if (s->depthwise) {
      for (size_t image = 0; image < b.images; image++) {
        nas_depthwise d = {
            .from = x + image * image_pitch,
            .from_line = s->stride * line_pitch,
            .from_pixel = s->stride * s->input_channels,
            .row_pitch = line_pitch,
            .tap_pitch = s->input_channels,
            .rows = s->kernel,
            .taps = s->kernel,
            .weights = f->packed,
            .channels = s->input_channels,
            .pitch = g->in_columns,
            .to = to + image * b.lines * s->output_width * columns,
            .to_line = s->output_width * columns,
            .to_pixel = columns,
            .lines = b.lines,
            .pixels = s->output_width};
        loops->depthwise(&d);
      }
    } else if (g->winograd) {
      nas_winograd w = {
          .from = x,
          .from_image = image_pitch,
          .from_line = line_pitch,
          .channels = s->input_channels,
          .weights = f->packed,
          .columns = columns,
          .to = to,
          .to_image = b.lines * s->output_width * columns,
          .images = b.images,
          .lines = b.lines,
          .pixels = s->output_width,
          .at_once = g->tiles,
          .room = memory + f->l.tiles,
          .tables = in};
      loops->winograd(&w);
    } else {
      nas_multiply m = {
          .from = x,
          .in = in,
          .row_pitch = line_pitch,
          .rows = s->kernel,
          .length = s->kernel * g->from_words,
          .weights = f->packed,
          .columns = columns,
          .to = to,
          .out = out,
          .pixels = pixels};
      (g->pairs ? loops->multiply_pairs : loops->multiply)(&m);
    }
    size_t first = (b.image * s->output_height + b.line) * s->output_width;
    if (f->result->scale) {
      finish_normalized(f, to, first, pixels, memory + f->l.addend);
      continue;
    }
    int measures = f->result->mean != NULL;
    if (measures && index == begin) take_pivot(sums.pivot, to, s->output_channels, f->result->type);
    for (size_t pixel = 0; pixel < pixels; pixel += SUMMED_PIXELS) {
      loops->finish(
          nas_element(f->result->y, f->result->type, (first + pixel) * s->output_channels),
          f->result->type, f->streams, to + pixel * columns, columns,
          least(SUMMED_PIXELS, pixels - pixel), s->output_channels, measures ? sums.pivot : NULL,
          sums.sum, sums.square);
      if (measures) flush(&sums, s->output_channels);
    }
  }
}

// Joins the threads' sums, each about a pivot of its own, to the mean and variance of all.
static void join_statistics(const forward_call *f, int threads, float *mean, float *variance) {
  const geometry *g = &f->g;
  const nas_convolution *s = &g->sizes;
  for (size_t c = 0; c < s->output_channels; c++) {
    double count = 0, center = 0, squares = 0;
    for (int thread = 0; thread < threads; thread++) {
      size_t begin, end;
      nas_share(g->bands, thread, threads, &begin, &end);
      double n = 0;
      for (size_t index = begin; index < end; index++) {
        band b = nas_band_at(g, index);
        n += (double)(b.images * b.lines * s->output_width);
      }
      if (n == 0) continue;
      thread_sums t = sums_in(
          f->scratch + (size_t)thread * f->l.total + f->l.sums,
          most(g->in_columns, g->out_columns));
      double own = t.pivot[c] + t.total[c] / n;
      double own_squares = t.total_square[c] - t.total[c] * t.total[c] / n;
      double distance = own - center;
      squares += own_squares + distance * distance * count * n / (count + n);
      center += distance * n / (count + n);
      count += n;
    }
    mean[c] = (float)center;
    variance[c] = (float)(squares > 0 || isnan(squares) ? squares / count : 0);
  }
}

void nas_fused_forward(
    const nas_convolution *sizes, const nas_source *source, const float *weights,
    const float *packed, const nas_result *result, void *scratch) {
  forward_call f = {.g = nas_geometry_of(sizes, source->type, 0), .source = source, .result = result};
  f.l = nas_layout_of(&f.g, 0);
  f.streams = nas_streams(
      result->y, result->type, sizes->batch * sizes->output_height * sizes->output_width,
      sizes->output_channels);
  f.packed = packed ? packed : scratch;
  f.scratch = (float *)scratch + rounded_up(nas_packed_weights(&f.g, 0), SLACK);
  if (!packed) nas_pack_forward(&f.g, weights, scratch);
  int threads = nas_on_each_thread(run_forward, &f);
  if (result->mean) join_statistics(&f, threads, result->mean, result->variance);
}
