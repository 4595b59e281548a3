#include "sparse/page_bounds.hpp"

#include <algorithm>

namespace heed {

bool PageBounds::build(const AttentionProblem& problem, TaskPool& pool) {
  const AttentionShape& shape = problem.shape;
  kv_heads_ = shape.kv_heads;
  keys_ = shape.keys;
  pages_ = (keys_ + kPageKeys - 1) / kPageKeys;
  columns_ = shape.head_dim;
  const std::size_t heads = shape.batch * kv_heads_;
  const CheckedSize size = checked_product({heads, pages_, 2, columns_});
  if (!size.fits || !bounds_.resize(size.value)) return false;
  pool.run({0, heads}, [&](std::size_t head, std::size_t) {
    const MatrixView<const float> rows = problem.key_rows(head / kv_heads_, head % kv_heads_);
    for (std::size_t page = 0; page < pages_; ++page) {
      float* const least = bounds_.data() + at(head, page);
      float* const most = least + columns_;
      const Range range = keys(page);
      std::copy_n(rows.row(range.begin), columns_, least);
      std::copy_n(rows.row(range.begin), columns_, most);
      for (std::size_t j = range.begin + 1; j < range.end; ++j) {
        for (std::size_t c = 0; c < columns_; ++c) {
          least[c] = std::min(least[c], rows.row(j)[c]);
          most[c] = std::max(most[c], rows.row(j)[c]);
        }
      }
    }
  });
  return true;
}

double highest_product(const float* query, double scale, const float* least, const float* most,
                       std::size_t columns) noexcept {
  double sum = 0.0;
  for (std::size_t c = 0; c < columns; ++c) {
    const double q = scale * double{query[c]};
    sum += std::max(q * double{least[c]}, q * double{most[c]});
  }
  return sum;
}

double PageBounds::highest_score(std::size_t b, std::size_t g, std::size_t page, const float* query,
                                 double scale) const noexcept {
  const float* const least = bounds_.data() + at(b * kv_heads_ + g, page);
  return highest_product(query, scale, least, least + columns_, columns_);
}

}  // namespace heed
