// What one top-k call on a cache is asked for, whatever answers it.
#pragma once

#include "cache/decode_problem.hpp"
#include "cache/kept_monitor.hpp"
#include "sparse/topk_options.hpp"

namespace heed {

/// The order is the order of `rawCacheSearches` in web/src/runtime/raw.ts.
enum class CacheSearch { kExact, kByte, kBoxes, kSketches };

struct CacheTopKOptions {
  Budget budget = {};
  Estimator estimator = Estimator::kLinear;
  CacheSearch search = CacheSearch::kExact;
  float* dropped = nullptr;                // (queries, heads)
  float* bound = nullptr;                  // (queries, heads)
  std::uint32_t* kept = nullptr;           // (queries, heads)
  std::uint32_t* indices = nullptr;        // row r at offsets[r], ascending; null when not wanted
  const std::uint32_t* offsets = nullptr;  // from write_offsets() for decode_shape()
  // Of searches that skip scores, decode_retrieved.hpp.
  double enough = 0.0;                   // kBoxes: stop at a dropped mass of so much
  bool sampled = false;                  // the tail
  std::uint64_t seed = 0;                // of the sample
  float* interval = nullptr;             // (queries, heads)
  float* recall = nullptr;               // (queries, heads): also scan, to say how much of the exact set was found
  const Budget* head_budgets = nullptr;  // (heads), in the place of `budget`
  // Of decode_whole_rows.hpp.
  CertificateArrays certificates = {};  // all or none
  bool only_count = false;              // write `kept` and nothing else
  KeptMonitorOptions monitor = {};

  const Budget& budget_of(std::size_t head) const noexcept {
    return head_budgets == nullptr ? budget : head_budgets[head];
  }
  /// Of some head, the number of entries depends on the scores.
  bool needs_scores(std::size_t heads) const noexcept;
  /// The most that a row of any head keeps, of so many tokens.
  std::size_t most_entries(std::size_t heads, std::size_t tokens) const noexcept;
};

/// Of all budgets.
Status validate(const CacheTopKOptions& options, std::size_t heads);

/// Whether rows need all their visible scores at once (decode_whole_rows.hpp): the other classes know causality and
/// budgets that count.
bool needs_whole_rows(const DecodeProblem& problem, const CacheTopKOptions& options) noexcept;

}  // namespace heed
