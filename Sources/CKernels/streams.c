#include <string.h>

#include "loops.h"
#include "parallel.h"

// Rows are taken in tiles that stay in the second-level cache, with room for two of them a thread.
#define TILE_FLOATS 8192

static size_t tile_rows(size_t channels) {
  size_t rows = TILE_FLOATS / channels;
  if (rows > 16) return rows / 16 * 16;  // so that they can be taken abreast
  return rows ? rows : 1;
}

static size_t padded(size_t channels) { return (channels + 15) / 16 * 16; }

// A thread's share of the scratch: two tiles, then sums in floats, then in doubles.
typedef struct {
  float *tile, *other;
  float *sum, *square;
  double *total, *total_square;
} room;

static size_t room_bytes(size_t channels) {
  size_t tile = padded(tile_rows(channels) * channels);
  return (2 * tile + 2 * padded(channels)) * sizeof(float) + 2 * padded(channels) * sizeof(double);
}

size_t nas_stream_scratch(size_t channels) {
  return room_bytes(channels) * (size_t)nas_threads();
}

static room room_of(void *scratch, size_t channels, int thread) {
  size_t tile = padded(tile_rows(channels) * channels);
  room r;
  r.tile = (float *)((char *)scratch + (size_t)thread * room_bytes(channels));
  r.other = r.tile + tile;
  r.sum = r.other + tile;
  r.square = r.sum + padded(channels);
  r.total = (double *)(r.square + padded(channels));
  r.total_square = r.total + padded(channels);
  return r;
}

static void clear(room *r, size_t channels) {
  memset(r->sum, 0, 2 * padded(channels) * sizeof(float) + 2 * padded(channels) * sizeof(double));
}

static void flush(room *r, size_t channels) {
  for (size_t c = 0; c < channels; c++) {
    r->total[c] += r->sum[c];
    r->total_square[c] += r->square[c];
    r->sum[c] = r->square[c] = 0;
  }
}

static int on_threads(void (*body)(void *, int, int), void *call, size_t count) {
  if (count >= NAS_SERIAL_LIMIT) return nas_on_each_thread(body, call);
  body(call, 0, 1);
  return 1;
}

// What all passes have in common.
typedef struct {
  size_t rows, channels;
  const nas_source *source, *addend;
  const nas_gradient *gradient;
  const nas_sink *sink;
  const float *from;
  size_t pixels;  // of an image that is pooled
  void *y;
  nas_type type;
  void *scratch;
} stream;

#define FOR_TILES(s, begin, end, first, count)                                       \
  for (size_t first = (begin), count; first < (end); first += count)                 \
    if ((count = (end) - first < tile_rows((s)->channels) ? (end) - first            \
                                                          : tile_rows((s)->channels)), \
        1)

static void gather_rows(float *to, const nas_source *source, size_t first, size_t rows, size_t channels) {
  nas_processor_loops()->gather(
      to, nas_element(source->x, source->type, first * channels), source->type, channels, rows,
      channels, source->scale, source->shift, source->activation);
}

// MARK: Statistics

static void run_statistics(void *context, int thread, int threads) {
  const stream *s = context;
  room r = room_of(s->scratch, s->channels, thread);
  clear(&r, s->channels);
  size_t begin, end;
  nas_share(s->rows, thread, threads, &begin, &end);
  FOR_TILES(s, begin, end, first, count) {
    const float *x = s->from + first * s->channels;
    // The tile is only written to have somewhere to write; the sums are what is wanted. Those of x
    // less its first row keep large means from cancelling.
    nas_processor_loops()->finish(
        r.tile, NAS_FLOAT32, 0, x, s->channels, count, s->channels, s->from, r.sum, r.square);
    flush(&r, s->channels);
  }
}

void nas_channel_statistics(
    const float *x, size_t rows, size_t channels, float *mean, float *variance, void *scratch) {
  stream s = {.rows = rows, .channels = channels, .from = x, .scratch = scratch};
  int threads = on_threads(run_statistics, &s, rows * channels);
  for (size_t c = 0; c < channels; c++) {
    double sum = 0, square = 0;
    for (int thread = 0; thread < threads; thread++) {
      room r = room_of(scratch, channels, thread);
      sum += r.total[c];
      square += r.total_square[c];
    }
    double offset = sum / (double)rows;
    double spread = square / (double)rows - offset * offset;
    mean[c] = (float)(x[c] + offset);
    variance[c] = (float)(spread < 0 ? 0 : spread);
  }
}

// MARK: Forward

static void run_gather(void *context, int thread, int threads) {
  const stream *s = context;
  size_t begin, end;
  nas_share(s->rows, thread, threads, &begin, &end);
  gather_rows((float *)s->y + begin * s->channels, s->source, begin, end - begin, s->channels);
}

void nas_gather(const nas_source *source, size_t rows, size_t channels, float *y) {
  stream s = {.rows = rows, .channels = channels, .source = source, .y = y};
  on_threads(run_gather, &s, rows * channels);
}

static void run_convert(void *context, int thread, int threads) {
  const stream *s = context;
  size_t begin, end;
  nas_share(s->rows, thread, threads, &begin, &end);
  nas_processor_loops()->finish(
      nas_element(s->y, s->type, begin), s->type, 0, s->from + begin, 0, 1, end - begin, NULL,
      NULL, NULL);
}

void nas_convert(const float *x, size_t count, void *y, nas_type type) {
  stream s = {.rows = count, .channels = 1, .from = x, .y = y, .type = type};
  on_threads(run_convert, &s, count);
}

static void run_normalize(void *context, int thread, int threads) {
  const stream *s = context;
  room r = room_of(s->scratch, s->channels, thread);
  size_t begin, end;
  nas_share(s->rows, thread, threads, &begin, &end);
  int gathers = s->addend && s->addend->scale;
  size_t abreast = nas_abreast(s->channels, 16, nas_processor_loops()->lanes);
  const float *scale = nas_repeated(s->source->scale, s->channels, abreast, r.other);
  const float *shift = nas_repeated(s->source->shift, s->channels, abreast, r.other + REPEATED);
  FOR_TILES(s, begin, end, first, count) {
    size_t together = count % abreast == 0 ? abreast : 1, channels = together * s->channels;
    size_t element = first * s->channels;
    const void *addend = s->addend ? nas_element(s->addend->x, s->addend->type, element) : NULL;
    if (gathers) gather_rows(r.tile, s->addend, first, count, s->channels);
    nas_processor_loops()->normalize(
        nas_element(s->y, s->type, element), s->type,
        nas_element(s->source->x, s->source->type, element), s->source->type, channels,
        gathers ? r.tile : addend, gathers || !addend ? NAS_FLOAT32 : s->addend->type, count / together,
        channels, scale, shift, s->source->activation);
  }
}

void nas_normalize(
    const nas_source *source, const nas_source *addend, size_t rows, size_t channels, void *y,
    nas_type type, void *scratch) {
  stream s = {
      .rows = rows,
      .channels = channels,
      .source = source,
      .addend = addend,
      .y = y,
      .type = type,
      .scratch = scratch};
  on_threads(run_normalize, &s, rows * channels);
}

// MARK: Backward

static void run_gather_gradient(void *context, int thread, int threads) {
  const stream *s = context;
  const nas_gradient *g = s->gradient;
  size_t begin, end;
  nas_share(s->rows, thread, threads, &begin, &end);
  size_t first = begin * s->channels;
  nas_processor_loops()->gather_gradient(
      (float *)s->y + first, nas_element(g->gradient, g->type, first),
      nas_element(g->x, g->type, first), g->type, end - begin, s->channels, g->a, g->b, g->c);
}

void nas_gather_gradient(const nas_gradient *gradient, size_t rows, size_t channels, float *y) {
  stream s = {.rows = rows, .channels = channels, .gradient = gradient, .y = y};
  on_threads(run_gather_gradient, &s, rows * channels);
}

// Gives `count` rows of a gradient, `from` floats, to the sink.
static void give(const stream *s, room *r, const float *from, size_t first, size_t count) {
  const nas_sink *sink = s->sink;
  int bends = sink->finishes && sink->activation != NAS_NONE;
  nas_finish_gradient f = {
      .from = from,
      .from_pitch = s->channels,
      .value = bends ? nas_element(s->source->x, s->source->type, first * s->channels) : NULL,
      .value_pitch = s->channels,
      .scale = bends ? s->source->scale : NULL,
      .shift = bends ? s->source->shift : NULL,
      .activation = bends ? sink->activation : NAS_NONE,
      .x = sink->finishes && sink->x ? nas_element(sink->x, sink->type, first * s->channels) : NULL,
      .mean = sink->mean,
      .gradient = nas_element(sink->gradient, sink->type, first * s->channels),
      .adds = sink->adds,
      .type = sink->type,
      .pixels = count,
      .channels = s->channels,
      .sum = r->sum,
      .product = r->square};
  nas_processor_loops()->finish_gradient(&f);
  flush(r, s->channels);
}

static void run_give(void *context, int thread, int threads) {
  const stream *s = context;
  room r = room_of(s->scratch, s->channels, thread);
  clear(&r, s->channels);
  size_t begin, end;
  nas_share(s->rows, thread, threads, &begin, &end);
  if (!s->from) memset(r.tile, 0, tile_rows(s->channels) * s->channels * sizeof *r.tile);
  FOR_TILES(s, begin, end, first, count)
    give(s, &r, s->from ? s->from + first * s->channels : r.tile, first, count);
}

static void run_add(void *context, int thread, int threads) {
  const stream *s = context;
  room r = room_of(s->scratch, 1, thread);
  size_t begin, end;
  nas_share(s->rows, thread, threads, &begin, &end);
  FOR_TILES(s, begin, end, first, count) {
    nas_processor_loops()->gather(
        r.tile, nas_element(s->source->x, s->type, first), s->type, count, 1, count, NULL, NULL,
        NAS_NONE);
    nas_finish_gradient f = {
        .from = r.tile,
        .gradient = nas_element(s->y, s->type, first),
        .adds = 1,
        .type = s->type,
        .pixels = 1,
        .channels = count};
    nas_processor_loops()->finish_gradient(&f);
  }
}

void nas_add(void *target, const void *addend, nas_type type, size_t count, void *scratch) {
  nas_source source = {.x = addend, .type = type};
  stream s = {
      .rows = count, .channels = 1, .source = &source, .y = target, .type = type, .scratch = scratch};
  on_threads(run_add, &s, count);
}

static void join_sums(const stream *s, int threads) {
  if (!s->sink->finishes || !s->sink->x) return;
  memset(s->sink->sums, 0, 2 * s->channels * sizeof *s->sink->sums);
  for (int thread = 0; thread < threads; thread++) {
    room r = room_of(s->scratch, s->channels, thread);
    for (size_t c = 0; c < s->channels; c++) {
      s->sink->sums[c] += r.total[c];
      s->sink->sums[s->channels + c] += r.total_square[c];
    }
  }
}

void nas_give_gradient(
    const float *from, const nas_source *source, const nas_sink *sink, size_t rows,
    size_t channels, void *scratch) {
  stream s = {
      .rows = rows,
      .channels = channels,
      .source = source,
      .sink = sink,
      .from = from,
      .scratch = scratch};
  join_sums(&s, on_threads(run_give, &s, rows * channels));
}

// MARK: Pooling

static void run_pool(void *context, int thread, int threads) {
  const stream *s = context;
  room r = room_of(s->scratch, s->channels, thread);
  size_t begin, end;
  nas_share(s->rows / s->pixels, thread, threads, &begin, &end);
  for (size_t image = begin; image < end; image++) {
    float *y = (float *)s->y + image * s->channels;
    memset(y, 0, s->channels * sizeof *y);
    FOR_TILES(s, image * s->pixels, (image + 1) * s->pixels, first, count) {
      gather_rows(r.tile, s->source, first, count, s->channels);
      for (size_t row = 0; row < count; row++)
        for (size_t c = 0; c < s->channels; c++) y[c] += r.tile[row * s->channels + c];
    }
    for (size_t c = 0; c < s->channels; c++) y[c] /= (float)s->pixels;
  }
}

void nas_average_pool(
    const nas_source *source, size_t batch, size_t pixels, size_t channels, float *y,
    void *scratch) {
  stream s = {
      .rows = batch * pixels,
      .channels = channels,
      .source = source,
      .pixels = pixels,
      .y = y,
      .scratch = scratch};
  on_threads(run_pool, &s, s.rows * channels);
}

static void run_pool_backward(void *context, int thread, int threads) {
  const stream *s = context;
  room r = room_of(s->scratch, s->channels, thread);
  clear(&r, s->channels);
  size_t begin, end;
  nas_share(s->rows / s->pixels, thread, threads, &begin, &end);
  for (size_t image = begin; image < end; image++) {
    const float *gradient = s->from + image * s->channels;
    FOR_TILES(s, image * s->pixels, (image + 1) * s->pixels, first, count) {
      for (size_t row = 0; row < count; row++)
        for (size_t c = 0; c < s->channels; c++)
          r.tile[row * s->channels + c] = gradient[c] / (float)s->pixels;
      give(s, &r, r.tile, first, count);
    }
  }
}

void nas_average_pool_backward(
    const float *output_gradient, const nas_source *source, const nas_sink *sink, size_t batch,
    size_t pixels, size_t channels, void *scratch) {
  stream s = {
      .rows = batch * pixels,
      .channels = channels,
      .source = source,
      .sink = sink,
      .from = output_gradient,
      .pixels = pixels,
      .scratch = scratch};
  join_sums(&s, on_threads(run_pool_backward, &s, s.rows * channels));
}
