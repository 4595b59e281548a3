// Upper bounds of the scores with whole pages of keys, from the smallest and the largest number of every column:
//
//   scale <q, k_j> <= U = sum_c max(scale q_c min_c, scale q_c max_c)      for every key j of the page
//
// Source: Quest, arXiv 2406.10774, which chooses pages by U. Here U bounds what the pages hold that nobody looked at
// (certificates.hpp). A page with a NaN has a NaN or an arbitrary bound; a row that sees it is NaN itself.
#pragma once

#include "attention/problem.hpp"
#include "base/buffer.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

/// U of a query and of the smallest and largest numbers of some keys, in double.
double highest_product(const float* query, double scale, const float* least, const float* most,
                       std::size_t columns) noexcept;

class PageBounds {
 public:
  static constexpr std::size_t kPageKeys = 32;

  /// False when there is no memory.
  [[nodiscard]] bool build(const AttentionProblem& problem, TaskPool& pool);

  /// The keys of page `page`: the last one may be shorter.
  Range keys(std::size_t page) const noexcept {
    return {page * kPageKeys, page * kPageKeys + kPageKeys < keys_ ? page * kPageKeys + kPageKeys : keys_};
  }

  /// U of one query (head_dim) with one page of key head g.
  double highest_score(std::size_t b, std::size_t g, std::size_t page, const float* query, double scale) const noexcept;

 private:
  /// (batch, kv_heads, pages, 2, head_dim)
  std::size_t at(std::size_t head, std::size_t page) const noexcept { return (head * pages_ + page) * 2 * columns_; }

  std::size_t kv_heads_ = 0, keys_ = 0, pages_ = 0, columns_ = 0;
  Buffer<float> bounds_;
};

}  // namespace heed
