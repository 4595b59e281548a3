// The largest norm among the first so many keys of a head, for any number: a row's bound may count on its own keys
// only.
//
// Kept as running maxima within chunks and one maximum per chunk, so that chunks can be built in any order.
// Memory: 8 bytes a key.
#pragma once

#include "base/buffer.hpp"
#include "retrieve/key_chunks.hpp"

namespace heed {

class KeyNorms {
 public:
  [[nodiscard]] bool prepare(const AttentionProblem& problem) noexcept;
  std::size_t build_units() const noexcept { return chunks_.units(); }
  void build(const AttentionProblem& problem, std::size_t unit) noexcept;

  /// Over the first `count` keys, at least 1. Infinite or NaN when one of them is.
  double largest(std::size_t batch, std::size_t kv_head, std::size_t count) const noexcept;

 private:
  KeyChunks chunks_;
  std::size_t kv_heads_ = 0;
  Buffer<double> running_;  // (heads, keys)
};

}  // namespace heed
