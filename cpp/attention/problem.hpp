// One attention call: where its tensors are, how they are shaped, who sees whom.
//
//   out[b, i, h] = sum_j p_j v[b, j, g]      p = softmax_j(s_j)      g = h / (heads / kv_heads)
//   s_j = softcap(scale * <q[b, i, h], k[b, j, g]>) + mask[i, j]     softcap(x) = c tanh(x / c)
//
// The sum is over the keys that query i sees. Causal attention aligns the ends: the last query sees every key, query i
// sees the first end(i) = keys - queries + i + 1 of them, which is none for the first queries when there are more
// queries than keys. A window keeps the last `window` of those, the row's own included, and the first `sinks`. A mask
// adds a number to each score or says which keys count. A row that sees no key is zero, its log-sum-exp is -infinity.
#pragma once

#include <cstddef>
#include <cstdint>

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
  std::size_t window = 0;  // 0: no window
  std::size_t sinks = 0;   // without a window they are visible anyway

  /// Query heads that share a key head.
  std::size_t group() const noexcept { return heads / kv_heads; }

  /// Query i sees no key from here on.
  std::size_t end(std::size_t i) const noexcept {
    if (!causal) return keys;
    return i + keys + 1 > queries ? i + keys + 1 - queries : 0;
  }

  /// Where the window of query i begins. Before it, only sinks are seen.
  std::size_t from(std::size_t i) const noexcept { return window != 0 && end(i) > window ? end(i) - window : 0; }

  /// How many keys query i sees, masks aside.
  std::size_t visible(std::size_t i) const noexcept { return end(i) - from(i) + (sinks < from(i) ? sinks : from(i)); }

  /// Where row (b, i, h) stands among the rows in order of batch, query, head.
  std::size_t row_index(std::size_t b, std::size_t i, std::size_t h) const noexcept {
    return (b * queries + i) * heads + h;
  }
};

/// Added to the scores, or 0/1 for keys that do not count. At most one is set; (queries, keys), or (heads, queries,
/// keys) when per_head.
struct Mask {
  const float* bias = nullptr;
  const std::uint8_t* allowed = nullptr;
  bool per_head = false;

  bool empty() const noexcept { return bias == nullptr && allowed == nullptr; }
};

/// How sums over keys are kept. See exact.hpp and precise.hpp.
enum class Accumulate { kFloat, kCompensated, kDouble };

struct AttentionProblem {
  AttentionShape shape;
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  float* out = nullptr;
  float* lse = nullptr;  // (batch, queries, heads) or null
  double scale = 1.0;
  double softcap = 0.0;  // 0: none
  Mask mask = {};
  Accumulate accumulate = Accumulate::kFloat;
  bool heads_apart = false;  // k and v are head-major, whatever the layout of q and out

  MatrixView<const float> query_rows(std::size_t b, std::size_t h) const noexcept;
  MatrixView<const float> key_rows(std::size_t b, std::size_t g) const noexcept;
  MatrixView<const float> value_rows(std::size_t b, std::size_t g) const noexcept;
  MatrixView<float> out_rows(std::size_t b, std::size_t h) const noexcept;
};

/// What a caller can get wrong about a shape: sizes of zero, heads that do not divide, products beyond the address
/// space, a scale that is not finite, a softcap that is not a finite number from 0.
Status validate(const AttentionProblem& problem);

}  // namespace heed
