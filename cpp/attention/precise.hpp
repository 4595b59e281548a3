// Exact attention in double: products, scores, weights and sums, from the float inputs to the rounding of the result.
//
// For rows whose weights are so even that a float sum no longer sees the single key (the dispersion of
// theory/README.md), and as a yardstick on the device itself. About a thirteenth of the speed of exact.hpp.
//
// The rows of a panel go through the keys block by block with a running maximum, as in exact.hpp; scores of a block are
// [key][lane] in double. Units are panels of kPrecisePanel queries of one head.
#pragma once

#include "attention/problem.hpp"
#include "base/buffer.hpp"
#include "base/pieces.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

class PreciseAttention {
 public:
  PreciseAttention(const AttentionProblem& problem, TaskPool& pool);

  const Status& status() const noexcept { return status_; }
  std::size_t units() const noexcept;
  void run(Range units);

 private:
  struct Scratch;
  struct Place;
  Scratch cut(Pieces& pieces) const noexcept;
  std::size_t scratch_bytes() const noexcept;
  Place place(std::size_t unit) const noexcept;
  void run_unit(std::size_t unit, std::size_t thread) noexcept;
  void form_scores(const Place& place, Range keys, Scratch& scratch) const noexcept;
  void apply_rules(const Place& place, Range keys, Scratch& scratch) const noexcept;
  void absorb(const Place& place, Range keys, Scratch& scratch) const noexcept;

  AttentionProblem problem_;
  TaskPool& pool_;
  Status status_;
  Buffer<std::byte> scratch_;
};

}  // namespace heed
