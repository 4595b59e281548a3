#include "sparse/value_sums.hpp"

#include <algorithm>

#include "simd/gather.hpp"

namespace heed {

bool ValueSums::build(const AttentionProblem& problem, std::size_t block, TaskPool& pool) {
  const AttentionShape& shape = problem.shape;
  kv_heads_ = shape.kv_heads;
  columns_ = shape.value_dim;
  blocks_ = (shape.queries + block - 1) / block;
  const CheckedSize size = checked_product({shape.batch, kv_heads_, blocks_, columns_});
  if (!size.fits || !sums_.resize(size.value)) return false;
  pool.run({0, shape.batch * kv_heads_}, [&](std::size_t head, std::size_t) {
    const MatrixView<const float> values = problem.value_rows(head / kv_heads_, head % kv_heads_);
    double* sum = sums_.data() + head * blocks_ * columns_;
    std::size_t done = 0;
    for (std::size_t i = 0; i < blocks_; ++i, sum += columns_) {
      if (i == 0) std::fill_n(sum, columns_, 0.0);
      else std::copy_n(sum - columns_, columns_, sum);
      const std::size_t visible = shape.visible(i * block);
      simd::kernel_add_rows(values, {done, visible}, sum);
      done = visible;
    }
  });
  return true;
}

const double* ValueSums::at(std::size_t b, std::size_t g, std::size_t block_index) const noexcept {
  return sums_.data() + ((b * kv_heads_ + g) * blocks_ + block_index) * columns_;
}

}  // namespace heed
