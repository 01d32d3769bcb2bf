// How a convolution is cut into bands, and what the files that compute it share.

#ifndef NAS_BANDS_H
#define NAS_BANDS_H

#include "loops.h"
#include "parallel.h"

static inline size_t least(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t most(size_t a, size_t b) { return a > b ? a : b; }
static inline size_t quotient_up(size_t a, size_t b) { return (a + b - 1) / b; }
static inline size_t rounded_up(size_t a, size_t unit) { return quotient_up(a, unit) * unit; }

// MARK: Bands (bands.c)

// What a convolution is computed for: forward and normalised by what is known, forward and measured for
// the normalisation to come, or backward.
typedef enum { KNOWN, MEASURED, BACKWARD } pass;

// How a convolution is cut into parts, which are dealt out to the threads, and these into bands, which
// meet the caches. Either has some lines of one image or several whole images. What is measured is added up
// part by part, so that there parts follow from batch and map alone: neither the number of threads nor
// that of other channels changes the sums of a channel. Otherwise each band is a part.
typedef struct {
  nas_convolution sizes;
  size_t padding;
  size_t part_images, part_lines;  // of a part, at most
  size_t parts, parts_per_image;   // the latter 1 if a part has whole images
  size_t images, lines;            // of a band, at most
  size_t bands, bands_per_image;   // of a part, and of a part's part of an image
  // Channels, rounded up to whole vectors; those that planes of pixels are multiplied for, to fours.
  size_t in_columns, out_columns;
  int planar;                          // whether a vector holds pixels, not channels
  int winograd;                        // whether 3×3 windows are computed in tiles
  size_t tiles;                        // that are computed at a time
  // Whether pairs of bfloat16 numbers are multiplied; the words (or floats) of a pixel then of the
  // gathered input, which backward is in floats first, and of the gradient that windows read.
  int pairs;
  size_t from_words, gradient_words;
  // The gathered input: lines and pixels of one image of a band.
  size_t from_height, from_width;
  // So many neighbouring pixels are gathered as if they were one, of so many times the channels, which then
  // fill whole vectors: of the input, and of the output's gradient. Their factors are repeated for it.
  size_t in_abreast, out_abreast;
  // The gathered gradient, with the zeros around it that a window may reach.
  size_t before, after, gradient_height, gradient_width;
} geometry;

// One band: which images and lines it has.
typedef struct {
  size_t image, images;
  size_t line, lines;        // of the output
  size_t in_line, in_lines;  // of the input that no other band has
} band;

geometry nas_geometry_of(const nas_convolution *sizes, nas_type type, pass purpose);

// Band `index` of a part; without images or lines if the part, being the last one, has fewer.
band nas_band_at(const geometry *g, size_t part, size_t index);

// Lines or pixels of an output, rounded up to whole tiles.
static inline size_t nas_in_tiles(const geometry *g, size_t count) {
  return g->winograd ? rounded_up(count, NAS_WINOGRAD_TILE) : count;
}

// Whether a result is written past the caches.
int nas_streams(const void *array, nas_type type, size_t pixels, size_t channels);

// What a thread needs beside the packed weights, in floats.
typedef struct {
  size_t from, to, source, gradient, pairs, tables, tiles, addend, sums, weights, total;
} layout;

// Vector reads and writes may go past the last channel of the last pixel.
#define SLACK 64

// Room for the part of a residual sum's other branch that is read at a time.
#define ADDEND_FLOATS 4096

layout nas_layout_of(const geometry *g, pass purpose);

// Sums of a part, or of a thread backward: of some pixels in floats, of all in doubles.
typedef struct {
  float *sum, *square, *pivot;
  double *total, *total_square;
} part_sums;

// Floats of their memory.
static inline size_t nas_room_for_sums(const geometry *g) {
  return rounded_up(7 * most(g->in_columns, g->out_columns) + SLACK, SLACK);
}

static inline part_sums sums_in(float *region, size_t columns) {
  part_sums t;
  t.sum = region;
  t.square = region + columns;
  t.pivot = region + 2 * columns;
  t.total = (double *)(region + 3 * columns + columns % 2);
  t.total_square = t.total + columns;
  return t;
}

static inline void flush(part_sums *t, size_t channels) {
  for (size_t c = 0; c < channels; c++) {
    t->total[c] += t->sum[c];
    t->total_square[c] += t->square[c];
    t->sum[c] = t->square[c] = 0;
  }
}

// MARK: What a band reads (gathering.c)

// Repeats the factors of a source, or of a gradient, for pixels that are gathered together, and returns what
// reads with them, or those of a result; `room` is the one for REPEATED floats each.
nas_source nas_repeated_source(const geometry *g, const nas_source *source, float *room);
void nas_repeat_result(
    const geometry *g, const nas_result *result, float *room, const float **scale, const float **shift);
nas_gradient nas_repeated_gradient(const geometry *g, const nas_gradient *gradient, float *room);

// Floats of those of a source and a gradient, or a source and a result.
#define ROOM_FOR_REPEATED (5 * REPEATED)

// The lines that a band's windows read, which of them lie in the image, and the pixel of the source with which
// these begin.
typedef struct {
  size_t all, above, inside;
  size_t first;
} lines_read;

lines_read nas_lines_read(const geometry *g, const band *b);

// Whether pixels of a source can be read where they lie.
int nas_lies_ready(const nas_source *source, size_t channels, int in_pairs);

// Lays out pixels of a source from its pixel `first` on, `abreast` of them at a time if their number allows it.
void nas_gather_source(
    const nas_source *source, size_t channels, size_t abreast, int in_pairs, float *to, size_t first,
    size_t pixels);

// Lays out the input of a band, zeros around it, in floats or in pairs; returns where it lies. The source's
// factors are repeated ones.
const float *nas_gather_band(
    const geometry *g, const band *b, const nas_source *source, int in_pairs, float *to);

// Computes the input of a band from what comes before an expansion (expansion.c), rounded as if it had lain
// in memory as `type`. `room` is for what is read, `tables` for two numbers a pixel of it.
void nas_expand_band(
    const geometry *g, const band *b, const nas_source *source, nas_type type, float *to, float *room,
    int32_t *tables);

// Lays out the gradient of a band's output, with the lines around it that windows reach.
void nas_gather_band_gradient(
    const geometry *g, const band *b, const nas_gradient *gradient, float *to);

// MARK: Gradients of weights (weight_gradient.c)

// Adds a band's part to the thread's own; `room` is for Winograd's tiles, `pairs_room` for pairs.
void nas_add_weight_gradient(
    const geometry *g, const band *b, const float *x, const float *gradient, float *room,
    float *pairs_room, float *to);

// Adds products of pairs of pixels, of windows of one pixel.
void nas_add_pair_products(
    const geometry *g, const float *x, const float *gradient, size_t pairs, float *to);

// MARK: Weights (packing.c)

// The pixels of the input that lie `phase` past a multiple of the stride: which places of the window
// they meet, in one direction. The gradient reaches them from `taps` neighbouring outputs, the first
// of which is `first` past the pixel's own, through places `last`, `last` - stride, ….
typedef struct {
  size_t taps, last;
  long first;
} phase;

phase nas_phase_of(const geometry *g, size_t offset);

// Floats of packed weights; a phase's lie behind those of the phases before it.
size_t nas_packed_weights(const geometry *g, int backward);

// G of Winograd's filtering, whose other matrices are in Loops/winograd.h.
extern const float nas_winograd_window[6][3];

// Packs weights for a forward pass.
void nas_pack_forward(const geometry *g, const float *weights, float *packed);

// Packs them for the gradient of the input.
void nas_pack_backward(const geometry *g, const float *weights, float *packed);

// Adds the threads' gradients of the weights, `pitch` floats from one to the next, to the one that lies
// as the weights do (unpacking.c).
void nas_unpack_gradient(
    const geometry *g, const float *parts, size_t pitch, int threads, float *weight_gradient);

#endif
