// What a row's tail needs to know of all keys together: sums over the first so many keys of a head, kept at the first
// query of every block of rows.
//
//   values     sum_j v_j          (value_dim), in double, so that "all minus kept" keeps its digits
//   products   sum_j v_j k_j^T    (value_dim, head_dim), summed in double and kept in float as a packed block: with a
//                                 panel of queries as its other factor, kernel_scores() gives sum_j s_j v_j
//
// A row takes the sums at its block's first query and adds the keys between that query and itself.
#pragma once

#include "attention/problem.hpp"
#include "base/buffer.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

class TailSums {
 public:
  /// Checkpoints at queries 0, block, 2 block, ... (one where all queries see the same). False when there is no memory.
  [[nodiscard]] bool build(const AttentionProblem& problem, std::size_t block, bool products, TaskPool& pool);

  /// Over the end(block_index * block) first keys of key head g: value_dim doubles.
  const double* values(std::size_t b, std::size_t g, std::size_t block_index) const noexcept {
    return values_.data() + checkpoint(b, g, block_index) * value_dim_;
  }
  /// The same keys: product_rows() rows of packed_stride(head_dim).
  const float* products(std::size_t b, std::size_t g, std::size_t block_index) const noexcept {
    return products_.data() + checkpoint(b, g, block_index) * product_size_;
  }

 private:
  std::size_t checkpoint(std::size_t b, std::size_t g, std::size_t block_index) const noexcept {
    return (b * kv_heads_ + g) * blocks_ + (blocks_ == 1 ? 0 : block_index);
  }
  void build_head(const AttentionProblem& problem, std::size_t head, std::size_t block, float* scratch,
                  double* total) noexcept;

  std::size_t kv_heads_ = 0, blocks_ = 0, value_dim_ = 0, product_size_ = 0;
  Buffer<double> values_;
  Buffer<float> products_;
};

}  // namespace heed
