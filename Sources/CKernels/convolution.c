// Convolutions that normalise what they read and measure what they write.
//
// Between memory and the arithmetic lie three moves, made for one band of an image at a time:
//
//   gather    read the band once, normalise it, lay it out with its zero padding
//   multiply  pixels by packed weights, from the cache into the cache
//   finish    write the result once, with the sums that the next normalisation needs
//
// so that a layer with its batch normalisation and activation costs one read and one write of its
// activations forward, and three reads and one write backward. Forward, threads take parts of a few
// bands as they are done with others; each part is summed on its own, and the sums are added in the order
// of the parts. Backward, bands are divided among the threads in order, for each thread sums gradients of
// its own.

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "bands.h"

// So many pixels are added up in floats before the sum goes to one in doubles.
#define SUMMED_PIXELS 1024

typedef struct {
  geometry g;
  layout l;
  nas_source source;
  const float *packed;
  const nas_result *result;
  const float *scale, *shift;  // the result's, repeated
  int streams;
  float *scratch;  // of the threads
  float *sums;     // of the parts
  _Atomic size_t dealt;
} forward_call;

// Normalises what was computed from pixel `first` on, adds the other branch of a residual sum, and
// writes the end of it.
static void finish_normalized(
    const forward_call *f, const float *from, size_t first, size_t pixels, float *room) {
  const nas_loops *loops = nas_processor_loops();
  const nas_result *r = f->result;
  size_t channels = f->g.sizes.output_channels, columns = f->g.out_columns;
  // What is final is added as it lies.
  int gathers = r->addend && r->addend->scale;
  size_t at_once = gathers ? most(1, ADDEND_FLOATS / channels) : pixels;
  for (size_t pixel = 0; pixel < pixels; pixel += at_once) {
    size_t count = least(at_once, pixels - pixel), element = (first + pixel) * channels;
    const void *addend = r->addend ? nas_element(r->addend->x, r->addend->type, element) : NULL;
    if (gathers)
      loops->gather(
          room, addend, r->addend->type, channels, count, channels, r->addend->scale,
          r->addend->shift, r->addend->activation);
    // Neighbours that lie side by side on both sides are one pixel of more channels.
    size_t together = columns == channels && count % f->g.out_abreast == 0 ? f->g.out_abreast : 1;
    loops->normalize(
        nas_element(r->y, r->type, element), r->type, from + pixel * columns, NAS_FLOAT32,
        columns * together, gathers ? room : addend,
        gathers || !addend ? NAS_FLOAT32 : r->addend->type, count / together, channels * together,
        f->scale, f->shift, r->activation);
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

// The memory of a thread, and of the part it is at.
typedef struct {
  float *from, *to, *source, *tiles, *addend;
  int32_t *in, *out;
  part_sums sums;
} workplace;

// Computes a band of few channels, from where its source lies or from its gathered pixels.
static void compute_planar(const forward_call *f, const band *b, const workplace *w) {
  const geometry *g = &f->g;
  const nas_convolution *s = &g->sizes;
  const nas_loops *loops = nas_processor_loops();
  const lines_read l = nas_lines_read(g, b);
  const nas_source *source = &f->source;
  int lies_ready = nas_lies_ready(source, s->input_channels, g->pairs);
  size_t line = s->input_width * g->from_words, pixels = l.inside * s->input_width;
  for (size_t image = 0; image < b->images && !lies_ready; image++)
    nas_gather_source(
        source, s->input_channels, g->in_abreast, g->pairs, w->from + image * l.inside * line,
        l.first + image * s->input_height * s->input_width, pixels);
  nas_planar p = {
      .from = lies_ready ? nas_element(source->x, source->type, l.first * s->input_channels) : w->from,
      .from_image = (lies_ready ? s->input_height : l.inside) * line,
      .from_line = line,
      .above = l.above,
      .inside = l.inside,
      .words = g->from_words,
      .kernel = s->kernel,
      .weights = f->packed,
      .columns = g->out_columns,
      .to = w->to,
      .to_image = b->lines * s->output_width * g->out_columns,
      .images = b->images,
      .lines = b->lines,
      .pixels = s->output_width,
      .room = w->tiles};
  (g->pairs ? loops->planar_pairs : loops->planar)(&p);
}

// Computes a band, from the gathered input into the workplace.
static void compute_band(const forward_call *f, const band *b, const float *x, const workplace *w) {
  const geometry *g = &f->g;
  const nas_convolution *s = &g->sizes;
  const nas_loops *loops = nas_processor_loops();
  size_t columns = g->out_columns;
  size_t line_pitch = g->from_width * g->from_words;
  size_t image_pitch = g->from_height * line_pitch;
  if (s->depthwise) {
    for (size_t image = 0; image < b->images; image++) {
      nas_depthwise d = {
          .from = x + image * image_pitch,
          .from_line = s->stride * line_pitch,
          .from_pixel = s->stride * g->from_words,
          .row_pitch = line_pitch,
          .tap_pitch = g->from_words,
          .rows = s->kernel,
          .taps = s->kernel,
          .weights = f->packed,
          .channels = s->input_channels,
          .pitch = g->in_columns,
          .to = w->to + image * b->lines * s->output_width * columns,
          .to_line = s->output_width * columns,
          .to_pixel = columns,
          .lines = b->lines,
          .pixels = s->output_width};
      loops->depthwise(&d);
    }
  } else if (g->winograd) {
    nas_winograd tiles = {
        .from = x,
        .from_image = image_pitch,
        .from_line = line_pitch,
        .channels = s->input_channels,
        .weights = f->packed,
        .columns = columns,
        .to = w->to,
        .to_image = b->lines * s->output_width * columns,
        .images = b->images,
        .lines = b->lines,
        .pixels = s->output_width,
        .at_once = g->tiles,
        .room = w->tiles,
        .tables = w->in};
    loops->winograd(&tiles);
  } else {
    nas_multiply m = {
        .from = x,
        .in = w->in,
        .row_pitch = line_pitch,
        .rows = s->kernel,
        .length = s->kernel * g->from_words,
        .weights = f->packed,
        .columns = columns,
        .to = w->to,
        .out = w->out,
        .pixels = b->images * b->lines * s->output_width};
    (g->pairs ? loops->multiply_pairs : loops->multiply)(&m);
  }
}

// Writes a band and adds to the sums of its part, in which `done` pixels precede it. Where they go from
// floats to doubles does not depend on how a part is cut into bands.
static void finish_measured(
    const forward_call *f, const float *from, size_t first, size_t pixels, size_t done,
    part_sums *sums) {
  const nas_result *r = f->result;
  size_t channels = f->g.sizes.output_channels, columns = f->g.out_columns;
  int measures = r->mean != NULL;
  if (measures && done == 0) take_pivot(sums->pivot, from, channels, r->type);
  for (size_t pixel = 0, count; pixel < pixels; pixel += count) {
    count = least(SUMMED_PIXELS - (done + pixel) % SUMMED_PIXELS, pixels - pixel);
    nas_processor_loops()->finish(
        nas_element(r->y, r->type, (first + pixel) * channels), r->type, f->streams,
        from + pixel * columns, columns, count, channels, measures ? sums->pivot : NULL, sums->sum,
        sums->square);
    if (measures && (done + pixel + count) % SUMMED_PIXELS == 0) flush(sums, channels);
  }
}

static void compute_part(const forward_call *f, size_t part, const workplace *w) {
  const geometry *g = &f->g;
  part_sums sums = {0};
  if (f->result->mean) {
    float *region = f->sums + part * nas_room_for_sums(g);
    memset(region, 0, nas_room_for_sums(g) * sizeof *region);
    sums = sums_in(region, most(g->in_columns, g->out_columns));
  }
  size_t done = 0;
  for (size_t index = 0; index < g->bands; index++) {
    band b = nas_band_at(g, part, index);
    size_t pixels = b.images * b.lines * g->sizes.output_width;
    if (pixels == 0) break;
    if (g->planar) {
      compute_planar(f, &b, w);
    } else if (f->source.expansion) {
      nas_expand_band(g, &b, &f->source, f->result->type, w->from, w->source, w->in);
      compute_band(f, &b, w->from, w);
    } else {
      compute_band(f, &b, nas_gather_band(g, &b, &f->source, g->pairs, w->from), w);
    }
    size_t first = (b.image * g->sizes.output_height + b.line) * g->sizes.output_width;
    if (f->result->scale)
      finish_normalized(f, w->to, first, pixels, w->addend);
    else
      finish_measured(f, w->to, first, pixels, done, &sums);
    done += pixels;
  }
  if (f->result->mean) flush(&sums, g->sizes.output_channels);
}

static void run_forward(void *context, int thread, int threads) {
  forward_call *f = context;
  (void)threads;
  const geometry *g = &f->g;
  const nas_convolution *s = &g->sizes;
  float *memory = f->scratch + (size_t)thread * f->l.total;
  size_t pixels = g->images * g->lines * s->output_width;
  workplace w = {
      .from = memory + f->l.from,
      .to = memory + f->l.to,
      .source = memory + f->l.source,
      .tiles = memory + f->l.tiles,
      .addend = memory + f->l.addend,
      .in = (int32_t *)(memory + f->l.tables)};
  w.out = w.in + pixels;
  if (!s->depthwise && !g->winograd && !g->planar) {
    size_t p = 0;
    for (size_t image = 0; image < g->images; image++)
      for (size_t line = 0; line < g->lines; line++)
        for (size_t x = 0; x < s->output_width; x++, p++) {
          size_t in_line = image * g->from_height + line * s->stride;
          w.in[p] = (int32_t)((in_line * g->from_width + x * s->stride) * g->from_words);
          w.out[p] = (int32_t)(p * g->out_columns);
        }
  }
  for (size_t part; (part = atomic_fetch_add(&f->dealt, 1)) < g->parts;) compute_part(f, part, &w);
}

// Joins the parts' sums, each about a pivot of its own, to the mean and variance of all.
static void join_statistics(const forward_call *f, float *mean, float *variance) {
  const geometry *g = &f->g;
  size_t channels = g->sizes.output_channels;
  size_t columns = most(g->in_columns, g->out_columns);
  part_sums all = sums_in(f->sums, columns);
  double count = 0;
  for (size_t part = 0; part < g->parts; part++) {
    double n = 0;
    for (size_t index = 0; index < g->bands; index++) {
      band b = nas_band_at(g, part, index);
      n += (double)(b.images * b.lines * g->sizes.output_width);
    }
    // From sums about the pivot to mean and squares about it; those of all in place of the first part's.
    part_sums t = sums_in(f->sums + part * nas_room_for_sums(g), columns);
    double of_all = n / (count + n), of_part = 1 / n;
    for (size_t c = 0; c < channels; c++) {
      double total = t.total[c];
      t.total[c] = t.pivot[c] + total * of_part;
      t.total_square[c] -= total * total * of_part;
    }
    for (size_t c = 0; c < channels && part > 0; c++) {
      double distance = t.total[c] - all.total[c];
      all.total[c] += distance * of_all;
      all.total_square[c] += t.total_square[c] + distance * distance * count * of_all;
    }
    count += n;
  }
  for (size_t c = 0; c < channels; c++) {
    double squares = all.total_square[c];
    mean[c] = (float)all.total[c];
    variance[c] = (float)(squares > 0 || isnan(squares) ? squares / count : 0);
  }
}

void nas_fused_forward(
    const nas_convolution *sizes, const nas_source *source, const float *weights,
    const float *packed, const nas_result *result, void *scratch) {
  pass purpose = result->scale ? KNOWN : MEASURED;
  forward_call f = {.g = nas_geometry_of(sizes, source->type, purpose), .result = result};
  f.l = nas_layout_of(&f.g, purpose);
  f.streams = nas_streams(
      result->y, result->type, sizes->batch * sizes->output_height * sizes->output_width,
      sizes->output_channels);
  f.source = nas_repeated_source(&f.g, source, scratch);
  nas_repeat_result(&f.g, result, (float *)scratch + 2 * REPEATED, &f.scale, &f.shift);
  scratch = (float *)scratch + ROOM_FOR_REPEATED;
  f.packed = packed ? packed : scratch;
  f.scratch = (float *)scratch + rounded_up(nas_packed_weights(&f.g, 0), SLACK);
  f.sums = f.scratch + f.l.total * (size_t)nas_threads();
  if (!packed) nas_pack_forward(&f.g, weights, scratch);
  nas_on_each_thread(run_forward, &f);
  if (result->mean) join_statistics(&f, result->mean, result->variance);
}
