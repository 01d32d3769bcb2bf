// Convolutions of stride 1 with few channels: a vector holds neighbouring pixels of one channel, where that of
// Loops/multiply.h holds the channels of one pixel and would be half empty.
//
// An image's lines are turned about, from pixels of channels to planes of pixels; for each place of the
// window a few vectors of pixels meet one weight each of four channels; and the sums are turned back.

// So many vectors of pixels at a time: their sums for four channels fit the registers.
#if LANES == 16
#define PLANAR_VECTORS 4
#else
#define PLANAR_VECTORS 2
#endif

typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));

// Which numbers of two vectors make one, in each of their quads alike.
#if LANES == 16
#define IN_QUADS(a, b, c, d)                                                                   \
  a, b, c, d, (a) + 4, (b) + 4, (c) + 4, (d) + 4, (a) + 8, (b) + 8, (c) + 8, (d) + 8, (a) + 12, \
      (b) + 12, (c) + 12, (d) + 12
#elif LANES == 8
#define IN_QUADS(a, b, c, d) a, b, c, d, (a) + 4, (b) + 4, (c) + 4, (d) + 4
#else
#define IN_QUADS(a, b, c, d) a, b, c, d
#endif

// Number n of quad q of vector m becomes number m of quad q of vector n.
INLINE void turn(vector v[4]) {
#define TAKE(x, y, a, b, c, d) __builtin_shufflevector(x, y, IN_QUADS(a, b, c, d))
  vector low = TAKE(v[0], v[1], 0, LANES, 1, LANES + 1);
  vector high = TAKE(v[0], v[1], 2, LANES + 2, 3, LANES + 3);
  vector other_low = TAKE(v[2], v[3], 0, LANES, 1, LANES + 1);
  vector other_high = TAKE(v[2], v[3], 2, LANES + 2, 3, LANES + 3);
  v[0] = TAKE(low, other_low, 0, 1, LANES, LANES + 1);
  v[1] = TAKE(low, other_low, 2, 3, LANES + 2, LANES + 3);
  v[2] = TAKE(high, other_high, 0, 1, LANES, LANES + 1);
  v[3] = TAKE(high, other_high, 2, 3, LANES + 2, LANES + 3);
#undef TAKE
}

// Four numbers of each of LANES pixels: vector n has number n of all of them.
INLINE void load_turned(const float *from, size_t pixel, vector v[4]) {
  _Pragma("unroll") for (size_t m = 0; m < 4; m++) {
    const float *p = from + m * pixel;
#define GET(i) *(const quad *)(p + 4 * (i) * pixel)
#define OCTET(i) __builtin_shufflevector(GET(i), GET(i + 1), 0, 1, 2, 3, 4, 5, 6, 7)
#if LANES == 16
    v[m] = __builtin_shufflevector(
        OCTET(0), OCTET(2), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#elif LANES == 8
    v[m] = OCTET(0);
#else
    v[m] = GET(0);
#endif
#undef OCTET
#undef GET
  }
  turn(v);
}

INLINE void store_turned(float *to, size_t pixel, vector v[4]) {
  turn(v);
  _Pragma("unroll") for (size_t m = 0; m < 4; m++) {
#define PUT(i)                              \
  *(quad *)(to + (4 * (i) + m) * pixel) =   \
      __builtin_shufflevector(v[m], v[m], 4 * (i), 4 * (i) + 1, 4 * (i) + 2, 4 * (i) + 3)
    PUT(0);
#if LANES >= 8
    PUT(1);
#endif
#if LANES == 16
    PUT(2);
    PUT(3);
#endif
#undef PUT
  }
}

// Where vector `index` of a line begins; the last one overlaps the one before it if the line is not a
// multiple of its length.
INLINE size_t vector_at(size_t index, size_t pixels) {
  size_t first = index * LANES;
  return first + LANES <= pixels ? first : pixels - LANES;
}

// An image's planes: [word][line][pixel], with the zeros around them.
static void to_planes(const nas_planar *p, const float *from, size_t lines, size_t width, size_t plane) {
  size_t padding = p->kernel / 2, below = lines - p->above - p->inside;
  for (size_t word = 0; word < p->words; word++) {
    memset(p->room + word * plane, 0, p->above * width * sizeof *from);
    memset(p->room + word * plane + (p->above + p->inside) * width, 0, below * width * sizeof *from);
  }
  for (size_t y = 0; y < p->inside; y++) {
    const float *line = from + y * p->from_line;
    float *to = p->room + (p->above + y) * width;
    for (size_t x = 0; x < padding; x++)
      for (size_t word = 0; word < p->words; word++)
        to[word * plane + x] = to[word * plane + width - 1 - x] = 0;
    for (size_t i = 0; i * LANES < p->pixels; i++) {
      size_t x = vector_at(i, p->pixels);
      for (size_t word = 0; word < p->words; word += 4) {
        vector v[4];
        load_turned(line + x * p->words + word, p->words, v);
        _Pragma("unroll") for (size_t n = 0; n < 4; n++)
          if (word + n < p->words) store(to + (word + n) * plane + padding + x, v[n]);
      }
    }
  }
}

#define PLANAR(NAME, PAIRS)                                                                       \
  static void NAME(const nas_planar *p) {                                                         \
    size_t width = p->pixels + p->kernel - 1, height = p->lines + p->kernel - 1;                  \
    size_t plane = height * width;                                                                \
    size_t across = (p->pixels + LANES - 1) / LANES, vectors = p->lines * across;                 \
    for (size_t image = 0; image < p->images; image++) {                                          \
      to_planes(p, p->from + image * p->from_image, height, width, plane);                        \
      for (size_t first = 0; first < vectors; first += PLANAR_VECTORS) {                          \
        const float *from[PLANAR_VECTORS];                                                        \
        float *to[PLANAR_VECTORS];                                                                \
        _Pragma("unroll") for (size_t i = 0; i < PLANAR_VECTORS; i++) {                           \
          size_t index = first + i < vectors ? first + i : vectors - 1;                           \
          size_t y = index / across, x = vector_at(index % across, p->pixels);                    \
          from[i] = p->room + y * width + x;                                                      \
          to[i] = p->to + image * p->to_image + (y * p->pixels + x) * p->columns;                 \
        }                                                                                         \
        const float *weights = p->weights;                                                        \
        for (size_t column = 0; column < p->columns; column += 4) {                               \
          vector sum[PLANAR_VECTORS][4] = {};                                                     \
          for (size_t word = 0; word < p->words; word++)                                          \
            for (size_t row = 0; row < p->kernel; row++) {                                        \
              size_t line = word * plane + row * width;                                           \
              for (size_t tap = 0; tap < p->kernel; tap++, weights += 4) {                        \
                vector x[PLANAR_VECTORS];                                                         \
                _Pragma("unroll") for (size_t i = 0; i < PLANAR_VECTORS; i++)                     \
                  x[i] = load(from[i] + line + tap);                                              \
                _Pragma("unroll") for (size_t n = 0; n < 4; n++) {                                \
                  vector w = element(weights + n, PAIRS);                                         \
                  _Pragma("unroll") for (size_t i = 0; i < PLANAR_VECTORS; i++)                   \
                    sum[i][n] = plus_product(sum[i][n], x[i], w, PAIRS);                          \
                }                                                                                 \
              }                                                                                   \
            }                                                                                     \
          _Pragma("unroll") for (size_t i = 0; i < PLANAR_VECTORS; i++)                           \
            store_turned(to[i] + column, p->columns, sum[i]);                                     \
        }                                                                                         \
      }                                                                                           \
    }                                                                                             \
  }

PLANAR(planar, 0)
#ifdef PAIRED
PLANAR(planar_pairs, 1)
#endif
