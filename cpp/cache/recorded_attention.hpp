// How much attention each token has received so far, by layer and key head: what decides which tokens of a cache are
// "heavy hitters" (H2O, arXiv 2306.14048: the scores accumulated over all steps).
//
//   a_gj = sum over recorded queries i, and over the query heads h that share key head g, of p_ihj
//
// in double, so that a token that is seen rarely still counts after 10^6 steps. A token that was appended has 0, and an
// older one has had more queries to look at it: that is H2O's rule, and nothing here corrects it. A rewind forgets what
// its tokens received; what the queries of those tokens gave to earlier ones stays.
//
// Memory: eight bytes a token and key head, once something is recorded.
#pragma once

#include "cache/companion.hpp"

namespace heed {

class RecordedAttention : public Companion {
 public:
  explicit RecordedAttention(const CacheShape& shape) noexcept;

  /// Adds (kv_heads, tokens) to the sums of a layer's first tokens. False, and no sum changed, without memory.
  [[nodiscard]] bool add(std::size_t layer, const double* received, std::size_t tokens, TaskPool& pool) noexcept;

  /// 0 where nothing was recorded.
  double sum(std::size_t layer, std::size_t g, std::size_t token) const noexcept;
  /// Tokens of a layer from the first on that have sums; what follows was appended later.
  using Companion::length;
  /// Something was recorded, of whichever layer.
  using Companion::started;

  /// As KvCache::keep_only(), after own(): cannot fail.
  using Companion::own;
  void keep_only(std::size_t layer, const std::uint32_t* tokens, std::size_t count) noexcept;

 private:
  double* sums(std::size_t layer, std::size_t g, std::size_t token) noexcept;
};

}  // namespace heed
