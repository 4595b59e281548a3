// What one top-k call is asked for, whatever search answers it.
#pragma once

#include <cstdint>

#include "sparse/budget.hpp"
#include "sparse/tail.hpp"

namespace heed {

/// Where certificates go (certificates.hpp): (batch, queries, heads) each, or null.
struct CertificateArrays {
  float* single_gap = nullptr;
  float* head_aware = nullptr;
  float* blockwise = nullptr;
  float* output_error = nullptr;
  float* logit_error = nullptr;

  bool wanted() const noexcept { return single_gap != nullptr; }
};

/// How the sum over all keys is formed.
enum class Denominator {
  kAccurate,  // relative error at most 1e-6
  kFast,      // the dropped keys' terms within kFastExpError (simd/fast_exp.hpp), which the bound takes into account;
              // where scores may be too large for that, where a mask adds to them, and for a fitted tail as kAccurate
};

struct TopKOptions {
  Budget budget = {};
  Estimator estimator = Estimator::kLinear;
  float* dropped = nullptr;                // (batch, queries, heads)
  float* bound = nullptr;                  // (batch, queries, heads)
  std::uint32_t* kept = nullptr;           // (batch, queries, heads)
  std::uint32_t* indices = nullptr;        // row r at offsets[r], ascending; null when not wanted
  const std::uint32_t* offsets = nullptr;  // from write_offsets()
  const Budget* head_budgets = nullptr;    // (heads), in the place of `budget`
  CertificateArrays certificates = {};     // all or none
  Denominator denominator = Denominator::kAccurate;
  bool only_count = false;  // write `kept` and nothing else

  const Budget& budget_of(std::size_t head) const noexcept {
    return head_budgets == nullptr ? budget : head_budgets[head];
  }
};

/// Of all budgets.
Status validate(const TopKOptions& options, std::size_t heads);

}  // namespace heed
