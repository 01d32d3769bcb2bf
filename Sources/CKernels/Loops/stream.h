// Passes over activations in memory: each reads and writes an element once.
//
// A strip of channels goes over all pixels with its coefficients and sums in registers.

#define STRIPS(channels, one)                                              \
  do {                                                                     \
    size_t c = 0;                                                          \
    for (; c + 2 * LANES <= (channels); c += 2 * LANES) one(c, 2, LANES);  \
    for (; c + LANES <= (channels); c += LANES) one(c, 1, LANES);          \
    if (c < (channels)) {                                                  \
      if ((channels) - c == 4)                                             \
        one(c, 1, 4);                                                      \
      else                                                                 \
        one(c, 1, (channels) - c);                                         \
    }                                                                      \
  } while (0)

// Calls `one` for every vector of a pixel's channels, the last with as many elements as are left.
// What comes from memory is read in the order in which it lies there, so that the processor fetches
// ahead; the coefficients come from the first-level cache.
#define CHANNELS(channels, one)                        \
  do {                                                 \
    size_t c = 0;                                      \
    for (; c + LANES <= (channels); c += LANES) {      \
      one(c, LANES);                                   \
    }                                                  \
    if ((channels) - c == 4) {                         \
      one(c, 4);                                       \
    } else if (c < (channels)) {                       \
      one(c, (channels) - c);                          \
    }                                                  \
  } while (0)

// MARK: Gather

INLINE void gather_pixels(
    void *to, nas_type to_type, size_t to_pitch, const void *from, nas_type type, size_t from_pitch,
    size_t pixels, size_t channels, const float *scale, const float *shift, nas_activation activation) {
  for (size_t p = 0; p < pixels; p++) {
#define one(c, count)                                                                         \
  FETCH(from, type, p * from_pitch + c, 0);                                                   \
  put(to, to_type, p * to_pitch + c,                                                          \
      activated(                                                                              \
          get(from, type, p * from_pitch + c, count) * get(scale, NAS_FLOAT32, c, count) +      \
              get(shift, NAS_FLOAT32, c, count),                                              \
          activation),                                                                        \
      count)
    CHANNELS(channels, one);
#undef one
  }
}

static void gather(
    float *to, const void *from, nas_type type, size_t from_pitch, size_t pixels, size_t channels,
    const float *scale, const float *shift, nas_activation activation) {
  if (scale) {
    FOR_ACTIVATION(
        activation,
        FOR_TYPE(
            type, gather_pixels(
                      to, NAS_FLOAT32, channels, from, TYPE, from_pitch, pixels, channels, scale,
                      shift, ACTIVATION)));
    return;
  }
  // All at once if nothing lies between the pixels.
  size_t runs = from_pitch == channels ? 1 : pixels, length = pixels * channels / runs;
  for (size_t run = 0; run < runs; run++) {
    const void *source = nas_element(from, type, run * from_pitch);
    if (type == NAS_FLOAT32) {
      memcpy(to + run * length, source, length * sizeof *to);
    } else {
#define one(c, count) put(to, NAS_FLOAT32, run * length + c, get(source, NAS_BFLOAT16, c, count), count)
      CHANNELS(length, one);
#undef one
    }
  }
}

#ifdef PAIRED
static void gather_pairs(
    float *to, const void *from, size_t from_pitch, size_t pixels, size_t channels,
    const float *scale, const float *shift, nas_activation activation) {
  size_t pitch = (channels + 1) / 2 * 2;
  if (scale) {
    FOR_ACTIVATION(
        activation, gather_pixels(
                        to, NAS_BFLOAT16, pitch, from, NAS_BFLOAT16, from_pitch, pixels, channels,
                        scale, shift, ACTIVATION));
  } else if (from_pitch == pitch) {
    memcpy(to, from, 2 * pixels * pitch);
  } else {
    for (size_t p = 0; p < pixels; p++)
      memcpy((uint16_t *)to + p * pitch, (const uint16_t *)from + p * from_pitch, 2 * channels);
  }
  if (pitch > channels)
    for (size_t p = 0; p < pixels; p++) ((uint16_t *)to)[p * pitch + channels] = 0;
}

static void pair_channels(float *to, const float *from, size_t pixels, size_t channels) {
  size_t pitch = (channels + 1) / 2 * 2;
  for (size_t p = 0; p < pixels; p++) {
#define one(c, count) \
  put(to, NAS_BFLOAT16, p * pitch + c, get(from, NAS_FLOAT32, p * channels + c, count), count)
    CHANNELS(channels, one);
#undef one
    if (pitch > channels) ((uint16_t *)to)[p * pitch + channels] = 0;
  }
}

static void pair_pixels(
    float *to, const float *from, size_t from_pixel, size_t pixels, size_t channels) {
  for (size_t p = 0; p < pixels; p += 2) {
    const float *low = from + p * from_pixel, *high = low + from_pixel;
    int whole = p + 1 < pixels;
#define one(c, count)                                     \
  put(to, NAS_FLOAT32, p / 2 * channels + c,              \
      paired(                                             \
          get(low, NAS_FLOAT32, c, count),                \
          whole ? get(high, NAS_FLOAT32, c, count) : (vector){}), \
      count)
    CHANNELS(channels, one);
#undef one
  }
}

// The words of one pair of pixels, or of the last one alone.
INLINE void gather_pixel_pair(
    float *to, const uint16_t *low, const uint16_t *high, size_t channels, const float *scale,
    const float *shift, nas_activation activation) {
#define part(pixel, c, count)                                                                   \
  (!pixel  ? (vector){}                                                                         \
   : scale ? activated(                                                                         \
                 get(pixel, NAS_BFLOAT16, c, count) * get(scale, NAS_FLOAT32, c, count) +       \
                     get(shift, NAS_FLOAT32, c, count),                                         \
                 activation)                                                                    \
           : get(pixel, NAS_BFLOAT16, c, count))
#define one(c, count)                   \
  FETCH(low, NAS_BFLOAT16, c, 0);       \
  if (high) FETCH(high, NAS_BFLOAT16, c, 0); \
  put(to, NAS_FLOAT32, c, paired(part(low, c, count), part(high, c, count)), count)
  CHANNELS(channels, one);
#undef one
#undef part
}

static void gather_pixel_pairs(
    float *to, const void *from, size_t from_pitch, size_t pixels, size_t channels,
    const float *scale, const float *shift, nas_activation activation) {
  const uint16_t *x = from;
  size_t p = 0;
#define pair(high, SCALE)         \
  FOR_ACTIVATION(                 \
      activation, gather_pixel_pair( \
                      to + p / 2 * channels, x + p * from_pitch, high, channels, SCALE, shift, ACTIVATION))
  for (; p + 2 <= pixels; p += 2) {
    const uint16_t *high = x + (p + 1) * from_pitch;
    if (scale)
      pair(high, scale);
    else
      pair(high, NULL);
  }
  if (p < pixels) pair(NULL, scale);
#undef pair
}

// A vector of each of two pixels, or of the last one alone.
INLINE void gather_gradient_pair(
    float *to_pixels, uint16_t *to_low, uint16_t *to_high, const uint16_t *gradient, const uint16_t *x,
    size_t channels, const float *a, const float *b, const float *constant) {
#define part(first, c, count)                                                           \
  (get(gradient + (first), NAS_BFLOAT16, c, count) * get(a, NAS_FLOAT32, c, count) +    \
   (get(x + (first), NAS_BFLOAT16, c, count) * get(b, NAS_FLOAT32, c, count) +          \
    get(constant, NAS_FLOAT32, c, count)))
#define one(c, count)                                                    \
  {                                                                      \
    FETCH(gradient, NAS_BFLOAT16, c, 0);                                 \
    FETCH(x, NAS_BFLOAT16, c, 0);                                        \
    FETCH(gradient, NAS_BFLOAT16, channels + c, 0);                      \
    FETCH(x, NAS_BFLOAT16, channels + c, 0);                             \
    vector low = part(0, c, count);                                      \
    vector high = to_high ? part(channels, c, count) : (vector){};       \
    put(to_pixels, NAS_FLOAT32, c, paired(low, high), count);            \
    put(to_low, NAS_BFLOAT16, c, low, count);                            \
    if (to_high) put(to_high, NAS_BFLOAT16, c, high, count);             \
  }
  CHANNELS(channels, one);
#undef one
#undef part
}

static void gather_gradient_pairs(
    float *to_pixels, float *to_channels, const void *gradient, const void *x, size_t pixels,
    size_t channels, const float *a, const float *b, const float *constant) {
  size_t pitch = (channels + 1) / 2 * 2;
  uint16_t *words = (uint16_t *)to_channels;
  for (size_t p = 0; p < pixels; p += 2) {
    const uint16_t *g = (const uint16_t *)gradient + p * channels;
    const uint16_t *n = (const uint16_t *)x + p * channels;
    uint16_t *low = words + p * pitch;
    float *to = to_pixels + p / 2 * channels;
    if (p + 1 < pixels)
      gather_gradient_pair(to, low, low + pitch, g, n, channels, a, b, constant);
    else
      gather_gradient_pair(to, low, NULL, g, n, channels, a, b, constant);
  }
  if (pitch > channels)
    for (size_t p = 0; p < pixels; p++) words[p * pitch + channels] = 0;
}
#endif

INLINE void gather_gradient_pixels(
    float *to, const void *gradient, const void *x, nas_type type, size_t pixels, size_t channels,
    const float *a, const float *b, const float *constant) {
  for (size_t p = 0; p < pixels; p++) {
    size_t first = p * channels;
#define one(c, count)                                                                     \
  FETCH(gradient, type, first + c, 0);                                                    \
  FETCH(x, type, first + c, 0);                                                           \
  put(to, NAS_FLOAT32, first + c,                                                         \
      get(gradient, type, first + c, count) * get(a, NAS_FLOAT32, c, count) +             \
          (get(x, type, first + c, count) * get(b, NAS_FLOAT32, c, count) +               \
           get(constant, NAS_FLOAT32, c, count)),                                         \
      count)
    CHANNELS(channels, one);
#undef one
  }
}

static void gather_gradient(
    float *to, const void *gradient, const void *x, nas_type type, size_t pixels, size_t channels,
    const float *a, const float *b, const float *constant) {
  FOR_TYPE(type, gather_gradient_pixels(to, gradient, x, TYPE, pixels, channels, a, b, constant));
}

// MARK: Finish

INLINE void finish_strip(
    void *to, nas_type type, int streams, const float *from, size_t from_pitch, size_t pixels,
    size_t channels, const float *pivot, float *sum, float *square, size_t c, int vectors,
    size_t count) {
  vector origin[2] = {}, s[2] = {}, q[2] = {};
  if (pivot)
    for (int j = 0; j < vectors; j++) {
      size_t i = c + (size_t)j * LANES;
      origin[j] = get(pivot, NAS_FLOAT32, i, count);
      s[j] = get(sum, NAS_FLOAT32, i, count);
      q[j] = get(square, NAS_FLOAT32, i, count);
    }
  for (size_t p = 0; p < pixels; p++)
    for (int j = 0; j < vectors; j++) {
      size_t i = c + (size_t)j * LANES;
      vector v = get(from, NAS_FLOAT32, p * from_pitch + i, count);
      if (type == NAS_BFLOAT16) v = rounded(v);  // the sums are of what is stored
      if (streams) {
        put_past_caches(to, type, p * channels + i, v);
      } else {
        FETCH(to, type, p * channels + i, 1);
        put(to, type, p * channels + i, v, count);
      }
      if (pivot) {
        v -= origin[j];
        s[j] += v;
        q[j] += v * v;
      }
    }
  if (pivot)
    for (int j = 0; j < vectors; j++) {
      size_t i = c + (size_t)j * LANES;
      put(sum, NAS_FLOAT32, i, s[j], count);
      put(square, NAS_FLOAT32, i, q[j], count);
    }
}

static void finish(
    void *to, nas_type type, int streams, const float *from, size_t from_pitch, size_t pixels,
    size_t channels, const float *pivot, float *sum, float *square) {
#define one(c, vectors, count) \
  FOR_TYPE(type, finish_strip(to, TYPE, STREAMS, from, from_pitch, pixels, channels, pivot, sum, square, c, vectors, count))
  FOR_STREAMS(streams, STRIPS(channels, one));
#undef one
}

INLINE void finish_gradient_strip(
    const nas_finish_gradient *f, nas_type type, nas_activation activation, int streams, size_t c,
    int vectors, size_t count) {
  vector mean[2] = {}, s[2] = {}, q[2] = {}, scale[2] = {}, shift[2] = {};
  const int masks = activation != NAS_NONE, scales = masks && f->scale;
  if (scales)
    for (int j = 0; j < vectors; j++) {
      scale[j] = get(f->scale, NAS_FLOAT32, c + (size_t)j * LANES, count);
      shift[j] = get(f->shift, NAS_FLOAT32, c + (size_t)j * LANES, count);
    }
  if (f->x)
    for (int j = 0; j < vectors; j++)
      mean[j] = get(f->mean, NAS_FLOAT32, c + (size_t)j * LANES, count);
  for (size_t p = 0; p < f->pixels; p++)
    for (int j = 0; j < vectors; j++) {
      size_t channel = c + (size_t)j * LANES;
      size_t i = p * f->channels + channel;
      vector g = get(f->from, NAS_FLOAT32, p * f->from_pitch + channel, count);
      if (f->adds) {
        FETCH(f->gradient, type, i, 1);
        g += get(f->gradient, type, i, count);
      }
      if (masks) {
        vector v = get(f->value, type, p * f->value_pitch + channel, count);
        g = through(g, scales ? v * scale[j] + shift[j] : v, activation);
      }
      if (type == NAS_BFLOAT16) g = rounded(g);
      if (streams)
        put_past_caches(f->gradient, type, i, g);
      else
        put(f->gradient, type, i, g, count);
      if (f->x) {
        s[j] += g;
        q[j] += g * (get(f->x, type, i, count) - mean[j]);
      }
    }
  if (f->x)
    for (int j = 0; j < vectors; j++) {
      size_t i = c + (size_t)j * LANES;
      put(f->sum, NAS_FLOAT32, i, get(f->sum, NAS_FLOAT32, i, count) + s[j], count);
      put(f->product, NAS_FLOAT32, i, get(f->product, NAS_FLOAT32, i, count) + q[j], count);
    }
}

static void finish_gradient(const nas_finish_gradient *f) {
#define one(c, vectors, count) \
  FOR_TYPE(f->type, finish_gradient_strip(f, TYPE, ACTIVATION, STREAMS, c, vectors, count))
  FOR_STREAMS(f->streams, FOR_ACTIVATION(f->activation, STRIPS(f->channels, one)));
#undef one
}

// MARK: Normalise

INLINE void normalize_pixels(
    void *y, nas_type type, const void *x, nas_type x_type, size_t x_pitch, const void *addend,
    nas_type addend_type, size_t pixels, size_t channels, const float *scale, const float *shift,
    nas_activation activation) {
#define with(factor, term, c, count)                                               \
  {                                                                                \
    /* Floats may be a band in the cache; bfloat16 numbers come from memory. */    \
    if (x_type == NAS_BFLOAT16) FETCH(x, x_type, p * x_pitch + c, 0);              \
    if (addend && x_type == NAS_BFLOAT16) FETCH(addend, addend_type, p * channels + c, 0); \
    vector v = get(x, x_type, p * x_pitch + c, count) * factor + term;             \
    if (addend) v += get(addend, addend_type, p * channels + c, count);            \
    put(y, type, p * channels + c, activated(v, activation), count);               \
  }
#define one(c, count) \
  with(get(scale, NAS_FLOAT32, c, count), get(shift, NAS_FLOAT32, c, count), c, count)
  if (channels < LANES) {
    const vector factor = load_some(scale, channels), term = load_some(shift, channels);
    for (size_t p = 0; p < pixels; p++) with(factor, term, 0, channels);
    return;
  }
  for (size_t p = 0; p < pixels; p++) CHANNELS(channels, one);
#undef one
#undef with
}

static void normalize(
    void *y, nas_type type, const void *x, nas_type x_type, size_t x_pitch, const void *addend,
    nas_type addend_type, size_t pixels, size_t channels, const float *scale, const float *shift,
    nas_activation activation) {
#define pixels(X_TYPE, ADDEND, ADDEND_TYPE)                                                   \
  FOR_ACTIVATION(activation, FOR_TYPE(type, normalize_pixels(                                 \
      y, TYPE, x, X_TYPE, x_pitch, ADDEND, ADDEND_TYPE, pixels, channels, scale, shift, ACTIVATION)))
#define sums(X_TYPE)                        \
  if (!addend)                              \
    pixels(X_TYPE, NULL, NAS_FLOAT32);      \
  else if (addend_type == NAS_FLOAT32)      \
    pixels(X_TYPE, addend, NAS_FLOAT32);    \
  else                                      \
    pixels(X_TYPE, addend, NAS_BFLOAT16)
  if (x_type == NAS_FLOAT32)
    sums(NAS_FLOAT32);
  else
    sums(NAS_BFLOAT16);
#undef sums
#undef pixels
}
