// Attention problems from bytes. Most numbers come from a seeded generator, so that few bytes make many of them; then
// the bytes change single numbers, repeat keys, and choose the rules.
#pragma once

#include "sparse/budget.hpp"
#include "sparse/tail.hpp"
#include "support/inputs.hpp"
#include "target.hpp"

namespace heed::fuzz {

inline constexpr float kOdd[] = {0.0f,   -0.0f,  1.0f,    -1.0f,    1e-3f,  30.0f,     -88.0f,   127.5f,
                                 1e4f,   -1e9f,  1e15f,   1e19f,    -1e19f, 1e30f,     3e38f,    1e-20f,
                                 1e-38f, 1e-45f, -1e-45f, INFINITY, NAN,    -INFINITY, 0.99999f, 1.00001f};

inline float odd_number(Bytes& bytes) { return bytes.PickValueInArray(kOdd); }

/// The problem in words, for note().
inline std::string in_words(const test::Inputs& inputs, const Budget& budget) {
  const AttentionShape& s = inputs.shape;
  char text[400];
  std::snprintf(
      text, sizeof text,
      "batch %zu, queries %zu, keys %zu, heads %zu/%zu, d %zu/%zu, %s, causal %d, window %zu, sinks %zu, scale "
      "%g, softcap %g, mask of %zu/%zu; keep k %zu, law %g %g, from %zu to %zu, mass %g, threshold %g",
      s.batch, s.queries, s.keys, s.heads, s.kv_heads, s.head_dim, s.value_dim,
      s.layout == Layout::kHeadMajor ? "head-major" : "token-major", s.causal ? 1 : 0, s.window, s.sinks,
      double{inputs.scale}, double{inputs.softcap}, inputs.bias.size(), inputs.allowed.size(), budget.k,
      budget.law.alpha, budget.law.exponent, budget.law.min, budget.law.max, budget.mass, budget.threshold);
  return text;
}

/// Most often small, at times up to `most`.
inline std::size_t size_up_to(Bytes& bytes, std::size_t most) {
  const std::size_t limit = bytes.PickValueInArray({std::size_t{5}, std::size_t{40}, std::size_t{130}, most});
  return 1 + below(bytes, std::min(limit, most));
}

inline AttentionShape draw_shape(Bytes& bytes, std::size_t most_queries, std::size_t most_keys) {
  AttentionShape shape;
  shape.queries = size_up_to(bytes, most_queries);
  shape.keys = size_up_to(bytes, most_keys);
  shape.kv_heads = 1 + below(bytes, 2);
  shape.heads = shape.kv_heads * (1 + below(bytes, 2));
  shape.head_dim = bytes.PickValueInArray<std::size_t>({1, 2, 3, 4, 5, 8, 16, 17, 33, 64});
  shape.value_dim = 1 + below(bytes, 5);
  shape.batch = 1 + below(bytes, 8) / 7;
  shape.layout = bytes.ConsumeBool() ? Layout::kHeadMajor : Layout::kTokenMajor;
  shape.causal = bytes.ConsumeBool();
  return shape;
}

/// Numbers that are a few bytes' own, over and over.
inline std::vector<float> repeated(Bytes& bytes, std::size_t count) {
  const std::string own = bytes.ConsumeBytesAsString(1 + below(bytes, 48));
  std::vector<float> numbers(count, 0.5f);
  if (own.empty()) return numbers;
  for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<float>(own[i % own.size()]) / 16.0f;
  return numbers;
}

/// Keys in runs around centers.
inline std::vector<float> clustered(const AttentionShape& shape, std::uint64_t stream, std::size_t run, double width) {
  const std::size_t d = shape.head_dim;
  std::vector<float> keys = test::gaussian(test::key_size(shape), stream, width);
  const std::vector<float> centers = test::gaussian((keys.size() / d / run + 1) * d, stream + 1, 2.0);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] += centers[i / d / run * d + i % d];
  return keys;
}

inline test::Inputs draw_numbers(Bytes& bytes, const AttentionShape& shape) {
  const std::uint64_t stream = bytes.ConsumeIntegral<std::uint8_t>();
  std::vector<float> q = test::gaussian(test::query_size(shape), 4 * stream), k;
  const std::size_t keys = test::key_size(shape);
  switch (below(bytes, 5)) {
    case 0:
      k = test::gaussian(keys, 4 * stream + 1, bytes.PickValueInArray({0.1, 1.0, 5.0, 40.0}));
      break;
    case 1: {
      const int most = 1 + static_cast<int>(below(bytes, 3));
      q = test::whole_numbers(q.size(), 4 * stream, most);
      k = test::whole_numbers(keys, 4 * stream + 1, most);
      break;
    }
    case 2: {
      const std::size_t run = 1 + below(bytes, 70);
      k = clustered(shape, 4 * stream + 1, run, bytes.PickValueInArray({0.0, 1e-4, 0.05, 0.5}));
      break;
    }
    case 3: {
      // All nearly equal, and far from zero.
      const float offset = odd_number(bytes);
      k = test::gaussian(keys, 4 * stream + 1, 1e-4);
      for (std::size_t i = 0; i < keys; ++i) k[i] += offset + static_cast<float>(i % shape.head_dim);
      break;
    }
    default:
      q = repeated(bytes, q.size()), k = repeated(bytes, keys);
  }
  return {shape, q, k, test::gaussian(test::value_size(shape), 4 * stream + 2)};
}

/// Single numbers replaced or scaled, keys repeated.
inline void draw_edits(Bytes& bytes, test::Inputs& inputs) {
  const std::size_t d = inputs.shape.head_dim, rows = inputs.k.size() / d;
  for (std::size_t edits = below(bytes, 9); edits > 0; --edits) {
    const std::size_t kind = below(bytes, 6);
    if (kind == 0) {
      inputs.q[below(bytes, inputs.q.size())] = odd_number(bytes);
    } else if (kind == 1) {
      inputs.k[below(bytes, inputs.k.size())] = odd_number(bytes);
    } else if (kind == 2) {
      inputs.v[below(bytes, inputs.v.size())] = odd_number(bytes);
    } else {
      const std::size_t to = below(bytes, rows), from = below(bytes, rows);
      const float factor = kind == 3 ? 1.0f : kind == 4 ? odd_number(bytes) : 1.0f + 0x1p-22f;
      for (std::size_t c = 0; c < d; ++c) inputs.k[to * d + c] = factor * inputs.k[from * d + c];
    }
  }
  if (bytes.ConsumeBool()) inputs.scale = bytes.PickValueInArray({1.0f, 0.0f, -0.5f, 1e-4f, 25.0f, -1e5f, 1e20f});
}

/// A problem that every search takes: no rules but causality.
inline test::Inputs draw_plain_problem(Bytes& bytes, std::size_t most_queries, std::size_t most_keys) {
  const AttentionShape shape = draw_shape(bytes, most_queries, most_keys);
  test::Inputs inputs = draw_numbers(bytes, shape);
  draw_edits(bytes, inputs);
  return inputs;
}

/// Windows, sinks, softcap and masks.
inline void draw_rules(Bytes& bytes, test::Inputs& inputs) {
  AttentionShape& shape = inputs.shape;
  if (bytes.ConsumeBool()) {
    shape.window = 1 + below(bytes, shape.keys + 2);
    shape.sinks = below(bytes, shape.keys + 2);
  }
  if (below(bytes, 3) == 0) inputs.softcap = bytes.PickValueInArray({1.0f, 30.0f, 1e-3f, 3e4f});
  const std::size_t per_head = shape.queries * shape.keys;
  const std::size_t kind = below(bytes, 4), size = bytes.ConsumeBool() ? per_head * shape.heads : per_head;
  if (kind == 1) {
    inputs.allowed.resize(size);
    const std::size_t hidden = below(bytes, 256);
    const CounterRandom random(bytes.ConsumeIntegral<std::uint8_t>(), 7);
    for (std::size_t i = 0; i < size; ++i) inputs.allowed[i] = (random.bits(i) & 255) >= hidden ? 1 : 0;
  } else if (kind == 2) {
    inputs.bias = test::gaussian(size, bytes.ConsumeIntegral<std::uint8_t>(), bytes.PickValueInArray({0.0, 1.0, 1e4}));
    for (std::size_t edits = below(bytes, 5); edits > 0; --edits) {
      // A bias of +infinity or NaN is the caller's way to spoil a row; -infinity hides a key.
      inputs.bias[below(bytes, size)] = bytes.ConsumeBool() ? -INFINITY : odd_number(bytes);
    }
  }
}

/// `counts`: only budgets that searches which skip scores can answer.
inline Budget draw_budget(Bytes& bytes, std::size_t keys, bool counts) {
  Budget budget;
  switch (below(bytes, counts ? 2 : 4)) {
    case 0:
      budget.k = 1 + below(bytes, keys + 2);
      break;
    case 1:
      budget.law = {bytes.PickValueInArray({0.1, 1.0, 3.0}), bytes.PickValueInArray({0.0, 0.5, 1.0})};
      break;
    case 2:
      budget.mass = bytes.PickValueInArray({1e-9, 0.3, 0.9, 0.999, 1.0});
      break;
    default:
      budget.threshold = bytes.PickValueInArray({1e-30, 1e-4, 0.02, 0.5, 0.999});
  }
  if (below(bytes, 4) == 0) {
    budget.law.min = below(bytes, keys + 2);
    budget.law.max = std::max<std::size_t>(std::max<std::size_t>(1, budget.law.min), below(bytes, keys + 2));
  }
  return budget;
}

inline Estimator draw_estimator(Bytes& bytes) {
  return bytes.PickValueInArray(
      {Estimator::kRenormalized, Estimator::kRaw, Estimator::kCompensated, Estimator::kLinear});
}

}  // namespace heed::fuzz
