// Top-k attention by looking at every key: block by block where that decides a row (topk_attention.hpp), with all
// scores of a panel in memory where it does not (strip_topk.hpp). The kept sets and the dropped mass are those of the
// same scores either way; outputs differ by rounding.
#pragma once

#include <optional>

#include "sparse/strip_topk.hpp"
#include "sparse/topk_attention.hpp"

namespace heed {

class TopKSearch {
 public:
  TopKSearch(const AttentionProblem& problem, const TopKOptions& options, TaskPool& pool) {
    if (scans(problem, options))
      scan_.emplace(problem, options, pool);
    else
      strips_.emplace(problem, options, pool);
  }

  /// Why it cannot run. Nothing may be called after a failure.
  const Status& status() const noexcept { return scan_ ? scan_->status() : strips_->status(); }
  std::size_t units() const noexcept { return scan_ ? scan_->units() : strips_->units(); }
  /// Computes the rows of some units. Each unit once, in any batches.
  void run(Range units) { scan_ ? scan_->run(units) : strips_->run(units); }

 private:
  std::optional<TopKAttention> scan_;
  std::optional<StripTopK> strips_;
};

}  // namespace heed
