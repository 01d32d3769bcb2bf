// Products of pixels and weights, in tiles whose sums stay in registers.
//
// A tile is ROWS pixels × COLUMNS vectors. For each place of the window one element of every pixel
// meets COLUMNS vectors of weights. AVX2 has room for twelve sums beside the operands, AVX-512 for
// twenty-four.

#if LANES == 16
#define TILE_ROWS 8
#else
#define TILE_ROWS 6
#endif

#define TILE(ROWS, COLUMNS)                                                                     \
  static void multiply_##ROWS##x##COLUMNS(                                                      \
      const nas_multiply *m, const float *weights, const int32_t *in, const int32_t *out,       \
      size_t column) {                                                                          \
    vector sum[ROWS][COLUMNS] = {};                                                             \
    const float *x[ROWS];                                                                       \
    _Pragma("unroll") for (int i = 0; i < ROWS; i++) x[i] = m->from + in[i];                    \
    for (size_t r = 0; r < m->rows; r++) {                                                      \
      for (size_t l = 0; l < m->length; l++) {                                                  \
        vector w[COLUMNS];                                                                      \
        _Pragma("unroll") for (int j = 0; j < COLUMNS; j++) w[j] = load(weights + j * LANES);   \
        weights += COLUMNS * LANES;                                                             \
        _Pragma("unroll") for (int i = 0; i < ROWS; i++) {                                      \
          vector a = all(x[i][l]);                                                              \
          _Pragma("unroll") for (int j = 0; j < COLUMNS; j++) sum[i][j] += a * w[j];            \
        }                                                                                       \
      }                                                                                         \
      _Pragma("unroll") for (int i = 0; i < ROWS; i++) x[i] += m->row_pitch;                    \
    }                                                                                           \
    _Pragma("unroll") for (int i = 0; i < ROWS; i++) {                                          \
      float *to = m->to + out[i] + column;                                                      \
      _Pragma("unroll") for (int j = 0; j < COLUMNS; j++) store(to + j * LANES, sum[i][j]);     \
    }                                                                                           \
  }

#define DEFINE_TILE(ROWS, COLUMNS) TILE(ROWS, COLUMNS)
#if LANES == 16
DEFINE_TILE(TILE_ROWS, 3)
#endif
DEFINE_TILE(TILE_ROWS, 2)
DEFINE_TILE(TILE_ROWS, 1)

// The last tile may have fewer pixels: it computes its last one several times.
#define PANEL_LOOP(ROWS, COLUMNS) PANEL_LOOP_(ROWS, COLUMNS)
#define PANEL_LOOP_(ROWS, COLUMNS)                                                  \
  for (size_t p = 0; p < m->pixels; p += ROWS) {                                    \
    if (p + ROWS <= m->pixels) {                                                    \
      multiply_##ROWS##x##COLUMNS(m, weights, m->in + p, m->out + p, column);       \
    } else {                                                                        \
      int32_t in[ROWS], out[ROWS];                                                  \
      for (size_t i = 0; i < ROWS; i++) {                                           \
        size_t pixel = p + i < m->pixels ? p + i : m->pixels - 1;                   \
        in[i] = m->in[pixel];                                                       \
        out[i] = m->out[pixel];                                                     \
      }                                                                             \
      multiply_##ROWS##x##COLUMNS(m, weights, in, out, column);                     \
    }                                                                               \
  }

static void multiply(const nas_multiply *m) {
  const float *weights = m->weights;
  size_t vectors = m->columns / LANES;
  for (size_t column = 0; vectors > 0;) {
    size_t panel = nas_panel(vectors, LANES);
    switch (panel) {
#if LANES == 16
      case 3: PANEL_LOOP(TILE_ROWS, 3) break;
#endif
      case 2: PANEL_LOOP(TILE_ROWS, 2) break;
      default: PANEL_LOOP(TILE_ROWS, 1)
    }
    weights += m->rows * m->length * panel * LANES;
    column += panel * LANES;
    vectors -= panel;
  }
}

// MARK: Gradients of weights

// ROWS elements of a window × COLUMNS vectors of the gradient, summed over pixels.
#define OUTER(ROWS, COLUMNS)                                                                    \
  static void outer_##ROWS##x##COLUMNS(                                                         \
      const nas_outer_product *o, const float *from, const float *gradient, float *to) {        \
    vector sum[ROWS][COLUMNS];                                                                  \
    _Pragma("unroll") for (int i = 0; i < ROWS; i++)                                            \
      _Pragma("unroll") for (int j = 0; j < COLUMNS; j++)                                       \
        sum[i][j] = load(to + (size_t)i * o->columns + j * LANES);                              \
    for (size_t image = 0; image < o->images; image++)                                          \
      for (size_t line = 0; line < o->lines; line++) {                                          \
        const float *x = from + image * o->from_image + line * o->from_line;                    \
        const float *g = gradient + image * o->gradient_image + line * o->gradient_line;        \
        for (size_t p = 0; p < o->pixels; p++) {                                                \
          vector v[COLUMNS];                                                                    \
          _Pragma("unroll") for (int j = 0; j < COLUMNS; j++) v[j] = load(g + j * LANES);       \
          _Pragma("unroll") for (int i = 0; i < ROWS; i++) {                                    \
            vector a = all(x[i]);                                                               \
            _Pragma("unroll") for (int j = 0; j < COLUMNS; j++) sum[i][j] += a * v[j];          \
          }                                                                                     \
          x += o->from_pixel;                                                                   \
          g += o->gradient_pixel;                                                               \
        }                                                                                       \
      }                                                                                         \
    _Pragma("unroll") for (int i = 0; i < ROWS; i++)                                            \
      _Pragma("unroll") for (int j = 0; j < COLUMNS; j++)                                       \
        store(to + (size_t)i * o->columns + j * LANES, sum[i][j]);                              \
  }

#define OUTERS(COLUMNS) \
  OUTER(1, COLUMNS) OUTER(2, COLUMNS) OUTER(3, COLUMNS) \
  OUTER(4, COLUMNS) OUTER(5, COLUMNS) OUTER(6, COLUMNS)
OUTERS(1)
OUTERS(2)
#if LANES == 16
OUTERS(3)
#endif

typedef void outer_tile(const nas_outer_product *, const float *, const float *, float *);

static void outer_product(const nas_outer_product *o) {
  static outer_tile *const tiles[][6] = {
      {outer_1x1, outer_2x1, outer_3x1, outer_4x1, outer_5x1, outer_6x1},
      {outer_1x2, outer_2x2, outer_3x2, outer_4x2, outer_5x2, outer_6x2},
#if LANES == 16
      {outer_1x3, outer_2x3, outer_3x3, outer_4x3, outer_5x3, outer_6x3},
#endif
  };
  size_t vectors = o->columns / LANES;
  for (size_t column = 0; vectors > 0;) {
    size_t panel = nas_panel(vectors, LANES);
    for (size_t r = 0; r < o->rows; r++)
      for (size_t l = 0; l < o->length;) {
        size_t rows = o->length - l < 6 ? o->length - l : 6;
        // Two tiles of four rather than one of six and one of two.
        if (o->length - l == 8) rows = 4;
        tiles[panel - 1][rows - 1](
            o, o->from + r * o->row_pitch + l, o->gradient + column,
            o->to + (r * o->length + l) * o->columns + column);
        l += rows;
      }
    column += panel * LANES;
    vectors -= panel;
  }
}
