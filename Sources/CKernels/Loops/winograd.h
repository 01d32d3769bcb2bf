// 3×3 windows of stride 1 by Winograd's minimal filtering, F(2×2, 3×3):
//
// > A. Lavin, S. Gray. "Fast Algorithms for Convolutional Neural Networks." CVPR 2016.
// > arXiv:1509.09308, section 4.1.
//
//   Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A
//
// Tiles of 4×4 inputs d give 2×2 outputs Y with 16 products where the window itself would need 36. The
// products of all channels at one of the 16 places are a matrix product over tiles. Coefficients are
// 0, ±1 and ½ only, so that the rounding stays that of a few more additions.

// Bᵀ d B for one tile and one vector of channels.
INLINE void transform_input(
    const float *from, size_t line, size_t pixel, float *to, size_t place) {
  vector t[4][4];
  _Pragma("unroll") for (size_t x = 0; x < 4; x++) {
    vector d0 = load(from + x * pixel), d1 = load(from + line + x * pixel);
    vector d2 = load(from + 2 * line + x * pixel), d3 = load(from + 3 * line + x * pixel);
    t[0][x] = d0 - d2;
    t[1][x] = d1 + d2;
    t[2][x] = d2 - d1;
    t[3][x] = d1 - d3;
  }
  _Pragma("unroll") for (size_t y = 0; y < 4; y++) {
    store(to + (4 * y + 0) * place, t[y][0] - t[y][2]);
    store(to + (4 * y + 1) * place, t[y][1] + t[y][2]);
    store(to + (4 * y + 2) * place, t[y][2] - t[y][1]);
    store(to + (4 * y + 3) * place, t[y][1] - t[y][3]);
  }
}

// Aᵀ m A for one tile and one vector of channels; lines and pixels beyond the image are left out.
INLINE void transform_output(
    const float *from, size_t place, float *to, size_t line, size_t pixel, int lines, int pixels) {
  vector t[2][4];
  _Pragma("unroll") for (size_t x = 0; x < 4; x++) {
    vector m0 = load(from + x * place), m1 = load(from + (4 + x) * place);
    vector m2 = load(from + (8 + x) * place), m3 = load(from + (12 + x) * place);
    t[0][x] = m0 + m1 + m2;
    t[1][x] = m1 - m2 - m3;
  }
  for (int y = 0; y < lines; y++) {
    store(to + (size_t)y * line, t[y][0] + t[y][1] + t[y][2]);
    if (pixels > 1) store(to + (size_t)y * line + pixel, t[y][1] - t[y][2] - t[y][3]);
  }
}

// Where a tile's outputs begin.
typedef struct {
  size_t image, y, x;
} tile_corner;

INLINE tile_corner corner_of(size_t tile, size_t down, size_t across) {
  return (tile_corner){tile / (down * across), tile / across % down * 2, tile % across * 2};
}

static void winograd(const nas_winograd *w) {
  size_t across = (w->pixels + 1) / 2, down = (w->lines + 1) / 2;
  size_t tiles = w->images * down * across;
  size_t pitch = (w->channels + LANES - 1) / LANES * LANES;
  size_t in_place = w->at_once * pitch, out_place = w->at_once * w->columns;
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
      nas_multiply m = {
          .from = inputs + place * in_place,
          .in = in,
          .rows = 1,
          .length = w->channels,
          .weights = w->weights + place * w->channels * w->columns,
          .columns = w->columns,
          .to = products + place * out_place,
          .out = out,
          .pixels = count};
      multiply(&m);
    }
    for (size_t t = 0; t < count; t++) {
      tile_corner corner = corner_of(first + t, down, across);
      float *to =
          w->to + corner.image * w->to_image + (corner.y * w->pixels + corner.x) * w->columns;
      for (size_t c = 0; c < w->columns; c += LANES)
        transform_output(
            products + t * w->columns + c, out_place, to + c, w->pixels * w->columns, w->columns,
            corner.y + 1 < w->lines ? 2 : 1, corner.x + 1 < w->pixels ? 2 : 1);
    }
  }
}

// A dY Aᵀ for one tile and one vector of channels; what lies beyond the image counts as zero.
INLINE void transform_gradient(
    const float *from, size_t line, size_t pixel, float *to, size_t place, int lines, int pixels) {
  vector zero = {};
  vector d[2][2] = {{load(from), zero}, {zero, zero}};
  if (pixels > 1) d[0][1] = load(from + pixel);
  if (lines > 1) d[1][0] = load(from + line);
  if (lines > 1 && pixels > 1) d[1][1] = load(from + line + pixel);
  vector t[4][2];
  _Pragma("unroll") for (size_t x = 0; x < 2; x++) {
    t[0][x] = d[0][x];
    t[1][x] = d[0][x] + d[1][x];
    t[2][x] = d[0][x] - d[1][x];
    t[3][x] = -d[1][x];
  }
  _Pragma("unroll") for (size_t y = 0; y < 4; y++) {
    store(to + (4 * y + 0) * place, t[y][0]);
    store(to + (4 * y + 1) * place, t[y][0] + t[y][1]);
    store(to + (4 * y + 2) * place, t[y][0] - t[y][1]);
    store(to + (4 * y + 3) * place, -t[y][1]);
  }
}

static void winograd_outer_product(const nas_winograd_outer_product *w) {
  size_t across = (w->pixels + 1) / 2, down = (w->lines + 1) / 2;
  size_t tiles = w->images * down * across;
  size_t pitch = (w->channels + LANES - 1) / LANES * LANES;
  size_t in_place = w->at_once * pitch, out_place = w->at_once * w->columns;
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
            gradients + t * w->columns + c, out_place, corner.y + 1 < w->lines ? 2 : 1,
            corner.x + 1 < w->pixels ? 2 : 1);
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
