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

#include "loops.h"
#include "parallel.h"

// A band and its result should leave room in a second-level cache of half a megabyte.
#define BAND_BYTES (128 * 1024)
#define MOST_BAND_BYTES (128 * 1024)
#define TILE_BYTES (96 * 1024)
#define STREAM_BYTES (8 * 1024 * 1024)

// From so many channels on both sides Winograd's filtering saves more than its transforms cost.
#define WINOGRAD_CHANNELS 8

static size_t least(size_t a, size_t b) { return a < b ? a : b; }
static size_t most(size_t a, size_t b) { return a > b ? a : b; }
static size_t quotient_up(size_t a, size_t b) { return (a + b - 1) / b; }
static size_t rounded_up(size_t a, size_t unit) { return quotient_up(a, unit) * unit; }

// MARK: Bands

// How a convolution is cut into bands. A band has either some lines of one image or several whole
// images.
typedef struct {
  nas_convolution sizes;
  size_t padding;
  size_t images, lines;     // of a band, at most
  size_t bands_per_image;   // 1 if a band has whole images
  size_t bands;
  size_t in_columns, out_columns;      // channels, rounded up to whole vectors
  int winograd;                        // whether 3×3 windows are computed in tiles of 2×2
  size_t tiles;                        // that are computed at a time
  // The gathered input: lines and pixels of one image of a band.
  size_t from_height, from_width;
  // The gathered gradient, with the zeros around it that a window may reach.
  size_t before, after, gradient_height, gradient_width;
} geometry;

// Lines or pixels of an output, rounded up to whole tiles.
static size_t in_tiles(const geometry *g, size_t count) {
  return g->winograd ? rounded_up(count, 2) : count;
}

static geometry geometry_of(const nas_convolution *sizes, int backward) {
  const size_t lanes = nas_processor_loops()->lanes;
  geometry g = {.sizes = *sizes, .padding = sizes->kernel / 2};
  nas_convolution *s = &g.sizes;
  // A window of one pixel knows no images, only pixels.
  if (s->kernel == 1 && s->stride == 1) {
    s->input_height *= s->batch;
    s->output_height = s->input_height;
    s->batch = 1;
  }
  g.in_columns = rounded_up(s->input_channels, lanes);
  g.out_columns = rounded_up(s->output_channels, lanes);
  g.winograd = s->kernel == 3 && s->stride == 1 && !s->depthwise &&
               least(s->input_channels, s->output_channels) >= WINOGRAD_CHANNELS;
  g.from_width = most((in_tiles(&g, s->output_width) - 1) * s->stride + s->kernel,
                      s->output_width * s->stride + g.padding);
  g.before = quotient_up(g.padding, s->stride);
  g.after = (s->stride - 1 + g.padding) / s->stride;
  g.gradient_width = in_tiles(&g, s->output_width) + g.before + g.after;

  size_t line = s->stride * g.from_width * s->input_channels + s->output_width * g.out_columns;
  size_t limit = BAND_BYTES;
  if (backward) {
    line += g.gradient_width * s->output_channels +
            s->stride * s->input_width * g.in_columns;
    size_t window = s->kernel * s->kernel * s->input_channels;
    // Gradients of many weights must be worth the way to the cache that holds them.
    size_t weights = s->depthwise ? 0 : window * g.out_columns * sizeof(float);
    limit = most(limit, least(weights, MOST_BAND_BYTES));
  }
  size_t lines = most(1, limit / (line * sizeof(float)));
  // The lines above and below a band are gathered twice, so it should not be too flat.
  if (s->kernel > 1) lines = most(lines, 4);
  // Enough bands for the threads.
  if (s->batch == 1)
    lines = least(lines, most(1, quotient_up(s->output_height, (size_t)nas_threads())));
  if (lines >= s->output_height) {
    size_t per_thread = quotient_up(s->batch, (size_t)nas_threads());
    size_t images = least(lines / s->output_height, per_thread);
    g.lines = s->output_height;
    g.bands_per_image = 1;
    g.bands = quotient_up(s->batch, images);
    g.images = quotient_up(s->batch, g.bands);
    g.bands = quotient_up(s->batch, g.images);
  } else {
    g.lines = quotient_up(s->output_height, quotient_up(s->output_height, lines));
    g.bands_per_image = quotient_up(s->output_height, g.lines);
    g.bands = s->batch * g.bands_per_image;
    g.images = 1;
  }
  g.from_height = most((in_tiles(&g, g.lines) - 1) * s->stride + s->kernel,
                       g.lines * s->stride + g.padding);
  g.gradient_height = in_tiles(&g, g.lines) + g.before + g.after;
  if (g.winograd) {
    size_t tile = NAS_WINOGRAD_PLACES * (rounded_up(s->input_channels, lanes) +
                                         rounded_up(s->output_channels, lanes));
    size_t band_tiles =
        g.images * in_tiles(&g, g.lines) / 2 * (in_tiles(&g, s->output_width) / 2);
    // A multiple of the pixels that a product takes at a time, with either set of registers.
    g.tiles = least(band_tiles, rounded_up(most(1, TILE_BYTES / (tile * sizeof(float))), 24));
  }
  return g;
}

// One band: which images and lines it has.
typedef struct {
  size_t image, images;
  size_t line, lines;        // of the output
  size_t in_line, in_lines;  // of the input that no other band has
} band;

static band band_at(const geometry *g, size_t index) {
  band b;
  if (g->bands_per_image == 1) {
    b.image = index * g->images;
    b.images = least(g->images, g->sizes.batch - b.image);
    b.line = 0;
    b.lines = g->lines;
  } else {
    b.image = index / g->bands_per_image;
    b.images = 1;
    b.line = index % g->bands_per_image * g->lines;
    b.lines = least(g->lines, g->sizes.output_height - b.line);
  }
  b.in_line = b.line * g->sizes.stride;
  b.in_lines = least(b.lines * g->sizes.stride, g->sizes.input_height - b.in_line);
  return b;
}

// MARK: Gather and finish

// Whether a result is too large to be found in a cache when it is read next, and lies so that a strip
// of two vectors writes whole cache lines: half of one written past the caches costs more than it
// saves.
static int streams(const void *array, nas_type type, size_t pixels, size_t channels) {
  const size_t line = 64;
  size_t element = type == NAS_BFLOAT16 ? 2 : 4;
  return pixels * channels * element >= STREAM_BYTES && (channels * element) % line == 0 &&
         (2 * nas_processor_loops()->lanes * element) % line == 0 && (uintptr_t)array % line == 0;
}

// Whether the source can be read where it lies.
static int lies_ready(const geometry *g, const nas_source *source) {
  return g->sizes.kernel == 1 && g->sizes.stride == 1 && !g->sizes.depthwise && !source->scale &&
         source->type == NAS_FLOAT32;
}

// Lays out the input of a band, zeros around it; returns where it lies.
static const float *gather_source(
    const geometry *g, const band *b, const nas_source *source, float *to) {
  const nas_convolution *s = &g->sizes;
  const nas_loops *loops = nas_processor_loops();
  size_t channels = s->input_channels;
  if (lies_ready(g, source))
    return (const float *)source->x + b->line * s->input_width * channels;
  size_t pitch = g->from_width * channels;
  size_t right = g->from_width - g->padding - least(s->input_width, g->from_width - g->padding);
  size_t pixels = g->from_width - g->padding - right;
  // Lines without padding lie one behind the other on both sides.
  if (pixels == g->from_width && pixels == s->input_width && s->kernel == 1 && s->stride == 1) {
    loops->gather(
        to, nas_element(source->x, source->type, b->line * s->input_width * channels), source->type,
        b->lines * pixels, channels, source->scale, source->shift, source->activation);
    return to;
  }
  size_t lines = b->lines == g->lines
                     ? g->from_height
                     : most((in_tiles(g, b->lines) - 1) * s->stride + s->kernel,
                            b->lines * s->stride + g->padding);
  for (size_t image = 0; image < b->images; image++)
    for (size_t line = 0; line < lines; line++) {
      float *target = to + (image * g->from_height + line) * pitch;
      size_t y = b->in_line + line;  // plus the padding
      if (y < g->padding || y - g->padding >= s->input_height) {
        memset(target, 0, pitch * sizeof *target);
        continue;
      }
      y -= g->padding;
      memset(target, 0, g->padding * channels * sizeof *target);
      loops->gather(
          target + g->padding * channels,
          nas_element(
              source->x, source->type,
              ((b->image + image) * s->input_height + y) * s->input_width * channels),
          source->type, pixels, channels, source->scale, source->shift, source->activation);
      memset(target + (g->padding + pixels) * channels, 0, right * channels * sizeof *target);
    }
  return to;
}

// Lays out the gradient of a band's output, with the lines around it that windows reach.
static void gather_gradient(
    const geometry *g, const band *b, const nas_gradient *gradient, float *to) {
  const nas_convolution *s = &g->sizes;
  const nas_loops *loops = nas_processor_loops();
  size_t channels = s->output_channels;
  size_t pitch = g->gradient_width * channels;
  if (g->before + g->after == 0 && b->images == 1) {
    size_t first = (b->image * s->output_height + b->line) * s->output_width * channels;
    loops->gather_gradient(
        to, nas_element(gradient->gradient, gradient->type, first),
        nas_element(gradient->x, gradient->type, first), gradient->type, b->lines * s->output_width,
        channels, gradient->a, gradient->b, gradient->c);
    return;
  }
  for (size_t image = 0; image < b->images; image++)
    for (size_t line = 0; line < in_tiles(g, b->lines) + g->before + g->after; line++) {
      float *target = to + (image * g->gradient_height + line) * pitch;
      size_t y = b->line + line;  // plus g->before
      if (y < g->before || y - g->before >= s->output_height) {
        memset(target, 0, pitch * sizeof *target);
        continue;
      }
      y -= g->before;
      memset(target, 0, g->before * channels * sizeof *target);
      size_t first =
          ((b->image + image) * s->output_height + y) * s->output_width * channels;
      loops->gather_gradient(
          target + g->before * channels, nas_element(gradient->gradient, gradient->type, first),
          nas_element(gradient->x, gradient->type, first), gradient->type, s->output_width, channels,
          gradient->a, gradient->b, gradient->c);
      memset(
          target + (g->before + s->output_width) * channels, 0,
          (g->gradient_width - g->before - s->output_width) * channels * sizeof *target);
    }
}

// MARK: Weights

// The pixels of the input that lie `phase` past a multiple of the stride: which places of the window
// they meet, in one direction. The gradient reaches them from `taps` neighbouring outputs, the first
// of which is `first` past the pixel's own, through places `last`, `last` - stride, ….
typedef struct {
  size_t taps, last;
  long first;
} phase;

static phase phase_of(const geometry *g, size_t offset) {
  size_t kernel = g->sizes.kernel, stride = g->sizes.stride;
  size_t lowest = (offset + g->padding) % stride;
  phase p = {0};
  if (lowest >= kernel) return p;
  p.taps = (kernel - 1 - lowest) / stride + 1;
  p.last = lowest + (p.taps - 1) * stride;
  p.first = ((long)(offset + g->padding) - (long)p.last) / (long)stride;
  return p;
}

// Floats of packed weights; a phase's lie behind those of the phases before it.
static size_t packed_weights(const geometry *g, int backward) {
  const nas_convolution *s = &g->sizes;
  size_t window = g->winograd ? NAS_WINOGRAD_PLACES : s->kernel * s->kernel;
  if (s->depthwise) return window * g->in_columns;
  return backward ? window * s->output_channels * g->in_columns
                  : window * s->input_channels * g->out_columns;
}

typedef struct {
  const geometry *g;
  const float *weights;
  float *packed;
  phase vertical, horizontal;
} pack_call;

// The panel that holds column `first` of `columns`; its vectors.
static size_t panel_at(size_t first, size_t columns, size_t lanes) {
  return nas_panel((columns - first) / lanes, lanes);
}

// [panel][window row][window column · input][output]
static void pack_forward(const pack_call *p, size_t column, size_t panel) {
  const nas_convolution *s = &p->g->sizes;
  size_t kernel = s->kernel, inputs = s->input_channels;
  float *to = p->packed + column * kernel * kernel * inputs;
  for (size_t n = 0; n < panel; n++) {
    size_t output = column + n;
    for (size_t input = 0; input < inputs; input++)
      for (size_t k = 0; k < kernel * kernel; k++)
        to[(k * inputs + input) * panel + n] =
            output < s->output_channels
                ? p->weights[output * s->weight_row_stride + input * kernel * kernel + k]
                : 0;
  }
}

// [panel][window row][window column · output][input], the places of one phase, last ones first
static void pack_backward(const pack_call *p, size_t column, size_t panel) {
  const nas_convolution *s = &p->g->sizes;
  size_t kernel = s->kernel, outputs = s->output_channels;
  float *to = p->packed + column * p->vertical.taps * p->horizontal.taps * outputs;
  for (size_t y = 0; y < p->vertical.taps; y++)
    for (size_t x = 0; x < p->horizontal.taps; x++) {
      size_t place = (p->vertical.last - y * s->stride) * kernel + p->horizontal.last - x * s->stride;
      for (size_t output = 0; output < outputs; output++)
        for (size_t n = 0; n < panel; n++) {
          size_t input = column + n;
          *to++ = input < s->input_channels
                      ? p->weights[output * s->weight_row_stride + input * kernel * kernel + place]
                      : 0;
        }
    }
}

// G g Gᵀ: a window of 3×3 weights for the places of a tile.
static void transform_window(const float g[9], float u[NAS_WINOGRAD_PLACES]) {
  float t[4][3];
  for (int x = 0; x < 3; x++) {
    t[0][x] = g[x];
    t[1][x] = 0.5f * (g[x] + g[3 + x] + g[6 + x]);
    t[2][x] = 0.5f * (g[x] - g[3 + x] + g[6 + x]);
    t[3][x] = g[6 + x];
  }
  for (int y = 0; y < 4; y++) {
    u[4 * y] = t[y][0];
    u[4 * y + 1] = 0.5f * (t[y][0] + t[y][1] + t[y][2]);
    u[4 * y + 2] = 0.5f * (t[y][0] - t[y][1] + t[y][2]);
    u[4 * y + 3] = t[y][2];
  }
}

// [place][panel][input][output] forward; backward the window is turned about, and inputs and outputs
// change places.
static void pack_winograd(const pack_call *p, size_t column, size_t panel, int backward) {
  const nas_convolution *s = &p->g->sizes;
  size_t rows = backward ? s->output_channels : s->input_channels;
  size_t used = backward ? s->input_channels : s->output_channels;
  size_t columns = backward ? p->g->in_columns : p->g->out_columns;
  for (size_t row = 0; row < rows; row++)
    for (size_t n = 0; n < panel; n++) {
      float g[9] = {0}, u[NAS_WINOGRAD_PLACES];
      if (column + n < used) {
        size_t output = backward ? row : column + n, input = backward ? column + n : row;
        const float *w = p->weights + output * s->weight_row_stride + input * 9;
        for (int k = 0; k < 9; k++) g[k] = w[backward ? 8 - k : k];
      }
      transform_window(g, u);
      for (size_t place = 0; place < NAS_WINOGRAD_PLACES; place++)
        p->packed[place * rows * columns + column * rows + row * panel + n] = u[place];
    }
}

static void run_pack_forward(void *context, int thread, int threads) {
  const pack_call *p = context;
  size_t lanes = nas_processor_loops()->lanes, columns = p->g->out_columns;
  size_t index = 0;
  for (size_t column = 0; column < columns; index++) {
    size_t panel = panel_at(column, columns, lanes) * lanes;
    if (index % (size_t)threads == (size_t)thread) {
      if (p->g->winograd)
        pack_winograd(p, column, panel, 0);
      else
        pack_forward(p, column, panel);
    }
    column += panel;
  }
}

static void run_pack_backward(void *context, int thread, int threads) {
  const pack_call *p = context;
  size_t lanes = nas_processor_loops()->lanes, columns = p->g->in_columns;
  size_t index = 0;
  for (size_t column = 0; column < columns; index++) {
    size_t panel = panel_at(column, columns, lanes) * lanes;
    if (index % (size_t)threads == (size_t)thread) {
      if (p->g->winograd)
        pack_winograd(p, column, panel, 1);
      else
        pack_backward(p, column, panel);
    }
    column += panel;
  }
}

static void run_packing(void (*body)(void *, int, int), pack_call *call, size_t floats) {
  if (floats < NAS_SERIAL_LIMIT)
    body(call, 0, 1);
  else
    nas_on_each_thread(body, call);
}

static void pack_depthwise(const geometry *g, const float *weights, float *packed) {
  size_t window = g->sizes.kernel * g->sizes.kernel;
  for (size_t k = 0; k < window; k++)
    for (size_t c = 0; c < g->in_columns; c++)
      packed[k * g->in_columns + c] =
          c < g->sizes.input_channels ? weights[c * g->sizes.weight_row_stride + k] : 0;
}

static void pack_depthwise_phase(
    const geometry *g, const float *weights, phase vertical, phase horizontal, float *packed) {
  const nas_convolution *s = &g->sizes;
  for (size_t y = 0; y < vertical.taps; y++)
    for (size_t x = 0; x < horizontal.taps; x++) {
      size_t place = (vertical.last - y * s->stride) * s->kernel + horizontal.last - x * s->stride;
      for (size_t c = 0; c < g->in_columns; c++)
        *packed++ = c < s->input_channels ? weights[c * s->weight_row_stride + place] : 0;
    }
}

// MARK: Forward

// What a thread needs beside the packed weights, in floats.
typedef struct {
  size_t from, to, gradient, tables, tiles, addend, sums, weights, total;
} layout;

// Vector reads and writes may go past the last channel of the last pixel.
#define SLACK 64

// Room for the part of a residual sum's other branch that is read at a time.
#define ADDEND_FLOATS 4096

static layout layout_of(const geometry *g, int backward) {
  const nas_convolution *s = &g->sizes;
  layout l = {0};
  size_t pixels = g->images * g->lines * s->output_width;
  size_t in_pixels = g->images * g->lines * s->stride * s->input_width;
  size_t next = 0;
  l.from = next;
  next += rounded_up(
      g->images * g->from_height * g->from_width * s->input_channels + SLACK, SLACK);
  l.to = next;
  next += rounded_up(
      (backward ? in_pixels * g->in_columns : pixels * g->out_columns) + SLACK, SLACK);
  l.tables = next;
  next += rounded_up(2 * most(backward ? in_pixels : pixels, g->tiles) + SLACK, SLACK);
  l.tiles = next;
  if (g->winograd)
    next += rounded_up(
        NAS_WINOGRAD_PLACES * g->tiles *
                (most(rounded_up(s->input_channels, nas_processor_loops()->lanes) + g->out_columns,
                      rounded_up(s->output_channels, nas_processor_loops()->lanes) + g->in_columns)) +
            SLACK,
        SLACK);
  l.addend = next;
  next += rounded_up(most(ADDEND_FLOATS, g->out_columns), SLACK);
  // Float sums of a band, then pivots, then double sums.
  l.sums = next;
  next += rounded_up(7 * most(g->in_columns, g->out_columns) + SLACK, SLACK);
  if (backward) {
    l.gradient = next;
    next += rounded_up(
        g->images * g->gradient_height * g->gradient_width * s->output_channels + SLACK, SLACK);
    l.weights = next;
    size_t window = g->winograd ? NAS_WINOGRAD_PLACES : s->kernel * s->kernel;
    next += rounded_up(
        (s->depthwise ? window * g->in_columns : window * s->input_channels * g->out_columns) +
            SLACK,
        SLACK);
  }
  l.total = next;
  return l;
}

size_t nas_fused_scratch(const nas_convolution *sizes, int backward) {
  geometry g = geometry_of(sizes, backward);
  layout l = layout_of(&g, backward);
  size_t packed = rounded_up(packed_weights(&g, backward), SLACK);
  return (packed + l.total * (size_t)nas_threads()) * sizeof(float);
}

typedef struct {
  geometry g;
  layout l;
  const nas_source *source;
  const float *packed;
  const nas_result *result;
  int streams;
  float *scratch;
} forward_call;

// A thread's sums: of a band in floats, of all its bands in doubles.
typedef struct {
  float *sum, *square, *pivot;
  double *total, *total_square;
} thread_sums;

static thread_sums sums_in(float *region, size_t columns) {
  thread_sums t;
  t.sum = region;
  t.square = region + columns;
  t.pivot = region + 2 * columns;
  t.total = (double *)(region + 3 * columns + columns % 2);
  t.total_square = t.total + columns;
  return t;
}

static void flush(thread_sums *t, size_t channels) {
  for (size_t c = 0; c < channels; c++) {
    t->total[c] += t->sum[c];
    t->total_square[c] += t->square[c];
    t->sum[c] = t->square[c] = 0;
  }
}

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
  size_t line_pitch = g->from_width * s->input_channels;
  size_t image_pitch = g->from_height * line_pitch;

  if (!s->depthwise && !g->winograd)
    for (size_t p = 0; p < g->images * pixels_per_image; p++) {
      size_t image = p / pixels_per_image, line = p % pixels_per_image / s->output_width;
      in[p] = (int32_t)(image * image_pitch + line * s->stride * line_pitch +
                        p % s->output_width * s->stride * s->input_channels);
      out[p] = (int32_t)(p * columns);
    }
  memset(memory + f->l.sums, 0, 7 * most(g->in_columns, g->out_columns) * sizeof *memory);

  size_t begin, end;
  nas_share(g->bands, thread, threads, &begin, &end);
  for (size_t index = begin; index < end; index++) {
    band b = band_at(g, index);
    const float *x = gather_source(g, &b, f->source, from);
    size_t pixels = b.images * b.lines * s->output_width;
    if (s->depthwise) {
      for (size_t line = 0; line < b.images * b.lines; line++) {
        nas_depthwise_line d = {
            .from = x + line / b.lines * image_pitch + line % b.lines * s->stride * line_pitch,
            .from_pixel = s->stride * s->input_channels,
            .row_pitch = line_pitch,
            .tap_pitch = s->input_channels,
            .rows = s->kernel,
            .taps = s->kernel,
            .weights = f->packed,
            .channels = s->input_channels,
            .pitch = g->in_columns,
            .to = to + line * s->output_width * columns,
            .to_pixel = columns,
            .pixels = s->output_width};
        loops->depthwise_line(&d);
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
          .length = s->kernel * s->input_channels,
          .weights = f->packed,
          .columns = columns,
          .to = to,
          .out = out,
          .pixels = pixels};
      loops->multiply(&m);
    }
    size_t first = (b.image * s->output_height + b.line) * s->output_width;
    if (f->result->scale) {
      finish_normalized(f, to, first, pixels, memory + f->l.addend);
      continue;
    }
    int measures = f->result->mean != NULL;
    if (measures && index == begin) take_pivot(sums.pivot, to, s->output_channels, f->result->type);
    loops->finish(
        nas_element(f->result->y, f->result->type, first * s->output_channels), f->result->type,
        f->streams, to, columns, pixels, s->output_channels, measures ? sums.pivot : NULL,
        sums.sum, sums.square);
    if (measures) flush(&sums, s->output_channels);
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
        band b = band_at(g, index);
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
    const nas_result *result, void *scratch) {
  forward_call f = {.g = geometry_of(sizes, 0), .source = source, .result = result};
  f.l = layout_of(&f.g, 0);
  f.streams = streams(
      result->y, result->type, sizes->batch * sizes->output_height * sizes->output_width,
      sizes->output_channels);
  size_t packed = packed_weights(&f.g, 0);
  f.packed = scratch;
  f.scratch = (float *)scratch + rounded_up(packed, SLACK);
  if (sizes->depthwise) {
    pack_depthwise(&f.g, weights, scratch);
  } else {
    pack_call p = {.g = &f.g, .weights = weights, .packed = scratch};
    run_packing(run_pack_forward, &p, packed);
  }
  int threads = nas_on_each_thread(run_forward, &f);
  if (result->mean) join_statistics(&f, threads, result->mean, result->variance);
}

// MARK: Backward

typedef struct {
  geometry g;
  layout l;
  const nas_source *source;
  const nas_gradient *gradient;
  const nas_sink *sink;
  const float *packed;
  float *scratch;
  float *weight_gradient;
  int threads, streams;
} backward_call;

// Writes the gradient of a band's own input lines into `to`, pixel by pixel in their order.
static void gradient_of_input(
    const backward_call *call, const band *b, const float *gradient, int32_t *table, float *room,
    float *to) {
  const geometry *g = &call->g;
  const nas_convolution *s = &g->sizes;
  const nas_loops *loops = nas_processor_loops();
  size_t columns = g->in_columns;
  size_t line_pitch = g->gradient_width * s->output_channels;
  size_t image_pitch = g->gradient_height * line_pitch;
  size_t to_image = g->lines * s->stride * s->input_width * columns;
  const float *weights = call->packed;
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
      phase vertical = phase_of(g, y), horizontal = phase_of(g, x);
      if (y >= b->in_lines || x >= s->input_width) continue;
      size_t lines = quotient_up(b->in_lines - y, s->stride);
      size_t pixels = quotient_up(s->input_width - x, s->stride);
      // Where the window of the first pixel of this phase begins in the gathered gradient.
      size_t corner = (size_t)((long)g->before + vertical.first) * line_pitch +
                      (size_t)((long)g->before + horizontal.first) * s->output_channels;
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
        for (size_t image = 0; image < b->images; image++)
          for (size_t line = 0; line < lines; line++) {
            nas_depthwise_line d = {
                .from = gradient + image * image_pitch + corner + line * line_pitch,
                .from_pixel = s->output_channels,
                .row_pitch = line_pitch,
                .tap_pitch = s->output_channels,
                .rows = vertical.taps,
                .taps = horizontal.taps,
                .weights = weights,
                .channels = s->input_channels,
                .pitch = columns,
                .to = to + image * to_image +
                      ((y + line * s->stride) * s->input_width + x) * columns,
                .to_pixel = s->stride * columns,
                .pixels = pixels};
            loops->depthwise_line(&d);
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
                                  pixel * s->output_channels);
            out[count] = (int32_t)(image * to_image + ((y + line * s->stride) * s->input_width + x +
                                                       pixel * s->stride) *
                                                          columns);
          }
      nas_multiply m = {
          .from = gradient,
          .in = in,
          .row_pitch = line_pitch,
          .rows = vertical.taps,
          .length = horizontal.taps * s->output_channels,
          .weights = weights,
          .columns = columns,
          .to = to,
          .out = out,
          .pixels = count};
      loops->multiply(&m);
      weights += vertical.taps * horizontal.taps * s->output_channels * columns;
    }
}

// Adds a band's part of the gradient of the weights to the thread's own.
static void gradient_of_weights(
    const geometry *g, const band *b, const float *x, const float *gradient, float *room,
    float *to) {
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
    const backward_call *call, const band *b, const float *x, const float *to, thread_sums *sums) {
  const geometry *g = &call->g;
  const nas_convolution *s = &g->sizes;
  const nas_sink *sink = call->sink;
  size_t channels = s->input_channels;
  size_t to_image = g->lines * s->stride * s->input_width * g->in_columns;
  // Where no padding lies between the lines, they are finished in one go.
  int dense = s->kernel == 1 && s->stride == 1;
  size_t lines = dense ? 1 : b->in_lines;
  size_t pixels = dense ? b->in_lines * s->input_width : s->input_width;
  for (size_t image = 0; image < b->images; image++)
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

static void run_backward(void *context, int thread, int threads) {
  const backward_call *call = context;
  const geometry *g = &call->g;
  float *memory = call->scratch + (size_t)thread * call->l.total;
  float *from = memory + call->l.from, *to = memory + call->l.to;
  float *gradient = memory + call->l.gradient, *weights = memory + call->l.weights;
  size_t columns = most(g->in_columns, g->out_columns);
  thread_sums sums = sums_in(memory + call->l.sums, columns);
  memset(memory + call->l.sums, 0, 7 * columns * sizeof *memory);
  memset(weights, 0, (call->l.total - call->l.weights) * sizeof *weights);
  size_t begin, end;
  nas_share(g->bands, thread, threads, &begin, &end);
  for (size_t index = begin; index < end; index++) {
    band b = band_at(g, index);
    const float *x = gather_source(g, &b, call->source, from);
    gather_gradient(g, &b, call->gradient, gradient);
    gradient_of_weights(g, &b, x, gradient, memory + call->l.tiles, weights);
    if (!call->sink) continue;
    gradient_of_input(
        call, &b, gradient, (int32_t *)(memory + call->l.tables), memory + call->l.tiles, to);
    finish_input_gradient(call, &b, x, to, &sums);
  }
}

// Gᵀ s G: the gradient of a window from those of the places of a tile.
static void gradient_of_window(const float s[NAS_WINOGRAD_PLACES], float g[9]) {
  float t[3][4];
  for (int x = 0; x < 4; x++) {
    t[0][x] = s[x] + 0.5f * (s[4 + x] + s[8 + x]);
    t[1][x] = 0.5f * (s[4 + x] - s[8 + x]);
    t[2][x] = 0.5f * (s[4 + x] + s[8 + x]) + s[12 + x];
  }
  for (int y = 0; y < 3; y++) {
    g[3 * y] = t[y][0] + 0.5f * (t[y][1] + t[y][2]);
    g[3 * y + 1] = 0.5f * (t[y][1] - t[y][2]);
    g[3 * y + 2] = 0.5f * (t[y][1] + t[y][2]) + t[y][3];
  }
}

// The same as below for gradients that lie by the places of a tile.
static void join_winograd(const backward_call *call, size_t begin, size_t end) {
  const nas_convolution *s = &call->g.sizes;
  size_t columns = call->g.out_columns;
  for (size_t output = begin; output < end; output++)
    for (size_t input = 0; input < s->input_channels; input++) {
      float sum[NAS_WINOGRAD_PLACES] = {0}, g[9];
      for (int t = 0; t < call->threads; t++) {
        const float *own = call->scratch + (size_t)t * call->l.total + call->l.weights +
                           input * columns + output;
        for (size_t place = 0; place < NAS_WINOGRAD_PLACES; place++)
          sum[place] += own[place * s->input_channels * columns];
      }
      gradient_of_window(sum, g);
      float *to = call->weight_gradient + output * s->weight_row_stride + input * 9;
      for (int k = 0; k < 9; k++) to[k] += g[k];
    }
}

// Adds the threads' gradients of the weights to the one that lies as the weights do.
static void run_join(void *context, int thread, int threads) {
  const backward_call *call = context;
  const nas_convolution *s = &call->g.sizes;
  size_t window = s->kernel * s->kernel;
  size_t columns = s->depthwise ? call->g.in_columns : call->g.out_columns;
  size_t inputs = s->depthwise ? 1 : s->input_channels;
  const size_t block = 16;
  size_t begin, end;
  nas_share(quotient_up(s->output_channels, block), thread, threads, &begin, &end);
  if (call->g.winograd) {
    join_winograd(
        call, least(begin * block, s->output_channels), least(end * block, s->output_channels));
    return;
  }
  for (size_t first = begin * block; first < least(end * block, s->output_channels); first += block) {
    size_t outputs = least(block, s->output_channels - first);
    for (size_t input = 0; input < inputs; input++)
      for (size_t k = 0; k < window; k++) {
        float sum[16] = {0};
        for (int t = 0; t < call->threads; t++) {
          const float *own = call->scratch + (size_t)t * call->l.total + call->l.weights +
                             (k * inputs + input) * columns + first;
          for (size_t n = 0; n < outputs; n++) sum[n] += own[n];
        }
        float *to = call->weight_gradient + first * s->weight_row_stride + input * window + k;
        for (size_t n = 0; n < outputs; n++) to[n * s->weight_row_stride] += sum[n];
      }
  }
}

void nas_fused_backward(
    const nas_convolution *sizes, const nas_source *source, const float *weights,
    const nas_gradient *gradient, float *weight_gradient, const nas_sink *sink, void *scratch) {
  backward_call call = {
      .g = geometry_of(sizes, 1),
      .source = source,
      .gradient = gradient,
      .sink = sink,
      .packed = scratch,
      .weight_gradient = weight_gradient};
  const geometry *g = &call.g;
  call.l = layout_of(g, 1);
  call.scratch = (float *)scratch + rounded_up(packed_weights(g, 1), SLACK);
  float *packed = scratch;
  call.streams = sink && streams(
                             sink->gradient, sink->type,
                             sizes->batch * sizes->input_height * sizes->input_width,
                             sizes->input_channels);
  if (sink)
    for (size_t y = 0; y < sizes->stride; y++)
      for (size_t x = 0; x < sizes->stride; x++) {
        pack_call p = {
            .g = g,
            .weights = weights,
            .packed = packed,
            .vertical = phase_of(g, y),
            .horizontal = phase_of(g, x)};
        size_t places = p.vertical.taps * p.horizontal.taps;
        // Pixels that the input has none of take no part below either.
        if (places == 0 || y >= sizes->input_height || x >= sizes->input_width) continue;
        if (sizes->depthwise) {
          pack_depthwise_phase(g, weights, p.vertical, p.horizontal, packed);
          packed += places * g->in_columns;
        } else {
          size_t floats = g->winograd ? packed_weights(g, 1)
                                      : places * sizes->output_channels * g->in_columns;
          run_packing(run_pack_backward, &p, floats);
          packed += floats;
        }
      }
  call.threads = nas_on_each_thread(run_backward, &call);
  if (call.threads == 1 || packed_weights(g, 0) < NAS_SERIAL_LIMIT)
    run_join(&call, 0, 1);
  else
    nas_on_each_thread(run_join, &call);
  if (sink && sink->finishes && sink->x) {
    size_t channels = sizes->input_channels;
    memset(sink->sums, 0, 2 * channels * sizeof *sink->sums);
    for (int thread = 0; thread < call.threads; thread++) {
      thread_sums t = sums_in(
          call.scratch + (size_t)thread * call.l.total + call.l.sums,
          most(g->in_columns, g->out_columns));
      for (size_t c = 0; c < channels; c++) {
        sink->sums[c] += t.total[c];
        sink->sums[channels + c] += t.total_square[c];
      }
    }
  }
}
