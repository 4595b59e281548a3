// Page summaries that bound every score with kBoxTokens keys, in two ways; the lower bound of the two counts.
//
//   box    the largest and the least number of each column:
//          U = sum_c max(x_c least_c, x_c largest_c) = <(x+, x-), (largest, least)>    x+, x- the two signs of x apart
//   ball   the mean of the keys, rounded, and their largest distance from it: U = <x, mean> + |x| radius
//
// A box is tight where keys differ in few columns, or a query looks at few; a ball where they are spread alike in all
// of them: of 64 columns of normal numbers of deviation s, a box reaches 2.1 s sum |x_c| above the mean and a ball 8 s
// |x|, three fifths of it. Both bounds are scores with rows of floats, by the kernel of scores. They and the scores are
// chains of floats, of numbers that were rounded once each: with |box| the norm of the larger magnitude of each column
// all are off by at most gamma_(2 d + 8) |x| |box|, which a user adds to the bound twice (DERIVED; no key and no mean
// is longer than |box|). Where a number is not finite |box| is infinite: the tokens must be looked at.
//
// Kept current token by token, O(d) for each: boxes grow with every one, a ball is made when its last token comes.
// Memory: 3 d + 2 floats for kBoxTokens tokens, 5 % of a cache of floats.
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
  /// The same for the balls of whole boxes: means of columns() numbers.
  std::size_t columns() const noexcept { return columns_; }
  simd::CachedRows means(std::size_t layer, std::size_t token, std::size_t g) const noexcept;
  const float* radii(std::size_t layer, std::size_t token, std::size_t g) const noexcept;

 private:
  void add(const KvCache& cache, std::size_t layer, std::size_t page, std::size_t g, Range tokens) noexcept;
  void add_ball(const KvCache& cache, std::size_t layer, std::size_t page, std::size_t g, std::size_t box) noexcept;

  std::size_t columns_, norms_at_, means_at_, radii_at_;
};

}  // namespace heed
