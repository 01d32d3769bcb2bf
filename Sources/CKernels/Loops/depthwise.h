// Depthwise products: every channel with its own window, a vector of channels at a time.

// Sums of up to four pixels that lie `step` apart, for any window.
INLINE void depthwise_pixels(
    const nas_depthwise *d, const float *from, float *to, size_t c, size_t rows, size_t taps,
    size_t pixels, size_t step) {
  vector sum[4] = {};
  for (size_t r = 0; r < rows; r++)
    for (size_t t = 0; t < taps; t++) {
      vector w = load(d->weights + (r * taps + t) * d->pitch + c);
      const float *x = from + r * d->row_pitch + t * d->tap_pitch;
      for (size_t i = 0; i < pixels; i++) sum[i] += load(x + i * step) * w;
    }
  for (size_t i = 0; i < pixels; i++) store(to + i * d->to_pixel, sum[i]);
}

// Sums of four neighbouring pixels of each of LINES neighbouring lines, for windows of 3×3 and stride 1:
// neighbours share most of what they read.
INLINE void depthwise_square(
    const nas_depthwise *d, const float *from, float *to, size_t c, int lines) {
  vector sum[2][4] = {};
  _Pragma("unroll") for (int r = 0; r < lines + 2; r++) {
    vector column[6];
    _Pragma("unroll") for (int i = 0; i < 6; i++)
      column[i] = load(from + (size_t)r * d->row_pitch + (size_t)i * d->tap_pitch);
    _Pragma("unroll") for (int y = 0; y < lines; y++) {
      if (r - y < 0 || r - y > 2) continue;
      _Pragma("unroll") for (int t = 0; t < 3; t++) {
        vector w = load(d->weights + (size_t)((r - y) * 3 + t) * d->pitch + c);
        _Pragma("unroll") for (int i = 0; i < 4; i++) sum[y][i] += column[i + t] * w;
      }
    }
  }
  _Pragma("unroll") for (int y = 0; y < lines; y++)
    _Pragma("unroll") for (int i = 0; i < 4; i++)
      store(to + (size_t)y * d->to_line + (size_t)i * d->to_pixel, sum[y][i]);
}

// Channels that are taken together over all lines, so that the lines that windows share are still in the
// first-level cache.
#define BLOCK_VECTORS (32 / LANES)

static void depthwise_block(const nas_depthwise *d, size_t begin, size_t end) {
  int shares = d->rows == 3 && d->taps == 3 && d->from_pixel == d->tap_pitch &&
               d->from_line == d->row_pitch;
  for (size_t y = 0; y < d->lines;) {
    size_t lines = shares && y + 2 <= d->lines ? 2 : 1;
    for (size_t c = begin; c < end; c += LANES) {
      const float *from = d->from + y * d->from_line + c;
      float *to = d->to + y * d->to_line + c;
      size_t p = 0;
      for (; p + 4 <= d->pixels; p += 4) {
        const float *x = from + p * d->from_pixel;
        float *result = to + p * d->to_pixel;
        if (!shares)
          depthwise_pixels(d, x, result, c, d->rows, d->taps, 4, d->from_pixel);
        else if (lines == 2)
          depthwise_square(d, x, result, c, 2);
        else
          depthwise_square(d, x, result, c, 1);
      }
      for (; p < d->pixels; p++)
        for (size_t line = 0; line < lines; line++)
          depthwise_pixels(
              d, from + line * d->from_line + p * d->from_pixel,
              to + line * d->to_line + p * d->to_pixel, c, d->rows, d->taps, 1, d->from_pixel);
    }
    y += lines;
  }
}

static void depthwise(const nas_depthwise *d) {
  for (size_t c = 0; c < d->channels; c += BLOCK_VECTORS * LANES) {
    size_t end = c + BLOCK_VECTORS * LANES;
    depthwise_block(d, c, end < d->channels ? end : d->channels);
  }
}

// Sums for `taps` places of a line of the window, at most seven, from place `first` on.
INLINE void depthwise_sums(
    const nas_depthwise_outer_product *d, size_t c, size_t r, size_t first, size_t taps) {
  vector sum[7] = {};
  for (size_t line = 0; line < d->lines; line++) {
    const float *x =
        d->from + line * d->from_line + r * d->row_pitch + first * d->tap_pitch + c;
    const float *g = d->gradient + line * d->gradient_line + c;
    for (size_t p = 0; p < d->pixels; p++) {
      vector v = load(g);
      for (size_t t = 0; t < taps; t++) sum[t] += load(x + t * d->tap_pitch) * v;
      x += d->from_pixel;
      g += d->gradient_pixel;
    }
  }
  for (size_t t = 0; t < taps; t++) {
    float *to = d->to + (r * d->taps + first + t) * d->pitch + c;
    store(to, load(to) + sum[t]);
  }
}

static void depthwise_outer_product(const nas_depthwise_outer_product *d) {
  for (size_t c = 0; c < d->channels; c += LANES) {
    if (d->rows == 3 && d->taps == 3) {
      vector sum[9] = {};
      for (size_t line = 0; line < d->lines; line++) {
        const float *x = d->from + line * d->from_line + c;
        const float *g = d->gradient + line * d->gradient_line + c;
        for (size_t p = 0; p < d->pixels; p++) {
          vector v = load(g);
          _Pragma("unroll") for (int i = 0; i < 9; i++)
            sum[i] += load(x + (size_t)(i / 3) * d->row_pitch + (size_t)(i % 3) * d->tap_pitch) * v;
          x += d->from_pixel;
          g += d->gradient_pixel;
        }
      }
      for (size_t i = 0; i < 9; i++) {
        float *to = d->to + i * d->pitch + c;
        store(to, load(to) + sum[i]);
      }
      continue;
    }
    for (size_t r = 0; r < d->rows; r++) switch (d->taps) {
        case 3: depthwise_sums(d, c, r, 0, 3); break;
        case 5: depthwise_sums(d, c, r, 0, 5); break;
        default:
          for (size_t t = 0; t < d->taps; t += 7)
            depthwise_sums(d, c, r, t, d->taps - t < 7 ? d->taps - t : 7);
      }
  }
}
