// Top-k attention over the keys that a retriever finds.
//
// The index is built first (unless it was handed over ready), then blocks of up to kRowsTogether rows of a head are
// retrieved, weighed and written. Both are units of the same job, so that progress and cancelling see all of it.
//
// The denominator is not known where scores are skipped. So the estimator is `renormalized`, which needs the kept
// scores only; `dropped` and `bound` are upper bounds of the dropped mass,
//
//   tau = R / (Z_H + R) <= rest / (Z_H + rest)      rest >= R, the sum over the keys that were not kept
//
// `bound` with all rounding included (DERIVED): Z_H is off by at most eta = kExpError + 264 u of itself, so
// tau <= tau_c = rest / (Z_H (1 - eta) + rest) for the scores as computed, and a score error of delta moves a ratio of
// two sums by at most e^(2 delta), as in dropped_mass.hpp.
#pragma once

#include "base/buffer.hpp"
#include "parallel/task_pool.hpp"
#include "retrieve/key_index.hpp"
#include "sparse/topk_attention.hpp"

namespace heed {

class RetrievedAttention {
 public:
  /// `index`: built for these keys, or null to build one of the kind `search` first. options.estimator must be
  /// kRenormalized.
  RetrievedAttention(const AttentionProblem& problem, const TopKOptions& options, Search search, const KeyIndex* index,
                     TaskPool& pool);
  RetrievedAttention(const RetrievedAttention&) = delete;
  RetrievedAttention& operator=(const RetrievedAttention&) = delete;

  /// Why it cannot run. Nothing may be called after a failure.
  const Status& status() const noexcept { return status_; }
  std::size_t units() const noexcept { return build_units_ + row_units_; }
  /// Each unit once, in any batches, in order.
  void run(Range units);

 private:
  struct Scratch;
  Scratch cut(Pieces& pieces) const noexcept;
  std::size_t scratch_bytes() const noexcept;
  void run_rows(std::size_t unit, std::size_t thread) noexcept;
  void write(const QueryRows& rows, std::size_t i, RetrievedRow& row, float* weights) noexcept;

  AttentionProblem problem_;
  TopKOptions options_;
  TaskPool& pool_;
  Status status_;
  KeyIndex own_;
  const KeyIndex* index_;
  std::size_t most_kept_ = 0, blocks_ = 0, build_units_ = 0, row_units_ = 0, retriever_bytes_ = 0;
  Buffer<std::byte> scratch_;
};

}  // namespace heed
