// Page summaries: the largest and the least number of each column over kBoxTokens keys bound every score with them.
//
//   U(box) = sum_c max(x_c least_c, x_c largest_c) = <(x+, x-), (largest, least)>      x+, x- the two signs of x apart
//
// so the bounds of a query with all boxes are scores with rows of twice the columns, by the kernel of scores. Both the
// bound and the scores are chains of floats, of numbers that were rounded once each: with |box| the norm of the larger
// magnitude of each column both are off by at most gamma_(2 d + 8) |x| |box|, which a user adds to the bound twice
// (DERIVED). A box with a number that is not finite has the norm infinity: it must be looked into.
//
// Kept current token by token: O(d) for each. Memory: 2 d + 1 floats for kBoxTokens tokens, 3 % of a cache of floats.
#pragma once

#include "cache/companion.hpp"

namespace heed {

class PageBoxes : public Companion {
 public:
  static constexpr std::size_t kBoxTokens = 32;

  explicit PageBoxes(const CacheShape& shape) noexcept;

  /// Includes tokens [0, length) of the layer. False, and what was there is still there, without memory.
  [[nodiscard]] bool update(const KvCache& cache, std::size_t layer, TaskPool& pool) noexcept;

  /// Of head g, from the box of a token on, which begins a page of boxes: rows of (largest, least), row_columns() each.
  static constexpr std::size_t kPageBoxes = kShadowTokens / kBoxTokens;
  std::size_t row_columns() const noexcept { return 2 * columns_; }
  simd::CachedRows rows(std::size_t layer, std::size_t token, std::size_t g) const noexcept;
  const float* norms(std::size_t layer, std::size_t token, std::size_t g) const noexcept;

 private:
  void add(const KvCache& cache, std::size_t layer, std::size_t page, std::size_t g, Range tokens) noexcept;

  std::size_t columns_, norms_at_;
};

}  // namespace heed
