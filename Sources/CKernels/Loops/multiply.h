// Products of pixels and weights, in tiles whose sums stay in registers.
//
// A tile is ROWS pixels × COLUMNS vectors. For each place of the window one element of every pixel
// meets COLUMNS vectors of weights. AVX2 has room for twelve sums beside the operands, AVX-512 for
// twenty-four; a single vector of weights is read for as many pixels as there are addresses for.

#if LANES == 16
#define TILE_ROWS 8
#define SINGLE_ROWS 12
#else
#define TILE_ROWS 6
#define SINGLE_ROWS 6
#endif

// An element in all lanes of a vector.
INLINE vector element(const float *p, int pairs) {
  if (!pairs) return all(*p);
  uint32_t word;
  memcpy(&word, p, sizeof word);
  return all_words(word);
}

// What becomes of a sum.
INLINE vector ended(vector sum, const nas_multiply *m, size_t column) {
  vector v = sum * load(m->scale + column) + load(m->shift + column);
  v = m->activation == NAS_NONE    ? v
      : m->activation == NAS_RELU6 ? activated(v, NAS_RELU6)
                                   : activated(v, NAS_RELU);
  return m->rounds ? rounded(v) : v;
}

// With PAIRS, an element is a word of two bfloat16 numbers. With ENDS, sums do not stay as they are.
#define TILE(NAME, ROWS, COLUMNS, PAIRS, ENDS)                                                  \
  static void NAME##_##ROWS##x##COLUMNS(                                                        \
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
          vector a = element(x[i] + l, PAIRS);                                                  \
          _Pragma("unroll") for (int j = 0; j < COLUMNS; j++)                                   \
            sum[i][j] = plus_product(sum[i][j], a, w[j], PAIRS);                                \
        }                                                                                       \
      }                                                                                         \
      _Pragma("unroll") for (int i = 0; i < ROWS; i++) x[i] += m->row_pitch;                    \
    }                                                                                           \
    _Pragma("unroll") for (int i = 0; i < ROWS; i++) {                                          \
      float *to = m->to + out[i] + column;                                                      \
      _Pragma("unroll") for (int j = 0; j < COLUMNS; j++)                                       \
        store(                                                                                  \
            to + j * LANES,                                                                     \
            ENDS ? ended(sum[i][j], m, column + (size_t)j * LANES) : sum[i][j]);                \
    }                                                                                           \
  }

// The last tile may have fewer pixels: it computes its last one several times.
#define PANEL_LOOP(NAME, ROWS, COLUMNS) PANEL_LOOP_(NAME, ROWS, COLUMNS)
#define PANEL_LOOP_(NAME, ROWS, COLUMNS)                                                    \
  for (size_t p = 0; p < m->pixels; p += ROWS) {                                            \
    if (p + ROWS <= m->pixels) {                                                            \
      NAME##_##ROWS##x##COLUMNS(m, weights, m->in + p, m->out + p, column);                 \
    } else {                                                                                \
      int32_t in[ROWS], out[ROWS];                                                          \
      for (size_t i = 0; i < ROWS; i++) {                                                   \
        size_t pixel = p + i < m->pixels ? p + i : m->pixels - 1;                           \
        in[i] = m->in[pixel];                                                               \
        out[i] = m->out[pixel];                                                             \
      }                                                                                     \
      NAME##_##ROWS##x##COLUMNS(m, weights, in, out, column);                               \
    }                                                                                       \
  }

#if LANES == 16
#define ONLY_WIDE(code) code
#else
#define ONLY_WIDE(code)
#endif

#define DEFINE_TILE(NAME, ROWS, COLUMNS, PAIRS, ENDS) TILE(NAME, ROWS, COLUMNS, PAIRS, ENDS)
#define MULTIPLY(NAME, PAIRS, ENDS)                                 \
  ONLY_WIDE(DEFINE_TILE(NAME, TILE_ROWS, 3, PAIRS, ENDS))           \
  DEFINE_TILE(NAME, TILE_ROWS, 2, PAIRS, ENDS)                      \
  DEFINE_TILE(NAME, SINGLE_ROWS, 1, PAIRS, ENDS)                      \
  static void NAME(const nas_multiply *m) {                         \
    const float *weights = m->weights;                              \
    size_t vectors = m->columns / LANES;                            \
    for (size_t column = 0; vectors > 0;) {                         \
      size_t panel = nas_panel(vectors, LANES);                     \
      switch (panel) {                                              \
        ONLY_WIDE(case 3: PANEL_LOOP(NAME, TILE_ROWS, 3) break;)    \
        case 2: PANEL_LOOP(NAME, TILE_ROWS, 2) break;               \
        default: PANEL_LOOP(NAME, SINGLE_ROWS, 1)                     \
      }                                                             \
      weights += m->rows * m->length * panel * LANES;               \
      column += panel * LANES;                                      \
      vectors -= panel;                                             \
    }                                                               \
  }

MULTIPLY(multiply, 0, 0)
MULTIPLY(multiply_and_end, 0, 1)
#ifdef PAIRED
MULTIPLY(multiply_pairs, 1, 0)
MULTIPLY(multiply_pairs_and_end, 1, 1)
#endif

// MARK: Gradients of weights

// ROWS elements of a window × COLUMNS vectors of the gradient, summed over pixels.
#define OUTER(ROWS, COLUMNS, PAIRS)                                                             \
  static void outer_##ROWS##x##COLUMNS##_##PAIRS(                                               \
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
            vector a = element(x + i, PAIRS);                                                   \
            _Pragma("unroll") for (int j = 0; j < COLUMNS; j++)                                 \
              sum[i][j] = plus_product(sum[i][j], a, v[j], PAIRS);                              \
          }                                                                                     \
          x += o->from_pixel;                                                                   \
          g += o->gradient_pixel;                                                               \
        }                                                                                       \
      }                                                                                         \
    _Pragma("unroll") for (int i = 0; i < ROWS; i++)                                            \
      _Pragma("unroll") for (int j = 0; j < COLUMNS; j++)                                       \
        store(to + (size_t)i * o->columns + j * LANES, sum[i][j]);                              \
  }

#define OUTERS(COLUMNS, PAIRS)                                          \
  OUTER(1, COLUMNS, PAIRS) OUTER(2, COLUMNS, PAIRS) OUTER(3, COLUMNS, PAIRS) \
  OUTER(4, COLUMNS, PAIRS) OUTER(5, COLUMNS, PAIRS) OUTER(6, COLUMNS, PAIRS)
#define OUTER_TILES(COLUMNS, PAIRS)                                     \
  {outer_1x##COLUMNS##_##PAIRS, outer_2x##COLUMNS##_##PAIRS, outer_3x##COLUMNS##_##PAIRS, \
   outer_4x##COLUMNS##_##PAIRS, outer_5x##COLUMNS##_##PAIRS, outer_6x##COLUMNS##_##PAIRS}

typedef void outer_tile(const nas_outer_product *, const float *, const float *, float *);

// A single vector of the gradient leaves registers for the sums of more rows, and needs them: a sum takes
// four cycles, of which each should begin two.
#if LANES == 16
#define LONG_ROWS 16
#else
#define LONG_ROWS 12
#endif
#define DEFINE_OUTER(ROWS, COLUMNS, PAIRS) OUTER(ROWS, COLUMNS, PAIRS)
#define OUTER_TILE(ROWS, COLUMNS, PAIRS) outer_##ROWS##x##COLUMNS##_##PAIRS
#define LONG_OUTER_TILE(ROWS, PAIRS) OUTER_TILE(ROWS, 1, PAIRS)

#define OUTER_PRODUCT(NAME, PAIRS)                                              \
  OUTERS(1, PAIRS)                                                              \
  OUTERS(2, PAIRS)                                                              \
  ONLY_WIDE(OUTERS(3, PAIRS))                                                   \
  DEFINE_OUTER(8, 1, PAIRS)                                                     \
  DEFINE_OUTER(LONG_ROWS, 1, PAIRS)                                             \
  static void NAME(const nas_outer_product *o) {                                \
    static outer_tile *const tiles[][6] = {                                     \
        OUTER_TILES(1, PAIRS), OUTER_TILES(2, PAIRS),                           \
        ONLY_WIDE(OUTER_TILES(3, PAIRS))};                                      \
    for_outer_tiles(o, tiles, outer_8x1_##PAIRS, LONG_OUTER_TILE(LONG_ROWS, PAIRS)); \
  }

static void for_outer_tiles(
    const nas_outer_product *o, outer_tile *const tiles[][6], outer_tile *eight, outer_tile *longest) {
  size_t vectors = o->columns / LANES;
  for (size_t column = 0; vectors > 0;) {
    size_t panel = nas_panel(vectors, LANES);
    for (size_t r = 0; r < o->rows; r++)
      for (size_t l = 0; l < o->length;) {
        size_t rows = o->length - l < 6 ? o->length - l : 6;
        // Two tiles of four rather than one of six and one of two.
        if (o->length - l == 8) rows = 4;
        outer_tile *tile = tiles[panel - 1][rows - 1];
        if (panel == 1 && o->length - l >= LONG_ROWS) {
          tile = longest;
          rows = LONG_ROWS;
        } else if (panel == 1 && o->length - l >= 8) {
          tile = eight;
          rows = 8;
        }
        tile(
            o, o->from + r * o->row_pitch + l, o->gradient + column,
            o->to + (r * o->length + l) * o->columns + column);
        l += rows;
      }
    column += panel * LANES;
    vectors -= panel;
  }
}

OUTER_PRODUCT(outer_product, 0)
#ifdef PAIRED
OUTER_PRODUCT(outer_product_pairs, 1)
#endif
