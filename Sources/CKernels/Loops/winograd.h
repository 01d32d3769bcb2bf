// 3×3 windows of stride 1 by Winograd's minimal filtering, F(4×4, 3×3):
//
// > A. Lavin, S. Gray. "Fast Algorithms for Convolutional Neural Networks." CVPR 2016.
// > arXiv:1509.09308, sections 4.1 and 4.3.
//
//   Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A
//
// Tiles of 6×6 inputs d give 4×4 outputs Y with 36 products where the window itself would need 144. The
// products of all channels at one of the 36 places are a matrix product over tiles.
//
// The polynomials behind it are evaluated at 0, ±√½, ±√2 and infinity, not at 0, ±1, ±2 as in the paper:
// numbers whose products are near 1 leave about a third of the rounding, less than 10⁻⁶ of the largest
// output.

#define ROOT_HALF 0.70710678118654752f
#define ROOT_TWO 1.41421356237309505f

// Bᵀ d
INLINE void transform_inputs(const vector d[6], vector t[6]) {
  vector even = d[4] - 2.0f * d[2], odd = ROOT_HALF * d[3] - ROOT_TWO * d[1];
  vector other_even = d[4] - 0.5f * d[2], other_odd = ROOT_TWO * d[3] - ROOT_HALF * d[1];
  t[0] = d[0] - 2.5f * d[2] + d[4];
  t[1] = even + odd;
  t[2] = even - odd;
  t[3] = other_even + other_odd;
  t[4] = other_even - other_odd;
  t[5] = d[1] - 2.5f * d[3] + d[5];
}

// Aᵀ m
INLINE void transform_products(const vector m[6], vector y[4]) {
  vector sum = m[1] + m[2], difference = m[1] - m[2];
  vector other_sum = m[3] + m[4], other_difference = m[3] - m[4];
  y[0] = m[0] + sum + other_sum;
  y[1] = ROOT_HALF * difference + ROOT_TWO * other_difference;
  y[2] = 0.5f * sum + 2.0f * other_sum;
  y[3] = 0.5f * ROOT_HALF * difference + 2.0f * ROOT_TWO * other_difference + m[5];
}

// A y
INLINE void transform_gradients(const vector y[4], vector t[6]) {
  vector even = y[0] + 0.5f * y[2], odd = ROOT_HALF * (y[1] + 0.5f * y[3]);
  vector other_even = y[0] + 2.0f * y[2], other_odd = ROOT_TWO * (y[1] + 2.0f * y[3]);
  t[0] = y[0];
  t[1] = even + odd;
  t[2] = even - odd;
  t[3] = other_even + other_odd;
  t[4] = other_even - other_odd;
  t[5] = y[3];
}

// Bᵀ d B for one tile and one vector of channels.
INLINE void transform_input(
    const float *from, size_t line, size_t pixel, float *to, size_t place) {
  vector t[6][6], d[6];
  _Pragma("unroll") for (size_t y = 0; y < 6; y++) {
    _Pragma("unroll") for (size_t x = 0; x < 6; x++) d[x] = load(from + y * line + x * pixel);
    transform_inputs(d, t[y]);
  }
  _Pragma("unroll") for (size_t x = 0; x < 6; x++) {
    vector u[6];
    _Pragma("unroll") for (size_t y = 0; y < 6; y++) d[y] = t[y][x];
    transform_inputs(d, u);
    _Pragma("unroll") for (size_t y = 0; y < 6; y++) store(to + (6 * y + x) * place, u[y]);
  }
}

// Aᵀ m A for one tile and one vector of channels; lines and pixels beyond the image are left out.
INLINE void transform_part_of_output(
    const float *from, size_t place, float *to, size_t line, size_t pixel, size_t lines,
    size_t pixels) {
  vector t[4][6], m[6];
  _Pragma("unroll") for (size_t x = 0; x < 6; x++) {
    vector y[4];
    _Pragma("unroll") for (size_t i = 0; i < 6; i++) m[i] = load(from + (6 * i + x) * place);
    transform_products(m, y);
    _Pragma("unroll") for (size_t i = 0; i < 4; i++) t[i][x] = y[i];
  }
  _Pragma("unroll") for (size_t i = 0; i < 4; i++) {
    vector y[4];
    if (i >= lines) break;
    transform_products(t[i], y);
    _Pragma("unroll") for (size_t x = 0; x < 4; x++)
      if (x < pixels) store(to + i * line + x * pixel, y[x]);
  }
}

// The same, in a loop of its own for whole tiles.
INLINE void transform_output(
    const float *from, size_t place, float *to, size_t line, size_t pixel, size_t lines,
    size_t pixels) {
  if (lines == 4 && pixels == 4)
    transform_part_of_output(from, place, to, line, pixel, 4, 4);
  else
    transform_part_of_output(from, place, to, line, pixel, lines, pixels);
}

// Where a tile's outputs begin.
typedef struct {
  size_t image, y, x;
} tile_corner;

INLINE tile_corner corner_of(size_t tile, size_t down, size_t across) {
  return (tile_corner){tile / (down * across), tile / across % down * NAS_WINOGRAD_TILE,
                       tile % across * NAS_WINOGRAD_TILE};
}

INLINE size_t tiles_of(size_t side) { return (side + NAS_WINOGRAD_TILE - 1) / NAS_WINOGRAD_TILE; }

// From one place's tiles to the next one's. Not a power of two, or all places of a tile would compete for the
// same few lines of the first-level cache.
INLINE size_t place_pitch(size_t tiles, size_t channels) { return tiles * channels + LANES; }

// How much of a tile that begins at `first` lies inside the image.
INLINE size_t inside(size_t first, size_t side) {
  return side - first < NAS_WINOGRAD_TILE ? side - first : NAS_WINOGRAD_TILE;
}

// Products of tiles at one place where inputs and outputs have no more channels than a vector: the tiles lie at
// fixed distances, which leaves the processor nothing to do but to multiply. Maps of 32 and 16 pixels have a
// multiple of as many tiles as it takes.
#if LANES == 16
#define NARROW_ROWS 16
#else
#define NARROW_ROWS 8
#endif
INLINE void narrow_products(const float *inputs, const float *weights, float *products, size_t channels) {
  vector sum[NARROW_ROWS] = {};
  for (size_t c = 0; c < channels; c++) {
    vector w = load(weights + c * LANES);
    _Pragma("unroll") for (size_t i = 0; i < NARROW_ROWS; i++)
      sum[i] += all(inputs[i * LANES + c]) * w;
  }
  _Pragma("unroll") for (size_t i = 0; i < NARROW_ROWS; i++) store(products + i * LANES, sum[i]);
}

static void winograd(const nas_winograd *w) {
  size_t across = tiles_of(w->pixels), down = tiles_of(w->lines);
  size_t tiles = w->images * down * across;
  size_t pitch = (w->channels + LANES - 1) / LANES * LANES;
  size_t in_place = place_pitch(w->at_once, pitch), out_place = place_pitch(w->at_once, w->columns);
  float *inputs = w->room, *products = inputs + NAS_WINOGRAD_PLACES * in_place;
  int32_t *in = w->tables, *out = in + w->at_once;
  for (size_t t = 0; t < w->at_once; t++) {
    in[t] = (int32_t)(t * pitch);
    out[t] = (int32_t)(t * w->columns);
  }
  for (size_t first = 0; first < tiles; first += w->at_once) {
    size_t count = tiles - first < w->at_once ? tiles - first : w->at_once;
    for (size_t t = 0; t < count; t++) {
      tile_corner corner = corner_of(first + t, down, across);
      const float *from =
          w->from + corner.image * w->from_image + corner.y * w->from_line + corner.x * w->channels;
      for (size_t c = 0; c < w->channels; c += LANES)
        transform_input(from + c, w->from_line, w->channels, inputs + t * pitch + c, in_place);
    }
    for (size_t place = 0; place < NAS_WINOGRAD_PLACES; place++) {
      const float *weights = w->weights + place * w->channels * w->columns;
      size_t done = 0;
      for (; pitch + w->columns == 2 * LANES && done + NARROW_ROWS <= count; done += NARROW_ROWS)
        narrow_products(
            inputs + place * in_place + done * LANES, weights,
            products + place * out_place + done * LANES, w->channels);
      if (done == count) continue;
      nas_multiply m = {
          .from = inputs + place * in_place,
          .in = in + done,
          .rows = 1,
          .length = w->channels,
          .weights = weights,
          .columns = w->columns,
          .to = products + place * out_place,
          .out = out + done,
          .pixels = count - done};
      multiply(&m);
    }
    for (size_t t = 0; t < count; t++) {
      tile_corner corner = corner_of(first + t, down, across);
      float *to =
          w->to + corner.image * w->to_image + (corner.y * w->pixels + corner.x) * w->columns;
      for (size_t c = 0; c < w->columns; c += LANES)
        transform_output(
            products + t * w->columns + c, out_place, to + c, w->pixels * w->columns, w->columns,
            inside(corner.y, w->lines), inside(corner.x, w->pixels));
    }
  }
}

// A dY Aᵀ for one tile and one vector of channels; what lies beyond the image counts as zero.
INLINE void transform_gradient(
    const float *from, size_t line, size_t pixel, float *to, size_t place, size_t lines,
    size_t pixels) {
  vector t[4][6], d[6];
  _Pragma("unroll") for (size_t y = 0; y < 4; y++) {
    _Pragma("unroll") for (size_t x = 0; x < 4; x++)
      d[x] = y < lines && x < pixels ? load(from + y * line + x * pixel) : (vector){};
    transform_gradients(d, t[y]);
  }
  _Pragma("unroll") for (size_t x = 0; x < 6; x++) {
    vector u[6];
    _Pragma("unroll") for (size_t y = 0; y < 4; y++) d[y] = t[y][x];
    transform_gradients(d, u);
    _Pragma("unroll") for (size_t y = 0; y < 6; y++) store(to + (6 * y + x) * place, u[y]);
  }
}

static void winograd_outer_product(const nas_winograd_outer_product *w) {
  size_t across = tiles_of(w->pixels), down = tiles_of(w->lines);
  size_t tiles = w->images * down * across;
  size_t pitch = (w->channels + LANES - 1) / LANES * LANES;
  size_t in_place = place_pitch(w->at_once, pitch), out_place = place_pitch(w->at_once, w->columns);
  float *inputs = w->room, *gradients = inputs + NAS_WINOGRAD_PLACES * in_place;
  for (size_t first = 0; first < tiles; first += w->at_once) {
    size_t count = tiles - first < w->at_once ? tiles - first : w->at_once;
    for (size_t t = 0; t < count; t++) {
      tile_corner corner = corner_of(first + t, down, across);
      const float *from =
          w->from + corner.image * w->from_image + corner.y * w->from_line + corner.x * w->channels;
      for (size_t c = 0; c < w->channels; c += LANES)
        transform_input(from + c, w->from_line, w->channels, inputs + t * pitch + c, in_place);
      const float *gradient = w->gradient + corner.image * w->gradient_image +
                              corner.y * w->gradient_line + corner.x * w->gradient_channels;
      for (size_t c = 0; c < w->columns; c += LANES)
        transform_gradient(
            gradient + c, w->gradient_line, w->gradient_channels,
            gradients + t * w->columns + c, out_place, inside(corner.y, w->lines),
            inside(corner.x, w->pixels));
    }
    for (size_t place = 0; place < NAS_WINOGRAD_PLACES; place++) {
      nas_outer_product o = {
          .from = inputs + place * in_place,
          .gradient = gradients + place * out_place,
          .images = 1,
          .lines = 1,
          .pixels = count,
          .from_pixel = pitch,
          .gradient_pixel = w->columns,
          .rows = 1,
          .length = w->channels,
          .columns = w->columns,
          .to = w->to + place * w->channels * w->columns};
      outer_product(&o);
    }
  }
}
