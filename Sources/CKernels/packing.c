#include "bands.h"

#include <string.h>

phase nas_phase_of(const geometry *g, size_t offset) {
  size_t kernel = g->sizes.kernel, stride = g->sizes.stride;
  size_t lowest = (offset + g->padding) % stride;
  phase p = {0};
  if (lowest >= kernel) return p;
  p.taps = (kernel - 1 - lowest) / stride + 1;
  p.last = lowest + (p.taps - 1) * stride;
  p.first = ((long)(offset + g->padding) - (long)p.last) / (long)stride;
  return p;
}

size_t nas_packed_weights(const geometry *g, int backward) {
  const nas_convolution *s = &g->sizes;
  size_t window = g->winograd && !g->planar ? NAS_WINOGRAD_PLACES : s->kernel * s->kernel;
  if (s->depthwise) return window * g->in_columns;
  return backward ? window * s->output_channels * g->in_columns
                  : window * s->input_channels * g->out_columns;
}

typedef struct {
  const geometry *g;
  const float *weights;
  float *packed;
  int backward;
  phase vertical, horizontal;  // of a backward pass
} pack_call;

// The panel that holds column `first` of `columns`; its vectors.
static size_t panel_at(size_t first, size_t columns, size_t lanes) {
  return nas_panel((columns - first) / lanes, lanes);
}

static uint32_t bfloat16_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (value != value) return 0x7fc0;
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

// The weight at one place of a window; zero beyond the last channel on either side.
static float weight_at(const pack_call *p, size_t output, size_t input, size_t place) {
  const nas_convolution *s = &p->g->sizes;
  if (output >= s->output_channels || input >= s->input_channels) return 0;
  return p->weights[output * s->weight_row_stride + input * s->kernel * s->kernel + place];
}

// Two of them in a word.
static float word_of(float low, float high) {
  uint32_t bits = bfloat16_of(low) | bfloat16_of(high) << 16;
  float word;
  memcpy(&word, &bits, sizeof word);
  return word;
}

// [panel][window row][window column · input][output], the words from `first` to `end`
static void pack_forward(const pack_call *p, size_t column, size_t panel, size_t first, size_t end) {
  const nas_convolution *s = &p->g->sizes;
  size_t window = s->kernel * s->kernel, words = p->g->from_words;
  for (size_t w = first; w < end; w++)
    for (size_t k = 0; k < window; k++) {
      float *to = p->packed + column * window * words + (k * words + w) * panel;
      for (size_t n = 0; n < panel; n++)
        to[n] = p->g->pairs ? word_of(
                                  weight_at(p, column + n, 2 * w, k),
                                  weight_at(p, column + n, 2 * w + 1, k))
                            : weight_at(p, column + n, w, k);
    }
}

// [panel][window row][window column · output][input], the places of one phase, last ones first; the words
// from `first` to `end`
static void pack_backward(const pack_call *p, size_t column, size_t panel, size_t first, size_t end) {
  const nas_convolution *s = &p->g->sizes;
  size_t kernel = s->kernel, words = p->g->gradient_words, width = p->horizontal.taps;
  float *packed = p->packed + column * p->vertical.taps * width * words;
  // Inputs lie side by side where windows have one pixel.
  if (kernel == 1 && p->g->pairs && column + panel <= s->input_channels) {
    nas_processor_loops()->pair_pixels(
        packed + first * panel, p->weights + 2 * first * s->weight_row_stride + column,
        s->weight_row_stride, least(2 * end, s->output_channels) - 2 * first, panel);
    return;
  }
  for (size_t y = 0; y < p->vertical.taps; y++)
    for (size_t x = 0; x < width; x++) {
      size_t place = (p->vertical.last - y * s->stride) * kernel + p->horizontal.last - x * s->stride;
      for (size_t w = first; w < end; w++) {
        float *to = packed + ((y * width + x) * words + w) * panel;
        for (size_t n = 0; n < panel; n++)
          to[n] = p->g->pairs ? word_of(
                                    weight_at(p, 2 * w, column + n, place),
                                    weight_at(p, 2 * w + 1, column + n, place))
                              : weight_at(p, w, column + n, place);
      }
    }
}

// [four outputs][word][place][output] forward; backward the window is turned about, and inputs and outputs
// change places.
static void pack_planar(const geometry *g, const float *weights, int backward, float *packed) {
  pack_call p = {.g = g, .weights = weights};
  size_t window = g->sizes.kernel * g->sizes.kernel;
  size_t words = backward ? g->gradient_words : g->from_words;
  size_t columns = backward ? g->in_columns : g->out_columns;
  for (size_t column = 0; column < columns; column += 4)
    for (size_t word = 0; word < words; word++)
      for (size_t place = 0; place < window; place++)
        for (size_t n = column; n < column + 4; n++) {
          size_t low = g->pairs ? 2 * word : word;
          float w[2];
          for (size_t i = 0; i < 2; i++)
            w[i] = backward ? weight_at(&p, low + i, n, window - 1 - place) : weight_at(&p, n, low + i, place);
          *packed++ = g->pairs ? word_of(w[0], w[1]) : w[0];
        }
}

const float nas_winograd_window[6][3] = {
    {1, 0, 0},
    {-2.0f / 3, -0.47140452079103168f, -1.0f / 3},  // -⅔ · (1, √½, ½)
    {-2.0f / 3, 0.47140452079103168f, -1.0f / 3},
    {1.0f / 6, 0.23570226039551584f, 1.0f / 3},  // ⅙ · (1, √2, 2)
    {1.0f / 6, -0.23570226039551584f, 1.0f / 3},
    {0, 0, 1}};

// So many columns are transformed together.
#define BLOCK 16

// G g Gᵀ: windows of 3×3 weights for the places of a tile.
static void transform_windows(float g[9][BLOCK], float u[NAS_WINOGRAD_PLACES][BLOCK]) {
  float t[6][3][BLOCK];
  for (int y = 0; y < 6; y++) {
    const float *row = nas_winograd_window[y];
    for (int x = 0; x < 3; x++)
      for (int n = 0; n < BLOCK; n++)
        t[y][x][n] = row[0] * g[x][n] + row[1] * g[3 + x][n] + row[2] * g[6 + x][n];
  }
  for (int y = 0; y < 6; y++)
    for (int x = 0; x < 6; x++) {
      const float *row = nas_winograd_window[x];
      for (int n = 0; n < BLOCK; n++)
        u[6 * y + x][n] = row[0] * t[y][0][n] + row[1] * t[y][1][n] + row[2] * t[y][2][n];
    }
}

// [place][panel][input][output] forward; backward the window is turned about, and inputs and outputs
// change places. The rows from `first` to `end`.
static void pack_winograd(
    const pack_call *p, size_t column, size_t panel, size_t first, size_t end) {
  const nas_convolution *s = &p->g->sizes;
  int backward = p->backward;
  size_t rows = backward ? s->output_channels : s->input_channels;
  size_t used = backward ? s->input_channels : s->output_channels;
  size_t columns = backward ? p->g->in_columns : p->g->out_columns;
  for (size_t row = first; row < end; row++)
    for (size_t block = 0; block < panel; block += BLOCK) {
      size_t count = least(BLOCK, panel - block);
      float g[9][BLOCK] = {0}, u[NAS_WINOGRAD_PLACES][BLOCK];
      for (size_t n = 0; n < count && column + block + n < used; n++) {
        size_t other = column + block + n;
        size_t output = backward ? row : other, input = backward ? other : row;
        const float *w = p->weights + output * s->weight_row_stride + input * 9;
        for (int k = 0; k < 9; k++) g[k][n] = w[backward ? 8 - k : k];
      }
      transform_windows(g, u);
      float *to = p->packed + column * rows + row * panel + block;
      for (size_t place = 0; place < NAS_WINOGRAD_PLACES; place++)
        memcpy(to + place * rows * columns, u[place], count * sizeof *to);
    }
}

// A thread's share of the rows of all panels.
static void run_pack(void *context, int thread, int threads) {
  const pack_call *p = context;
  const geometry *g = p->g;
  size_t columns = p->backward ? g->in_columns : g->out_columns;
  size_t channels = p->backward ? g->sizes.output_channels : g->sizes.input_channels;
  size_t words = p->backward ? g->gradient_words : g->from_words;
  size_t lanes = nas_processor_loops()->lanes, first, end;
  nas_share(g->winograd ? channels : words, thread, threads, &first, &end);
  for (size_t column = 0, panel; column < columns; column += panel) {
    panel = panel_at(column, columns, lanes) * lanes;
    if (g->winograd)
      pack_winograd(p, column, panel, first, end);
    else
      (p->backward ? pack_backward : pack_forward)(p, column, panel, first, end);
  }
}

static void run_packing(pack_call *call, size_t floats) {
  if (floats < NAS_SERIAL_LIMIT)
    run_pack(call, 0, 1);
  else
    nas_on_each_thread(run_pack, call);
}

static void pack_depthwise(const geometry *g, const float *weights, float *packed) {
  size_t window = g->sizes.kernel * g->sizes.kernel;
  for (size_t k = 0; k < window; k++)
    for (size_t c = 0; c < g->in_columns; c++)
      packed[k * g->in_columns + c] =
          c < g->sizes.input_channels ? weights[c * g->sizes.weight_row_stride + k] : 0;
}

static void pack_depthwise_phase(
    const geometry *g, const float *weights, phase vertical, phase horizontal, float *packed) {
  const nas_convolution *s = &g->sizes;
  for (size_t y = 0; y < vertical.taps; y++)
    for (size_t x = 0; x < horizontal.taps; x++) {
      size_t place = (vertical.last - y * s->stride) * s->kernel + horizontal.last - x * s->stride;
      for (size_t c = 0; c < g->in_columns; c++)
        *packed++ = c < s->input_channels ? weights[c * s->weight_row_stride + place] : 0;
    }
}

void nas_pack_forward(const geometry *g, const float *weights, float *packed) {
  if (g->sizes.depthwise) {
    pack_depthwise(g, weights, packed);
    return;
  }
  if (g->planar) {
    pack_planar(g, weights, 0, packed);
    return;
  }
  pack_call p = {.g = g, .weights = weights, .packed = packed};
  run_packing(&p, nas_packed_weights(g, 0));
}

size_t nas_packed_bytes(const nas_convolution *sizes, nas_type type) {
  geometry g = nas_geometry_of(sizes, type, KNOWN);
  return rounded_up(nas_packed_weights(&g, 0), SLACK) * sizeof(float);
}

void nas_pack(const nas_convolution *sizes, nas_type type, const float *weights, float *packed) {
  geometry g = nas_geometry_of(sizes, type, KNOWN);
  nas_pack_forward(&g, weights, packed);
}

void nas_pack_backward(const geometry *g, const float *weights, float *packed) {
  const nas_convolution *s = &g->sizes;
  if (g->planar) {
    pack_planar(g, weights, 1, packed);
    return;
  }
  for (size_t y = 0; y < s->stride; y++)
    for (size_t x = 0; x < s->stride; x++) {
      pack_call p = {
          .g = g,
          .weights = weights,
          .packed = packed,
          .backward = 1,
          .vertical = nas_phase_of(g, y),
          .horizontal = nas_phase_of(g, x)};
      size_t places = p.vertical.taps * p.horizontal.taps;
      // Pixels that the input has none of take no part in the products either.
      if (places == 0 || y >= s->input_height || x >= s->input_width) continue;
      if (s->depthwise) {
        pack_depthwise_phase(g, weights, p.vertical, p.horizontal, packed);
        packed += places * g->in_columns;
      } else {
        size_t floats = g->winograd ? nas_packed_weights(g, 1)
                                    : places * g->gradient_words * g->in_columns;
        run_packing(&p, floats);
        packed += floats;
      }
    }
}
