// Attention problems with chosen inputs. Operands lie in guarded, misaligned memory, and know how to present themselves
// to the library and to the oracle.
#pragma once

#include <algorithm>
#include <cmath>

#include "attention/problem.hpp"
#include "base/random.hpp"
#include "reference/attention.hpp"
#include "support/guarded.hpp"
#include "support/seed.hpp"

namespace heed::test {

inline std::vector<float> gaussian(std::size_t count, std::uint64_t stream, double deviation = 1.0) {
  std::vector<float> numbers(count);
  CounterRandom(seed(), stream).fill_normal(0, count, numbers.data());
  for (float& x : numbers) x = static_cast<float>(static_cast<double>(x) * deviation);
  return numbers;
}

/// Whole numbers from -most to most.
inline std::vector<float> whole_numbers(std::size_t count, std::uint64_t stream, int most) {
  const CounterRandom random(seed(), stream);
  std::vector<float> numbers(count);
  for (std::size_t i = 0; i < count; ++i)
    numbers[i] = static_cast<float>(std::floor(random.uniform(i) * (2 * most + 1)) - most);
  return numbers;
}

struct Inputs {
  AttentionShape shape;
  float scale;
  Guarded<float> q, k, v;
  float softcap = 0.0f;
  std::vector<float> bias;            // (queries, keys) or (heads, queries, keys); empty for none
  std::vector<std::uint8_t> allowed;  // likewise
  Accumulate accumulate = Accumulate::kFloat;

  Inputs(const AttentionShape& s, const std::vector<float>& queries, const std::vector<float>& keys,
         const std::vector<float>& values)
      : shape(s),
        scale(static_cast<float>(1.0 / std::sqrt(static_cast<double>(s.head_dim)))),
        q(queries),
        k(keys),
        v(values) {}

  std::size_t rows() const { return shape.batch * shape.queries * shape.heads; }
  std::size_t out_size() const { return rows() * shape.value_dim; }

  bool mask_per_head() const { return std::max(bias.size(), allowed.size()) > shape.queries * shape.keys; }

  AttentionProblem problem(float* out, float* lse = nullptr) const {
    const Mask mask{bias.empty() ? nullptr : bias.data(), allowed.empty() ? nullptr : allowed.data(), mask_per_head()};
    return {shape, q.data(), k.data(), v.data(), out, lse, double{scale}, double{softcap}, mask, accumulate};
  }

  reference::Tensors tensors() const {
    return {.batch = shape.batch,
            .queries = shape.queries,
            .keys = shape.keys,
            .heads = shape.heads,
            .kv_heads = shape.kv_heads,
            .head_dim = shape.head_dim,
            .value_dim = shape.value_dim,
            .head_major = shape.layout == Layout::kHeadMajor,
            .causal = shape.causal,
            .scale = static_cast<double>(scale),
            .q = q.data(),
            .k = k.data(),
            .v = v.data(),
            .window = shape.window,
            .sinks = shape.sinks,
            .softcap = static_cast<double>(softcap),
            .bias = bias.empty() ? nullptr : bias.data(),
            .allowed = allowed.empty() ? nullptr : allowed.data(),
            .mask_per_head = mask_per_head()};
  }

  /// Every row, in the order of row_index().
  std::vector<reference::Row> each_row() const {
    std::vector<reference::Row> all;
    for (std::size_t b = 0; b < shape.batch; ++b)
      for (std::size_t i = 0; i < shape.queries; ++i)
        for (std::size_t h = 0; h < shape.heads; ++h) all.push_back({b, i, h});
    return all;
  }

  /// Where a row of the output starts.
  std::size_t out_at(reference::Row row) const {
    const std::size_t place = shape.layout == Layout::kHeadMajor
                                  ? (row.batch * shape.heads + row.head) * shape.queries + row.query
                                  : shape.row_index(row.batch, row.query, row.head);
    return place * shape.value_dim;
  }
};

inline std::size_t query_size(const AttentionShape& s) { return s.batch * s.queries * s.heads * s.head_dim; }
inline std::size_t key_size(const AttentionShape& s) { return s.batch * s.keys * s.kv_heads * s.head_dim; }
inline std::size_t value_size(const AttentionShape& s) { return s.batch * s.keys * s.kv_heads * s.value_dim; }

/// Scores are N(0, sigma^2) at the default scale.
inline Inputs gaussian_inputs(const AttentionShape& s, double sigma = 1.0) {
  return {s, gaussian(query_size(s), 1, sigma), gaussian(key_size(s), 2), gaussian(value_size(s), 3)};
}

/// Small whole numbers: every score is exact, most are equal to many others.
inline Inputs tied_inputs(const AttentionShape& s, int most = 1) {
  Inputs inputs(s, whole_numbers(query_size(s), 1, most), whole_numbers(key_size(s), 2, most),
                gaussian(value_size(s), 3));
  inputs.scale = 1.0f;
  return inputs;
}

inline AttentionShape square(std::size_t n, std::size_t d, bool causal = false) {
  return {.queries = n, .keys = n, .head_dim = d, .value_dim = d, .causal = causal};
}

}  // namespace heed::test
