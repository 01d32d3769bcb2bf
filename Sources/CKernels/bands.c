#include "bands.h"

#include <string.h>

// A band and its result should leave room in a second-level cache of half a megabyte.
#define BAND_BYTES (256 * 1024)
// Where the input is computed on the way, the lines above and below are computed twice.
#define EXPANDED_BAND_BYTES (512 * 1024)
// Backward the band is read a second time, as it is, for the sums.
#define BACKWARD_BAND_BYTES (128 * 1024)
// Winograd's tiles pass through memory of their own, and the gradients of 36 weights for each 9 pass by for
// each band.
#define BACKWARD_WINOGRAD_BYTES (384 * 1024)
// Where there are many weights, a band is larger, for the gradients of all of them pass by each time.
#define MOST_BAND_BYTES (1024 * 1024)

// The operands of Winograd's products that lie in the cache together.
#define TILE_BYTES (96 * 1024)

// Results from this size on are not found in a cache when they are read next.
#define STREAM_BYTES (8 * 1024 * 1024)

// Into so many parts what is measured is cut: enough for the threads of a machine, few enough that their
// sums are soon joined. A part has at least so many pixels.
#define PARTS 32
#define PART_PIXELS 128

// From so many channels on both sides Winograd's filtering saves more than its transforms cost. Pairs of
// bfloat16 numbers would be multiplied twice as fast, so they must read more.
#define WINOGRAD_CHANNELS 4
#define WINOGRAD_CHANNELS_OF_PAIRS 8

// MARK: Bands

// Whether an image fills its tiles so far that fewer than half the products remain.
static int fills_tiles(size_t height, size_t width) {
  size_t tiles = quotient_up(height, NAS_WINOGRAD_TILE) * quotient_up(width, NAS_WINOGRAD_TILE);
  return 2 * NAS_WINOGRAD_PLACES * tiles <= 9 * height * width;
}

// Whether vectors of pixels are quicker than vectors of channels. Of both the cycles for sixteen outputs are
// estimated by what a Zen 5 takes with vectors of 8 and of 16 (within a tenth, mostly).
static int is_planar(const geometry *g, size_t lanes, size_t reads, size_t words, size_t computes) {
  const nas_convolution *s = &g->sizes;
  if (s->kernel == 1 || s->stride > 1 || s->depthwise || s->output_width < lanes ||
      4 * rounded_up(s->output_width, lanes) > 5 * s->output_width)
    return 0;
  size_t in_vectors = quotient_up(reads, lanes), out_vectors = quotient_up(computes, lanes);
  size_t products = s->kernel * s->kernel * words;  // for each channel computed
  size_t planar = 140 + 32 * products * rounded_up(computes, 4) / (3 * lanes);
  size_t other = g->winograd ? 290 * in_vectors + 130 * out_vectors + 21 * reads * out_vectors
                             : 260 + 7 * products * out_vectors;
  return planar < other;
}

// Cuts what is measured into parts.
static void cut_into_parts(geometry *g) {
  const nas_convolution *s = &g->sizes;
  size_t pixels = s->output_height * s->output_width;
  g->part_images = least(s->batch, most(quotient_up(s->batch, PARTS), quotient_up(PART_PIXELS, pixels)));
  size_t cuts = least(PARTS / s->batch, pixels / PART_PIXELS);
  g->part_lines = cuts > 1 ? least(s->output_height,
                                   rounded_up(quotient_up(s->output_height, cuts), NAS_WINOGRAD_TILE))
                           : s->output_height;
}

geometry nas_geometry_of(const nas_convolution *sizes, nas_type type, pass purpose) {
  const nas_loops *loops = nas_processor_loops();
  const size_t lanes = loops->lanes;
  geometry g = {.sizes = *sizes, .padding = sizes->kernel / 2};
  nas_convolution *s = &g.sizes;
  int backward = purpose == BACKWARD;
  // A window of one pixel knows no images, only pixels.
  if (s->kernel == 1 && s->stride == 1 && purpose != MEASURED) {
    s->input_height *= s->batch;
    s->output_height = s->input_height;
    s->batch = 1;
  }
  g.in_columns = rounded_up(s->input_channels, lanes);
  g.out_columns = rounded_up(s->output_channels, lanes);
  g.pairs = type == NAS_BFLOAT16 && loops->multiply_pairs && !s->depthwise;
  g.winograd = s->kernel == 3 && s->stride == 1 && !s->depthwise &&
               s->input_channels >= (g.pairs ? WINOGRAD_CHANNELS_OF_PAIRS : WINOGRAD_CHANNELS) &&
               s->output_channels >= WINOGRAD_CHANNELS &&
               fills_tiles(s->output_height, s->output_width);
  size_t reads = backward ? s->output_channels : s->input_channels;
  size_t computes = backward ? s->input_channels : s->output_channels;
  g.planar = is_planar(&g, lanes, reads, g.pairs ? quotient_up(reads, 2) : reads, computes);
  if (g.planar) {
    *(backward ? &g.in_columns : &g.out_columns) = rounded_up(computes, 4);
    g.winograd &= backward;  // for the weights' gradient
  } else if (g.winograd) {
    g.pairs = 0;
  }
  g.from_words = g.pairs && !backward ? quotient_up(s->input_channels, 2) : s->input_channels;
  if (s->source_channels) g.from_words = g.in_columns;  // whole vectors, as products are written
  g.gradient_words = g.pairs ? quotient_up(s->output_channels, 2) : s->output_channels;
  g.from_width = most((nas_in_tiles(&g, s->output_width) - 1) * s->stride + s->kernel,
                      s->output_width * s->stride + g.padding);
  g.in_abreast = g.pairs && s->input_channels % 2 ? 1 : nas_abreast(s->input_channels, s->input_width, lanes);
  g.out_abreast = nas_abreast(s->output_channels, s->output_width, lanes);
  g.before = quotient_up(g.padding, s->stride);
  g.after = (s->stride - 1 + g.padding) / s->stride;
  g.gradient_width = nas_in_tiles(&g, s->output_width) + g.before + g.after;

  size_t line = s->stride * g.from_width * most(s->input_channels, g.from_words) +
                s->stride * s->input_width * s->source_channels + s->output_width * g.out_columns;
  size_t limit = s->source_channels ? EXPANDED_BAND_BYTES : BAND_BYTES;
  if (backward) {
    line += g.gradient_width * s->output_channels +
            s->stride * s->input_width * g.in_columns;
    limit = g.winograd ? BACKWARD_WINOGRAD_BYTES : BACKWARD_BAND_BYTES;
    size_t window = s->kernel * s->kernel * s->input_channels;
    // Gradients of many weights must be worth the way to the cache that holds them.
    size_t weights = s->depthwise ? 0 : window * g.out_columns * sizeof(float);
    limit = most(limit, least(weights, MOST_BAND_BYTES));
  }
  const size_t lines_that_fit = most(1, limit / (line * sizeof(float)));
  // The lines above and below a band are gathered twice, so it should not be too flat.
  size_t lines = s->kernel > 1 ? most(lines_that_fit, 4) : lines_that_fit;
  if (purpose == MEASURED) {
    cut_into_parts(&g);
  } else {
    // Enough bands for the threads.
    g.part_images = quotient_up(s->batch, (size_t)nas_threads());
    g.part_lines = s->batch == 1 ? quotient_up(s->output_height, (size_t)nas_threads()) : s->output_height;
  }
  lines = least(lines, g.part_lines);
  if (lines == s->output_height) {
    g.lines = lines;
    g.images = least(g.part_images, most(1, lines_that_fit / lines));
    g.images = quotient_up(g.part_images, quotient_up(g.part_images, g.images));
  } else {
    g.lines = nas_in_tiles(&g, quotient_up(g.part_lines, quotient_up(g.part_lines, lines)));
    g.images = 1;
  }
  if (purpose != MEASURED) {
    g.part_images = g.images;
    g.part_lines = g.lines;
  }
  g.parts_per_image = quotient_up(s->output_height, g.part_lines);
  g.parts = quotient_up(s->batch, g.part_images) * g.parts_per_image;
  g.bands_per_image = quotient_up(g.part_lines, g.lines);
  g.bands = quotient_up(g.part_images, g.images) * g.bands_per_image;
  g.from_height = most((nas_in_tiles(&g, g.lines) - 1) * s->stride + s->kernel,
                       g.lines * s->stride + g.padding);
  g.gradient_height = nas_in_tiles(&g, g.lines) + g.before + g.after;
  if (g.winograd) {
    size_t tile = NAS_WINOGRAD_PLACES * (rounded_up(s->input_channels, lanes) +
                                         rounded_up(s->output_channels, lanes));
    size_t band_tiles =
        g.images * (nas_in_tiles(&g, g.lines) / NAS_WINOGRAD_TILE) *
        (nas_in_tiles(&g, s->output_width) / NAS_WINOGRAD_TILE);
    // A multiple of the tiles that products take at a time, be they narrow or wide.
    size_t unit = lanes == 16 ? 32 : 24;
    g.tiles = least(band_tiles, rounded_up(most(1, TILE_BYTES / (tile * sizeof(float))), unit));
  }
  return g;
}

int nas_rounds_alike(const nas_convolution *left, const nas_convolution *right, nas_type type) {
  geometry l = nas_geometry_of(left, type, KNOWN), r = nas_geometry_of(right, type, KNOWN);
  return l.planar == r.planar && l.winograd == r.winograd && l.pairs == r.pairs;
}

// How much of `count` is left from `first` on, at most `limit`.
static size_t rest(size_t first, size_t count, size_t limit) {
  return first < count ? least(count - first, limit) : 0;
}

band nas_band_at(const geometry *g, size_t part, size_t index) {
  band b;
  size_t image = index / g->bands_per_image * g->images;
  size_t line = index % g->bands_per_image * g->lines;
  b.image = part / g->parts_per_image * g->part_images + image;
  b.images = least(rest(b.image, g->sizes.batch, g->images), rest(image, g->part_images, g->images));
  b.line = part % g->parts_per_image * g->part_lines + line;
  b.lines = least(rest(b.line, g->sizes.output_height, g->lines), rest(line, g->part_lines, g->lines));
  b.in_line = b.line * g->sizes.stride;
  b.in_lines = least(b.lines * g->sizes.stride, g->sizes.input_height - b.in_line);
  return b;
}

// Whether a result is too large to be found in a cache when it is read next, and lies so that a strip
// of two vectors writes whole cache lines: half of one written past the caches costs more than it
// saves.
int nas_streams(const void *array, nas_type type, size_t pixels, size_t channels) {
  const size_t line = 64;
  size_t element = type == NAS_BFLOAT16 ? 2 : 4;
  return pixels * channels * element >= STREAM_BYTES && (channels * element) % line == 0 &&
         (2 * nas_processor_loops()->lanes * element) % line == 0 && (uintptr_t)array % line == 0;
}

// MARK: Memory

layout nas_layout_of(const geometry *g, pass purpose) {
  int backward = purpose == BACKWARD;
  const nas_convolution *s = &g->sizes;
  layout l = {0};
  size_t pixels = g->images * g->lines * s->output_width;
  size_t in_pixels = g->images * g->lines * s->stride * s->input_width;
  size_t next = 0;
  l.from = next;
  next += rounded_up(
      g->images * g->from_height * g->from_width * most(s->input_channels, g->from_words) + SLACK,
      SLACK);
  l.source = next;
  size_t source_pixels = s->source_channels ? g->images * g->from_height * s->input_width : 0;
  next += rounded_up(source_pixels * s->source_channels + SLACK, SLACK);
  l.to = next;
  next += rounded_up(
      (backward ? in_pixels * g->in_columns : pixels * g->out_columns) + SLACK, SLACK);
  l.tables = next;
  next += rounded_up(
      2 * most(source_pixels, most(backward ? in_pixels : pixels, g->tiles)) + SLACK, SLACK);
  l.tiles = next;
  if (g->winograd)
    next += rounded_up(
        NAS_WINOGRAD_PLACES * (g->tiles + 1) *
                (most(rounded_up(s->input_channels, nas_processor_loops()->lanes) + g->out_columns,
                      rounded_up(s->output_channels, nas_processor_loops()->lanes) + g->in_columns)) +
            SLACK,
        SLACK);
  if (g->planar) {
    size_t planes = backward ? g->gradient_words * g->gradient_height * g->gradient_width
                             : g->from_words * g->from_height * g->from_width;
    next = most(next, l.tiles + rounded_up(planes + SLACK, SLACK));
  }
  l.addend = next;
  next += rounded_up(most(ADDEND_FLOATS, g->out_columns), SLACK);
  if (backward) {
    l.sums = next;
    next += nas_room_for_sums(g);
    l.gradient = next;
    next += rounded_up(
        g->images * g->gradient_height * g->gradient_width * s->output_channels + SLACK, SLACK);
    l.pairs = next;
    if (g->pairs) {
      size_t pairs = g->images * g->lines * quotient_up(s->output_width, 2);
      next += rounded_up(
          most(g->images * g->gradient_height * g->gradient_width * g->gradient_words,
               pairs * (s->input_channels + s->output_channels)) + SLACK,
          SLACK);
    }
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

static size_t scratch_for(const nas_convolution *sizes, nas_type type, pass purpose) {
  geometry g = nas_geometry_of(sizes, type, purpose);
  layout l = nas_layout_of(&g, purpose);
  size_t packed = rounded_up(nas_packed_weights(&g, purpose == BACKWARD), SLACK);
  size_t sums = purpose == MEASURED ? g.parts * nas_room_for_sums(&g) : 0;
  return (packed + l.total * (size_t)nas_threads() + sums + ROOM_FOR_REPEATED) * sizeof(float);
}

size_t nas_fused_scratch(const nas_convolution *sizes, nas_type type, int backward) {
  if (backward) return scratch_for(sizes, type, BACKWARD);
  return most(scratch_for(sizes, type, KNOWN), scratch_for(sizes, type, MEASURED));
}
