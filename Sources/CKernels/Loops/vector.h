// Vectors of LANES floats, which the file that includes this one defines, and how they are read
// from and written to activations of either type.

#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef float vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t mask __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint32_t bits __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint16_t halves __attribute__((vector_size(2 * LANES), aligned(2), may_alias));

INLINE vector all(float value) { return value - (vector){}; }

INLINE vector all_words(uint32_t word) { return (vector)(word + (bits){}); }

INLINE vector load(const float *p) { return *(const vector *)p; }
INLINE void store(float *p, vector v) { *(vector *)p = v; }

// bfloat16 is the upper half of a float.
INLINE vector widened(halves h) {
  bits b = __builtin_convertvector(h, bits) << 16;
  return (vector)b;
}

// Rounds to the nearest number of bfloat16, ties to even. What is not a number stays none.
INLINE halves narrowed(vector v) {
#ifdef NARROWED
  return NARROWED(v);  // numbers below the smallest normal one become zero
#else
  // Adding to the mantissa of what is not a number could carry it over into an infinity.
  mask is_number = v == v;
  bits b = ((bits)v & (bits)is_number) | ((bits)(0x7fc00000 + (mask){}) & ~(bits)is_number);
  return __builtin_convertvector((b + 0x7fff + ((b >> 16) & 1)) >> 16, halves);
#endif
}
INLINE vector rounded(vector v) { return widened(narrowed(v)); }

// The bfloat16 numbers of two vectors as words: the first one's in the lower halves.
INLINE vector paired(vector low, vector high) {
  bits lower = __builtin_convertvector(narrowed(low), bits);
  return (vector)(lower | (bits)rounded(high));
}

// sum + a · b. Words that hold two bfloat16 numbers each multiply as such: sum + a.low · b.low +
// a.high · b.high.
INLINE vector plus_product(vector sum, vector a, vector b, int pairs) {
  if (!pairs) return sum + a * b;
#ifdef PLUS_PAIRS
  return PLUS_PAIRS(sum, a, b);
#else
  const bits upper = 0xffff0000 + (bits){};
  sum += (vector)((bits)a << 16) * (vector)((bits)b << 16);
  return sum + (vector)((bits)a & upper) * (vector)((bits)b & upper);
#endif
}

// The first `count` of a vector's numbers, fewer than LANES.
#ifdef MASKS
INLINE vector load_some(const float *p, size_t count) {
  return (vector)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
}
INLINE void store_some(float *p, vector v, size_t count) {
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v);
}
INLINE halves load_some_halves(const uint16_t *p, size_t count) {
  return (halves)_mm256_maskz_loadu_epi16((__mmask16)((1u << count) - 1), p);
}
INLINE void store_some_halves(uint16_t *p, halves h, size_t count) {
  _mm256_mask_storeu_epi16(p, (__mmask16)((1u << count) - 1), (__m256i)h);
}
#else
// Four at a time, as widths often are multiples of four, then one by one.
#define IN_PIECES(to, from, size)                                                   \
  size_t i = 0;                                                                     \
  for (; i + 4 <= count && LANES > 4; i += 4)                                       \
    __builtin_memcpy((char *)(to) + i * (size), (const char *)(from) + i * (size), 4 * (size)); \
  for (; i < count; i++)                                                            \
  __builtin_memcpy((char *)(to) + i * (size), (const char *)(from) + i * (size), (size))

INLINE vector load_some(const float *p, size_t count) {
  vector v = {};
  IN_PIECES(&v, p, sizeof *p);
  return v;
}
INLINE void store_some(float *p, vector v, size_t count) { IN_PIECES(p, &v, sizeof *p); }
INLINE halves load_some_halves(const uint16_t *p, size_t count) {
  halves h = {};
  IN_PIECES(&h, p, sizeof *p);
  return h;
}
INLINE void store_some_halves(uint16_t *p, halves h, size_t count) { IN_PIECES(p, &h, sizeof *p); }
#endif

// Elements of an activation, `count` of them where fewer than a vector are left.
INLINE vector get(const void *from, nas_type type, size_t index, size_t count) {
  if (type == NAS_BFLOAT16) {
    const uint16_t *p = (const uint16_t *)from + index;
    return widened(count >= LANES ? *(const halves *)p : load_some_halves(p, count));
  }
  const float *p = (const float *)from + index;
  return count >= LANES ? load(p) : load_some(p, count);
}

INLINE void put(void *to, nas_type type, size_t index, vector v, size_t count) {
  if (type == NAS_BFLOAT16) {
    uint16_t *p = (uint16_t *)to + index;
    halves h = narrowed(v);
    if (count >= LANES)
      *(halves *)p = h;
    else
      store_some_halves(p, h, count);
    return;
  }
  float *p = (float *)to + index;
  if (count >= LANES)
    store(p, v);
  else
    store_some(p, v, count);
}

// Writes past the caches what will not be read before they have been filled anew: a store through
// them would first fetch the line from memory. The address must be that of a whole vector.
INLINE void put_past_caches(void *to, nas_type type, size_t index, vector v) {
  typedef float whole __attribute__((vector_size(4 * LANES)));
  typedef uint16_t whole_halves __attribute__((vector_size(2 * LANES)));
  if (type == NAS_BFLOAT16)
    __builtin_nontemporal_store((whole_halves)narrowed(v), (whole_halves *)((uint16_t *)to + index));
  else
    __builtin_nontemporal_store((whole)v, (whole *)((float *)to + index));
}

// Has an element of an activation fetched so far ahead of the one at hand that it is there when it is its turn.
// A pass over memory is a sequence of bands with arithmetic between them, in which the processor's own
// fetching loses the thread.
#define FETCH_BYTES 4096
#define FETCH(array, type, index, writes) \
  __builtin_prefetch(                     \
      (const char *)(array) + (index) * ((type) == NAS_BFLOAT16 ? 2 : 4) + FETCH_BYTES, writes, 2)

// The value where the mask is set, else zero.
INLINE vector where(mask m, vector v) { return (vector)((mask)v & m); }

// Comparisons are such that what is not a number stays none: a network gone wrong must not look
// sane.
INLINE vector activated(vector v, nas_activation activation) {
  if (activation == NAS_NONE) return v;
  v = where(~(v < 0.0f), v);
  if (activation == NAS_RELU6) {
    mask above = v > 6.0f;
    v = (vector)(((mask)v & ~above) | ((mask)all(6) & above));
  }
  return v;
}

// The gradient of what an activation was applied to, or of its result, which is as good.
INLINE vector through(vector gradient, vector v, nas_activation activation) {
  if (activation == NAS_NONE) return gradient;
  mask passes = v > 0.0f;
  if (activation == NAS_RELU6) passes &= v < 6.0f;
  return where(passes, gradient);
}

// Calls NAME##_for with the types and activations as constants, so that no loop asks for them.
#define FOR_TYPE(type, call)           \
  do {                                 \
    if ((type) == NAS_BFLOAT16) {      \
      const nas_type TYPE = NAS_BFLOAT16; \
      call;                            \
    } else {                           \
      const nas_type TYPE = NAS_FLOAT32; \
      call;                            \
    }                                  \
  } while (0)

#define FOR_STREAMS(streams, call) \
  do {                             \
    if (streams) {                 \
      const int STREAMS = 1;       \
      call;                        \
    } else {                       \
      const int STREAMS = 0;       \
      call;                        \
    }                              \
  } while (0)

#define FOR_ACTIVATION(activation, call)           \
  do {                                             \
    if ((activation) == NAS_RELU) {                \
      const nas_activation ACTIVATION = NAS_RELU;  \
      call;                                        \
    } else if ((activation) == NAS_RELU6) {        \
      const nas_activation ACTIVATION = NAS_RELU6; \
      call;                                        \
    } else {                                       \
      const nas_activation ACTIVATION = NAS_NONE;  \
      call;                                        \
    }                                              \
  } while (0)
