// Sums of the first so many value rows of a head, kept at the first query of every block of rows: what the tail of a row
// needs to know of the keys that were not kept. In double, so that the difference "all minus kept" keeps its digits.
#pragma once

#include "attention/problem.hpp"
#include "base/buffer.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

class ValueSums {
 public:
  /// Checkpoints at queries 0, block, 2 block, ... False when there is no memory.
  [[nodiscard]] bool build(const AttentionProblem& problem, std::size_t block, TaskPool& pool);

  /// The sum over the visible(block_index * block) first rows of value head g: value_dim doubles.
  const double* at(std::size_t b, std::size_t g, std::size_t block_index) const noexcept;

 private:
  std::size_t kv_heads_ = 0, blocks_ = 0, columns_ = 0;
  Buffer<double> sums_;
};

}  // namespace heed
