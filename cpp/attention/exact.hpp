// Exact attention without the n x n matrix.
//
// For each unit of rows (row_blocks.hpp) the keys pass by in blocks. A block of keys and values is packed once, and then,
// eight panels at a time, the scores of the block are formed, turned into weights against a running reference, and the
// weighted values are added to the panel's output (softmax_pass.hpp, value_tile.hpp). Three loops over eight panels
// instead of one loop doing all three, so that first the keys and then the values stay in the first-level cache.
//
// Causal: blocks past the last visible key of a panel are never computed; where some lanes of a panel see a key and
// others do not, scores are masked and values are added lane by lane, so that what a row may not see cannot reach it,
// not even as NaN.
//
// Numerics: scores as score_tile.hpp says; weights and sums in float; a row's result depends on its panel only through
// the moments at which the reference moves, never on threads.
// Memory:   per thread, about (2 kKeyBlock + 2 rows) padded rows and a block of scores: 300 KB at d = 64.
#pragma once

#include "attention/problem.hpp"
#include "attention/row_blocks.hpp"
#include "base/buffer.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

class ExactAttention {
 public:
  ExactAttention(const AttentionProblem& problem, TaskPool& pool);

  /// Why it cannot run. Nothing may be called after a failure.
  const Status& status() const noexcept { return status_; }
  std::size_t units() const noexcept { return blocks_.units(); }
  /// Computes the rows of some units. Each unit once, in any batches.
  void run(Range units);

 private:
  struct Panel;
  struct Scratch;
  Scratch scratch(std::size_t thread) noexcept;
  void run_unit(std::size_t unit, std::size_t thread) noexcept;
  void absorb_block(const RowBlocks::Unit& unit, Range keys, Scratch& scratch) noexcept;
  void write_panel(const RowBlocks::Unit& unit, std::size_t panel, const Scratch& scratch) noexcept;

  AttentionProblem problem_;
  TaskPool& pool_;
  Status status_;
  RowBlocks blocks_;
  std::size_t value_columns_;  // value_dim, even
  std::size_t scratch_size_ = 0;
  Buffer<float> scratch_;
};

}  // namespace heed
