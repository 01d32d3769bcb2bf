// What the loops over activations offer, compiled once for each instruction set.
//
// A fused convolution makes three moves over a band of an image that fits the second-level cache:
// gather (read an activation, normalise it, lay it out with its zero padding), multiply, and finish
// (write the result and take the sums that the next normalisation needs). The moves are here; how
// bands follow each other and how threads share them is in convolution.c.

#ifndef NAS_LOOPS_H
#define NAS_LOOPS_H

#include <string.h>

#include "kernels.h"

// Products of a matrix of pixels with packed weights:
//   to[out[p] + n] = Σ_r Σ_l from[in[p] + r · row_pitch + l] · weights[r][l][n]
// The columns of `weights` lie in panels of at most three vectors (nas_panel): [panel][r][l][column].
typedef struct {
  const float *from;
  const int32_t *in;
  size_t row_pitch;   // from one row of the window to the next
  size_t rows, length;  // of the window: its rows, and the floats of one row
  const float *weights;
  size_t columns;     // rounded up to whole vectors
  float *to;
  const int32_t *out;
  size_t pixels;
  // Where sums end.
  const float *scale, *shift;
  nas_activation activation;
  int rounds;  // to bfloat16
} nas_multiply;

// The side of a tile of outputs that Winograd's filtering computes at a time, and the places of the tile
// of inputs in which it multiplies.
#define NAS_WINOGRAD_TILE 4
#define NAS_WINOGRAD_PLACES 36

// A 3×3 convolution of stride 1 over images that lie with their padding, and with as many lines and
// pixels more as fill the last tiles.
typedef struct {
  const float *from;
  size_t from_image, from_line;
  size_t channels;
  const float *weights;  // [place] as for nas_multiply, with one row of `channels`
  size_t columns;
  float *to;             // pixel by pixel, `columns` floats each
  size_t to_image;
  size_t images, lines, pixels;  // of the output
  size_t at_once;        // tiles
  float *room;           // places · (tiles + 1) · (channels, rounded up to whole vectors, + columns)
  int32_t *tables;       // 2 · tiles
} nas_winograd;

// A convolution of stride 1 with few channels, over images that lie without their padding:
//   to[y][x][n] = Σ_r Σ_t Σ_w from[y + r - kernel / 2][x + t - kernel / 2][w] · weights[n / 4][w][r][t][n mod 4]
// Of the lines + kernel - 1 that windows read only `inside` are there, from the one after `above` on; the
// others are zeros, as is what lies to both sides.
typedef struct {
  const float *from;
  size_t from_image, from_line;
  size_t above, inside;
  size_t words;    // of a pixel; four may be read together
  size_t kernel;
  const float *weights;
  size_t columns;  // a multiple of four
  float *to;       // pixel by pixel, `columns` floats each
  size_t to_image;
  size_t images, lines, pixels;  // of the output; not fewer pixels than a vector has
  float *room;     // words · (lines + kernel - 1) · (pixels + kernel - 1)
} nas_planar;

// The reverse, for gradients of weights, summed over a rectangle of pixels of several images:
//   to[r][l][n] += Σ_p from[p + r · row_pitch + l] · gradient[p][n]
typedef struct {
  const float *from, *gradient;
  size_t images, lines, pixels;  // of the rectangle
  size_t from_image, from_line, from_pixel;
  size_t gradient_image, gradient_line, gradient_pixel;
  size_t row_pitch, rows, length;
  size_t columns;  // rounded up to whole vectors
  float *to;
} nas_outer_product;

// The same for gradients of weights: to[place][channel][column] += Σ over tiles.
typedef struct {
  const float *from, *gradient;
  size_t from_image, from_line, gradient_image, gradient_line;
  size_t channels, gradient_channels;
  size_t columns;
  size_t images, lines, pixels;
  size_t at_once;
  float *room;
  float *to;
} nas_winograd_outer_product;

// Lines of a depthwise convolution; pixel p of line y becomes
//   to[y · to_line + p · to_pixel + c] =
//     Σ_r Σ_t from[y · from_line + p · from_pixel + r · row_pitch + t · tap_pitch + c] · weights[r][t][c]
typedef struct {
  const float *from;
  size_t from_line, from_pixel, row_pitch, tap_pitch;
  size_t rows, taps;
  const float *weights;
  size_t channels, pitch;  // `pitch` floats of weights from tap to tap
  float *to;
  size_t to_line, to_pixel;
  size_t lines, pixels;
} nas_depthwise;

// Its reverse: to[r][t][c] += Σ_p from[…] · gradient[p · gradient_pixel + c], over lines of pixels.
typedef struct {
  const float *from, *gradient;
  size_t lines, pixels;
  size_t from_line, from_pixel, gradient_line, gradient_pixel;
  size_t row_pitch, tap_pitch;
  size_t rows, taps;
  size_t channels, pitch;
  float *to;
} nas_depthwise_outer_product;

// What becomes of a gradient that was computed, pixel by pixel.
typedef struct {
  const float *from;    // what was computed, `from_pitch` floats a pixel
  size_t from_pitch;
  // What it goes through: activation(value · scale + shift), or the value as it is if `scale` is null, from pixels
  // that lie `value_pitch` elements apart. Not read without an activation.
  const void *value;
  size_t value_pitch;
  const float *scale, *shift;
  nas_activation activation;
  const void *x;        // what was normalised; null if no sums are wanted
  const float *mean;
  void *gradient;       // where it goes
  int adds;             // whether to what lies there already
  nas_type type;        // of `value`, `x` and `gradient`
  int streams;          // whether to write past the caches
  size_t pixels, channels;
  float *sum, *product;  // of the gradient, and of it times (x - mean); added to
} nas_finish_gradient;

typedef struct {
  const char *name;
  size_t lanes;  // floats in a vector

  // to = activation(from · scale + shift), `from_pitch` elements a pixel; a copy if `scale` is null.
  void (*gather)(
      float *to, const void *from, nas_type type, size_t from_pitch, size_t pixels, size_t channels,
      const float *scale, const float *shift, nas_activation activation);

  // to = gradient · a + x · b + c
  void (*gather_gradient)(
      float *to, const void *gradient, const void *x, nas_type type, size_t pixels,
      size_t channels, const float *a, const float *b, const float *c);

  void (*multiply)(const nas_multiply *);
  // Each sum ends as activation(sum · scale + shift), rounded if asked for.
  void (*multiply_and_end)(const nas_multiply *);
  void (*planar)(const nas_planar *);
  void (*winograd)(const nas_winograd *);
  void (*winograd_outer_product)(const nas_winograd_outer_product *);
  void (*outer_product)(const nas_outer_product *);
  void (*depthwise)(const nas_depthwise *);
  void (*depthwise_outer_product)(const nas_depthwise_outer_product *);

  // Writes what was computed, and adds each channel's sum and sum of squares of it less `pivot`.
  void (*finish)(
      void *to, nas_type type, int streams, const float *from, size_t from_pitch, size_t pixels,
      size_t channels, const float *pivot, float *sum, float *square);

  void (*finish_gradient)(const nas_finish_gradient *);

  // y = activation(x · scale + shift + addend), `x_pitch` floats of x a pixel; `addend` may be null.
  void (*normalize)(
      void *y, nas_type type, const void *x, nas_type x_type, size_t x_pitch, const void *addend,
      nas_type addend_type, size_t pixels, size_t channels, const float *scale, const float *shift,
      nas_activation activation);

  // MARK: Products of bfloat16 numbers; null in loops that have none
  //
  // Two numbers make a word, and words take the place of floats: sums over the channels of a pixel
  // pair the channels, a zero behind an odd last one; sums over pixels pair the pixels. What is added
  // up stays in floats.

  // As `gather`, from bfloat16 to the (channels + 1) / 2 words of each pixel.
  void (*gather_pairs)(
      float *to, const void *from, size_t from_pitch, size_t pixels, size_t channels,
      const float *scale, const float *shift, nas_activation activation);

  // The same from floats as they are.
  void (*pair_channels)(float *to, const float *from, size_t pixels, size_t channels);

  // Word c of pair p has channel c of the pixels 2p and 2p + 1, which may be one too many: zero.
  void (*pair_pixels)(
      float *to, const float *from, size_t from_pixel, size_t pixels, size_t channels);

  // `gather` and `pair_pixels` in one.
  void (*gather_pixel_pairs)(
      float *to, const void *from, size_t from_pitch, size_t pixels, size_t channels,
      const float *scale, const float *shift, nas_activation activation);

  // `gather_gradient`, of bfloat16, into pairs of pixels and into pairs of channels.
  void (*gather_gradient_pairs)(
      float *to_pixels, float *to_channels, const void *gradient, const void *x, size_t pixels,
      size_t channels, const float *a, const float *b, const float *c);

  void (*multiply_pairs)(const nas_multiply *);
  void (*multiply_pairs_and_end)(const nas_multiply *);
  void (*planar_pairs)(const nas_planar *);
  void (*outer_product_pairs)(const nas_outer_product *);
} nas_loops;

extern const nas_loops nas_loops_plain, nas_loops_avx2, nas_loops_avx512, nas_loops_avx512_bf16;

// The text of the widest loops for processors without their instructions: slow, and chosen by name
// only, so that tests reach it on every machine.
extern const nas_loops nas_loops_wide;

// The loops for this processor.
const nas_loops *nas_processor_loops(void);

// Element `index` of an activation.
static inline void *nas_element(const void *array, nas_type type, size_t index) {
  return (char *)array + index * (type == NAS_BFLOAT16 ? 2 : 4);
}

// Neighbouring pixels whose channels fill whole vectors together are taken as one of so many times the
// channels; its factors are those of the channels, repeated, at most so many floats.
#define REPEATED 1024

// How many of a line's pixels that is; 1 if lines are no multiple of it.
static inline size_t nas_abreast(size_t channels, size_t width, size_t lanes) {
  size_t pixels = 1;
  while (pixels * channels % lanes != 0) pixels *= 2;  // lanes is a power of two
  return width % pixels == 0 && pixels * channels <= REPEATED ? pixels : 1;
}

// A factor of each channel, repeated in the room given.
static inline const float *nas_repeated(const float *factor, size_t channels, size_t times, float *room) {
  if (!factor || times == 1) return factor;
  for (size_t t = 0; t < times; t++) memcpy(room + t * channels, factor, channels * sizeof *room);
  return room;
}

// How many vectors the next panel has when `vectors` of columns are left. Three at a time need more
// registers for their sums than AVX2 has.
static inline size_t nas_panel(size_t vectors, size_t lanes) {
  if (vectors == 1) return 1;
  return lanes < 16 || vectors == 2 || vectors == 4 ? 2 : 3;
}

#endif
