// One attention call: where its tensors are, how they are shaped, who sees whom.
//
//   out[b, i, h] = sum_j p_j v[b, j, g]    p = softmax_j(scale * <q[b, i, h], k[b, j, g]>)    g = h / (heads / kv_heads)
//
// The sum is over the keys that query i sees. Causal attention aligns the ends: the last query sees every key, query i
// sees the first keys - queries + i + 1 of them, which is none for the first queries when there are more queries than
// keys. A row that sees no key is zero, its log-sum-exp is -infinity.
#pragma once

#include <cstddef>

#include "base/status.hpp"
#include "base/view.hpp"

namespace heed {

enum class Layout {
  kTokenMajor,  // (batch, n, heads, d)
  kHeadMajor,   // (batch, heads, n, d)
};

struct AttentionShape {
  std::size_t batch = 1;
  std::size_t queries = 0;
  std::size_t keys = 0;
  std::size_t heads = 1;
  std::size_t kv_heads = 1;
  std::size_t head_dim = 0;
  std::size_t value_dim = 0;
  Layout layout = Layout::kTokenMajor;
  bool causal = false;

  /// Query heads that share a key head.
  std::size_t group() const noexcept { return heads / kv_heads; }

  /// How many keys query i sees: the first so many.
  std::size_t visible(std::size_t i) const noexcept {
    if (!causal) return keys;
    return i + keys + 1 > queries ? i + keys + 1 - queries : 0;
  }

  /// Where row (b, i, h) stands among the rows in order of batch, query, head.
  std::size_t row_index(std::size_t b, std::size_t i, std::size_t h) const noexcept {
    return (b * queries + i) * heads + h;
  }
};

struct AttentionProblem {
  AttentionShape shape;
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  float* out = nullptr;
  float* lse = nullptr;  // (batch, queries, heads) or null
  float scale = 1.0f;

  MatrixView<const float> query_rows(std::size_t b, std::size_t h) const noexcept;
  MatrixView<const float> key_rows(std::size_t b, std::size_t g) const noexcept;
  MatrixView<const float> value_rows(std::size_t b, std::size_t g) const noexcept;
  MatrixView<float> out_rows(std::size_t b, std::size_t h) const noexcept;
};

/// What a caller can get wrong about a shape: sizes of zero, heads that do not divide, products beyond the address
/// space, a scale that is not finite.
Status validate(const AttentionProblem& problem);

}  // namespace heed
