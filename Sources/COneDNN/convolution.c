#include "convolution.h"

#include <dnnl.h>
#include <stdlib.h>

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t descriptor;
typedef const_dnnl_memory_desc_t descriptor_view;
#define VIEW(d) (d)
#else
typedef dnnl_memory_desc_t descriptor;
typedef const dnnl_memory_desc_t *descriptor_view;
#define VIEW(d) (&(d))
#endif

// One engine and stream serve the process; they hold no data.
static dnnl_engine_t engine;
static dnnl_stream_t stream;

struct nas_convolution {
  nas_direction direction;
  dnnl_primitive_t primitive;
  dnnl_primitive_t reorder;
  dnnl_memory_t input, output, plain_weights, packed_weights, scratchpad;
  dnnl_memory_t reorder_scratchpad;
  size_t packed_bytes, scratchpad_bytes, reorder_bytes;
};

#define TRY(call)                            \
  do {                                       \
    dnnl_status_t outcome = (call);          \
    if (outcome != dnnl_success) return outcome; \
  } while (0)

static size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

static dnnl_status_t start(void) {
  if (engine) return dnnl_success;
  dnnl_engine_t created;
  TRY(dnnl_engine_create(&created, dnnl_cpu, 0));
  TRY(dnnl_stream_create(&stream, created, dnnl_stream_default_flags));
  engine = created;
  return dnnl_success;
}

// MARK: Memory descriptors

static dnnl_status_t with_tag(
    descriptor *result, int rank, const dnnl_dims_t sizes, dnnl_format_tag_t tag) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_with_tag(result, rank, sizes, dnnl_f32, tag);
#else
  return dnnl_memory_desc_init_by_tag(result, rank, sizes, dnnl_f32, tag);
#endif
}

static dnnl_status_t with_strides(
    descriptor *result, int rank, const dnnl_dims_t sizes, const dnnl_dims_t strides) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_with_strides(result, rank, sizes, dnnl_f32, strides);
#else
  return dnnl_memory_desc_init_by_strides(result, rank, sizes, dnnl_f32, strides);
#endif
}

static void discard(descriptor *unused) {
#if DNNL_VERSION_MAJOR >= 3
  if (*unused) dnnl_memory_desc_destroy(*unused);
#else
  (void)unused;
#endif
}

static descriptor_view query(dnnl_primitive_desc_t description, dnnl_query_t what) {
  return dnnl_primitive_desc_query_md(description, what, 0);
}

// MARK: Primitive descriptions

typedef struct {
  descriptor input, weights, output;
  dnnl_dims_t strides, dilations, padding_before, padding_after;
} problem;

static dnnl_status_t describe_forward(
    dnnl_primitive_desc_t *result, problem *p, const_dnnl_primitive_attr_t attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_convolution_forward_primitive_desc_create(
      result, engine, dnnl_forward_training, dnnl_convolution_direct, p->input, p->weights, NULL,
      p->output, p->strides, p->dilations, p->padding_before, p->padding_after, attributes);
#else
  dnnl_convolution_desc_t operation;
  TRY(dnnl_dilated_convolution_forward_desc_init(
      &operation, dnnl_forward_training, dnnl_convolution_direct, &p->input, &p->weights, NULL,
      &p->output, p->strides, p->dilations, p->padding_before, p->padding_after));
  return dnnl_primitive_desc_create(result, &operation, attributes, engine, NULL);
#endif
}

static dnnl_status_t describe_backward_data(
    dnnl_primitive_desc_t *result, problem *p, const_dnnl_primitive_attr_t attributes,
    const_dnnl_primitive_desc_t forward) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_convolution_backward_data_primitive_desc_create(
      result, engine, dnnl_convolution_direct, p->input, p->weights, p->output, p->strides,
      p->dilations, p->padding_before, p->padding_after, forward, attributes);
#else
  dnnl_convolution_desc_t operation;
  TRY(dnnl_dilated_convolution_backward_data_desc_init(
      &operation, dnnl_convolution_direct, &p->input, &p->weights, &p->output, p->strides,
      p->dilations, p->padding_before, p->padding_after));
  return dnnl_primitive_desc_create(result, &operation, attributes, engine, forward);
#endif
}

static dnnl_status_t describe_backward_weights(
    dnnl_primitive_desc_t *result, problem *p, const_dnnl_primitive_attr_t attributes,
    const_dnnl_primitive_desc_t forward) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_convolution_backward_weights_primitive_desc_create(
      result, engine, dnnl_convolution_direct, p->input, p->weights, NULL, p->output, p->strides,
      p->dilations, p->padding_before, p->padding_after, forward, attributes);
#else
  dnnl_convolution_desc_t operation;
  TRY(dnnl_dilated_convolution_backward_weights_desc_init(
      &operation, dnnl_convolution_direct, &p->input, &p->weights, NULL, &p->output, p->strides,
      p->dilations, p->padding_before, p->padding_after));
  return dnnl_primitive_desc_create(result, &operation, attributes, engine, forward);
#endif
}

static dnnl_status_t describe(
    nas_direction direction, problem *p, const_dnnl_primitive_attr_t attributes,
    dnnl_primitive_desc_t *result) {
  if (direction == nas_forward) return describe_forward(result, p, attributes);
  // The backward directions take the forward one as a hint.
  dnnl_primitive_desc_t forward;
  TRY(describe_forward(&forward, p, NULL));
  dnnl_status_t status = direction == nas_backward_data
      ? describe_backward_data(result, p, attributes, forward)
      : describe_backward_weights(result, p, attributes, forward);
  dnnl_primitive_desc_destroy(forward);
  return status;
}

// MARK: Preparing a convolution

// Describes the operands; weights in whatever order the library likes best.
static dnnl_status_t state_problem(
    const nas_convolution_sizes *s, problem *p, descriptor *plain_weights) {
  dnnl_dims_t input = {s->batch, s->input_channels, s->input_height, s->input_width};
  dnnl_dims_t output = {s->batch, s->output_channels, s->output_height, s->output_width};
  TRY(with_tag(&p->input, 4, input, dnnl_nhwc));
  TRY(with_tag(&p->output, 4, output, dnnl_nhwc));
  long window = s->kernel * s->kernel;
  dnnl_dims_t weights = {s->output_channels, s->input_channels, s->kernel, s->kernel};
  dnnl_dims_t strides = {s->weight_row_stride, window, s->kernel, 1};
  TRY(with_tag(&p->weights, 4, weights, dnnl_format_tag_any));
  TRY(with_strides(plain_weights, 4, weights, strides));
  long before = s->kernel / 2;
  for (int axis = 0; axis < 2; axis++) {
    long read = axis == 0 ? s->input_height : s->input_width;
    long computed = axis == 0 ? s->output_height : s->output_width;
    p->strides[axis] = s->stride;
    p->dilations[axis] = 0;
    p->padding_before[axis] = before;
    // The last windows may end before the image does; that is no negative padding.
    long after = (computed - 1) * s->stride + s->kernel - read - before;
    p->padding_after[axis] = after > 0 ? after : 0;
  }
  return dnnl_success;
}

// Makes the reorder between the caller's weights and the library's.
static dnnl_status_t make_reorder(
    nas_convolution *c, descriptor_view plain, descriptor_view packed) {
  dnnl_primitive_attr_t attributes;
  TRY(dnnl_primitive_attr_create(&attributes));
  TRY(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user));
  dnnl_primitive_desc_t description;
  dnnl_status_t status;
  if (c->direction == nas_backward_weights) {
    dnnl_post_ops_t accumulate;
    TRY(dnnl_post_ops_create(&accumulate));
#if DNNL_VERSION_MAJOR >= 3
    TRY(dnnl_post_ops_append_sum(accumulate, 1, 0, dnnl_data_type_undef));
#else
    TRY(dnnl_post_ops_append_sum(accumulate, 1));
#endif
    TRY(dnnl_primitive_attr_set_post_ops(attributes, accumulate));
    dnnl_post_ops_destroy(accumulate);
    status = dnnl_reorder_primitive_desc_create(
        &description, packed, engine, plain, engine, attributes);
  } else {
    status = dnnl_reorder_primitive_desc_create(
        &description, plain, engine, packed, engine, attributes);
  }
  dnnl_primitive_attr_destroy(attributes);
  TRY(status);
  descriptor_view scratchpad = query(description, dnnl_query_scratchpad_md);
  c->reorder_bytes = aligned(dnnl_memory_desc_get_size(scratchpad));
  status = dnnl_memory_create(&c->reorder_scratchpad, scratchpad, engine, DNNL_MEMORY_NONE);
  if (status == dnnl_success) status = dnnl_primitive_create(&c->reorder, description);
  dnnl_primitive_desc_destroy(description);
  return status;
}

static dnnl_status_t prepare(
    nas_convolution *c, descriptor *plain, dnnl_primitive_desc_t description) {
  int data = c->direction == nas_backward_data;
  int weights = c->direction == nas_backward_weights;
  descriptor_view packed = query(
      description, weights ? dnnl_query_diff_weights_md : dnnl_query_weights_md);
  descriptor_view scratchpad = query(description, dnnl_query_scratchpad_md);
  TRY(dnnl_primitive_create(&c->primitive, description));
  TRY(dnnl_memory_create(
      &c->input, query(description, data ? dnnl_query_diff_src_md : dnnl_query_src_md), engine,
      DNNL_MEMORY_NONE));
  TRY(dnnl_memory_create(
      &c->output,
      query(description, data || weights ? dnnl_query_diff_dst_md : dnnl_query_dst_md), engine,
      DNNL_MEMORY_NONE));
  TRY(dnnl_memory_create(&c->plain_weights, VIEW(*plain), engine, DNNL_MEMORY_NONE));
  TRY(dnnl_memory_create(&c->packed_weights, packed, engine, DNNL_MEMORY_NONE));
  TRY(dnnl_memory_create(&c->scratchpad, scratchpad, engine, DNNL_MEMORY_NONE));
  c->packed_bytes = aligned(dnnl_memory_desc_get_size(packed));
  c->scratchpad_bytes = aligned(dnnl_memory_desc_get_size(scratchpad));
  return make_reorder(c, VIEW(*plain), packed);
}

int nas_convolution_create(
    nas_direction direction, const nas_convolution_sizes *sizes, nas_convolution **convolution) {
  TRY(start());
  nas_convolution *c = calloc(1, sizeof *c);
  if (!c) return dnnl_out_of_memory;
  c->direction = direction;
  problem p = {0};
  descriptor plain = {0};
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_primitive_desc_t description = NULL;

  dnnl_status_t status = state_problem(sizes, &p, &plain);
  if (status == dnnl_success) status = dnnl_primitive_attr_create(&attributes);
  if (status == dnnl_success)
    status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (status == dnnl_success) status = describe(direction, &p, attributes, &description);
  if (status == dnnl_success) status = prepare(c, &plain, description);

  if (description) dnnl_primitive_desc_destroy(description);
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  discard(&p.input);
  discard(&p.weights);
  discard(&p.output);
  discard(&plain);
  if (status != dnnl_success) {
    nas_convolution_destroy(c);
    return status;
  }
  *convolution = c;
  return dnnl_success;
}

void nas_convolution_destroy(nas_convolution *c) {
  if (c->primitive) dnnl_primitive_destroy(c->primitive);
  if (c->reorder) dnnl_primitive_destroy(c->reorder);
  dnnl_memory_t memories[] = {
      c->input, c->output, c->plain_weights, c->packed_weights, c->scratchpad,
      c->reorder_scratchpad};
  for (size_t i = 0; i < sizeof memories / sizeof memories[0]; i++)
    if (memories[i]) dnnl_memory_destroy(memories[i]);
  free(c);
}

// MARK: Executing it

size_t nas_convolution_scratch(const nas_convolution *c) {
  return c->packed_bytes + c->scratchpad_bytes + c->reorder_bytes;
}

int nas_convolution_execute(
    nas_convolution *c, float *input, float *weights, float *output, void *scratch) {
  char *packed = scratch;
  char *scratchpad = packed + c->packed_bytes;
  TRY(dnnl_memory_set_data_handle(c->input, input));
  TRY(dnnl_memory_set_data_handle(c->output, output));
  TRY(dnnl_memory_set_data_handle(c->plain_weights, weights));
  TRY(dnnl_memory_set_data_handle(c->packed_weights, packed));
  TRY(dnnl_memory_set_data_handle(c->scratchpad, scratchpad));
  TRY(dnnl_memory_set_data_handle(c->reorder_scratchpad, scratchpad + c->scratchpad_bytes));

  int data = c->direction == nas_backward_data;
  int backward = c->direction == nas_backward_weights;
  dnnl_exec_arg_t reorder[] = {
      {DNNL_ARG_FROM, backward ? c->packed_weights : c->plain_weights},
      {DNNL_ARG_TO, backward ? c->plain_weights : c->packed_weights},
      {DNNL_ARG_SCRATCHPAD, c->reorder_scratchpad},
  };
  dnnl_exec_arg_t arguments[] = {
      {data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, c->input},
      {backward ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, c->packed_weights},
      {data || backward ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST, c->output},
      {DNNL_ARG_SCRATCHPAD, c->scratchpad},
  };
  if (!backward) TRY(dnnl_primitive_execute(c->reorder, stream, 3, reorder));
  TRY(dnnl_primitive_execute(c->primitive, stream, 4, arguments));
  if (backward) TRY(dnnl_primitive_execute(c->reorder, stream, 3, reorder));
  return dnnl_stream_wait(stream);
}

void nas_onednn_version(int version[3]) {
  const dnnl_version_t *linked = dnnl_version();
  version[0] = linked->major;
  version[1] = linked->minor;
  version[2] = linked->patch;
}
