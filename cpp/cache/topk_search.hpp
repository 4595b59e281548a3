// Top-k attention over a cache: all scores of a row at once where its rules, its budget or certificates need them
// (decode_whole_rows.hpp), otherwise as the search says: from every score (decode_topk.hpp), or from those that it
// looks at (decode_retrieved.hpp).
#pragma once

#include <optional>

#include "cache/decode_retrieved.hpp"
#include "cache/decode_topk.hpp"
#include "cache/decode_whole_rows.hpp"

namespace heed {

class CacheTopKSearch {
 public:
  CacheTopKSearch(KvCache& cache, const DecodeProblem& problem, const CacheTopKOptions& options, TaskPool& pool) {
    const bool skips = options.search == CacheSearch::kBoxes || options.search == CacheSearch::kSketches;
    if (needs_whole_rows(problem, options))
      whole_.emplace(cache, problem, options, pool);
    else if (skips)
      retrieval_.emplace(cache, problem, options, pool);
    else
      scan_.emplace(cache, problem, options, pool);
  }

  /// Why it cannot run. Nothing may be called after a failure, and no other call on the cache may come before the end.
  const Status& status() const noexcept {
    return whole_ ? whole_->status() : retrieval_ ? retrieval_->status() : scan_->status();
  }
  std::size_t units() const noexcept {
    return whole_ ? whole_->units() : retrieval_ ? retrieval_->units() : scan_->units();
  }
  /// Computes the rows of some units. Each unit once, in any batches.
  void run(Range units) {
    if (whole_) return whole_->run(units);
    retrieval_ ? retrieval_->run(units) : scan_->run(units);
  }

 private:
  std::optional<CacheWholeRows> whole_;
  std::optional<CacheRetrieval> retrieval_;
  std::optional<CacheTopK> scan_;
};

}  // namespace heed
