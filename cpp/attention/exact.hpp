// Exact attention without the n x n matrix.
//
// For each unit of rows (row_blocks.hpp) the keys pass by in blocks. A block of keys and values is packed, once for all
// units where there is room (packed_tokens.hpp), and then, eight panels at a time, the scores of the block are formed,
// turned into weights against a running reference, and the weighted values are added to the panel's output
// (score_former.hpp, softmax_pass.hpp, value_tile.hpp). Three loops over eight panels instead of one loop doing all
// three, so that first the keys and then the values stay in the first-level cache.
//
// Blocks that no row of a panel sees, behind the diagonal or before the window, are never computed. Where some rows of
// a panel see a key and others do not, the others' scores become -infinity and their weights 0. A weight of 0 times a
// NaN value would still be NaN: a block with such values takes the careful path, so that what a row may not see cannot
// reach it.
//
// Numerics: scores as score_tile.hpp says; weights and sums in float, block by block. Accumulate::kCompensated keeps
//           what the addition of a block's contribution rounds away, so that the error does not grow with the number of
//           blocks; for more, see precise.hpp. A row's result depends on its panel only through the moments at which
//           the reference moves, never on threads.
// Memory:   per thread, about (2 kKeyBlock + 2 rows) padded rows and a block of scores: 300 KB at d = 64; and up to
//           24 MB of packed keys and values for all.
#pragma once

#include "attention/packed_tokens.hpp"
#include "attention/problem.hpp"
#include "attention/row_blocks.hpp"
#include "attention/score_former.hpp"
#include "base/buffer.hpp"
#include "base/pieces.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

class ExactAttention {
 public:
  ExactAttention(const AttentionProblem& problem, TaskPool& pool);
  ExactAttention(const ExactAttention&) = delete;
  ExactAttention& operator=(const ExactAttention&) = delete;

  /// Why it cannot run. Nothing may be called after a failure.
  const Status& status() const noexcept { return status_; }
  std::size_t units() const noexcept { return blocks_.units(); }
  /// Computes the rows of some units. Each unit once, in any batches.
  void run(Range units);

 private:
  struct Panel;
  struct Scratch;
  Scratch cut(Pieces& pieces) const noexcept;
  std::size_t scratch_bytes() const noexcept;
  bool shares_blocks() const noexcept;
  PackedBlock pack(const RowBlocks::Unit& unit, Range keys, Scratch& scratch) noexcept;
  void run_unit(std::size_t unit, std::size_t thread) noexcept;
  void start_panel(const RowBlocks::Unit& unit, std::size_t panel, Scratch& scratch) noexcept;
  void absorb_block(const RowBlocks::Unit& unit, Range keys, Scratch& scratch) noexcept;
  void weigh(Panel& panel, std::size_t count, float* scores, float* out, float* low) noexcept;
  void mix(std::size_t count, const PackedBlock& block, const float* weights, const Scratch& scratch, float* out,
           float* low) noexcept;
  void write_panel(const RowBlocks::Unit& unit, std::size_t panel, const Scratch& scratch) noexcept;

  AttentionProblem problem_;
  TaskPool& pool_;
  Status status_;
  RowBlocks blocks_;
  ScoreFormer former_;
  std::size_t value_columns_;  // value_dim, even
  Buffer<std::byte> scratch_;
  PackedTokens packed_;
};

}  // namespace heed
