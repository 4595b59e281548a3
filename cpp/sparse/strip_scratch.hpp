// What the parts of StripTopK share: one thread's working memory, the panel that a unit is, and one row of it.
// strip_topk.cpp forms the scores, strip_rows.cpp chooses the keys, strip_values.cpp makes the output,
// strip_certificates.cpp the certificates.
#pragma once

#include <algorithm>
#include <limits>

#include "sparse/dropped_mass.hpp"
#include "sparse/strip_topk.hpp"

namespace heed {

// Queries [first, last) of one head.
struct StripTopK::Place {
  std::size_t batch, head, kv_head, first, last;
  PanelVisibility sees;
  Range before, after;  // the keys that some row sees: sinks, and from where the first window begins

  std::size_t lanes() const noexcept { return last - first; }
};

// The keys that one row sees, in ascending order; `count` of them.
struct StripTopK::Row {
  float* scores;  // later the final weights, where the tail is filled
  float* logits;  // before softcap and bias; the scores where there are neither
  std::uint32_t* keys;
  float* residuals;  // |p_j - final weight|, for certificates
  std::size_t count = 0;
  std::size_t sinks = 0;
  double reference = 0.0;                       // the largest score, 0 for none
  bool fills_tail = false;                      // the dropped keys have final weights
  double level = 0.0, slope = 0.0, mean = 0.0;  // of their line: two of probabilities, and a logit
  double kept_sum = 0.0;                        // of the kept weights, as they are gathered
  // For certificates: sums of |final weight|, of p_j - final weight, and of p_j |x_j|.
  double absolute_weight = 0.0, imbalance = 0.0, spread = 0.0;
  RowSums sums;

  bool weighs() const noexcept {
    return sums.entries != 0 && sums.all > 0.0 && sums.all < std::numeric_limits<double>::infinity();
  }
};

// Cut from one allocation.
struct StripTopK::Scratch {
  Row* rows;              // kPanel
  float* queries;         // a panel
  float* packed;          // a block of keys or of values
  float* block;           // scores of a block, or its weights
  float* raw;             // its logits, where they differ
  float* weights;         // of the row at hand, e^(s - reference)
  std::uint32_t* places;  // where its kept keys stand in it
  float* kept_weights;    // their weights; renormalized: relative to the best of them
  double* total;          // (value_dim, kPanel)
  float* part;            // the same, of one block
};

// visit(keys) for the keys that some row sees, in blocks.
template <class Visit>
void StripTopK::each_block(const Place& at, Visit&& visit) const noexcept {
  for (const Range range : {at.before, at.after})
    for (std::size_t j = range.begin; j < range.end; j += simd::kKeyBlock)
      visit(Range{j, std::min(j + simd::kKeyBlock, range.end)});
}

// visit(place, is_kept, number among the kept) for the keys of a row; `places` are those of the kept ones.
template <class Visit>
void each_key(std::size_t count, const std::uint32_t* places, std::size_t entries, Visit&& visit) noexcept {
  std::size_t next = 0;
  for (std::size_t j = 0; j < count; ++j) {
    const bool kept = next < entries && places[next] == j;
    visit(j, kept, next);
    next += kept ? 1 : 0;
  }
}

}  // namespace heed
