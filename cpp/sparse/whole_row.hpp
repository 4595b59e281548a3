// One row of which all visible scores lie in memory: its weights, which keys it keeps, what is known of the others, and
// the final weight of every key. Rows of a strip (strip_topk.hpp) and rows over a cache (cache/decode_whole_rows.hpp)
// are such rows; where their scores come from, and how their values are added up, is the business of those.
//
// In this order: weigh(), choose(), report(), prepare(), and where all values are added up settle().
#pragma once

#include <limits>

#include "sparse/dropped_mass.hpp"
#include "sparse/topk_options.hpp"

namespace heed {

/// Room to work in for one row at a time: as many as it may see, in whole vectors.
struct WholeRowScratch {
  float* weights;         // e^(s - reference)
  std::uint32_t* places;  // where the kept keys stand in the row
  float* kept_weights;    // their weights; renormalized: relative to the best of them
};

struct WholeRow {
  /// The keys that the row sees, ascending; `count` of them, the first `sinks` of them sinks. `scores` has room for
  /// whole vectors, and becomes the final weights in settle().
  float* scores;
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

  /// Relative to the largest score itself: it is known.
  void weigh(const WholeRowScratch& s) noexcept;

  /// Which keys the row keeps (row_choice.hpp); with options.only_count just how many. Writes options.kept[r].
  void choose(const TopKOptions& options, std::size_t head, std::size_t r, const WholeRowScratch& s) noexcept;

  /// Writes the dropped mass, its bound and the kept keys of row r; sums.score_error is known by now.
  void report(const TopKOptions& options, std::size_t r, const WholeRowScratch& s) const noexcept;

  /// The line through the dropped keys, and the kept weights.
  void prepare(Estimator estimator, const WholeRowScratch& s) noexcept;

  /// The final weights, in the place of the scores: p_j for kept keys, or their share of the kept mass; what the line
  /// says for dropped ones, or 0. For a row that weighs(). `certified`: also what certificates need of them.
  void settle(Estimator estimator, bool certified, const WholeRowScratch& s) noexcept;

 private:
  void fit(Estimator estimator, const WholeRowScratch& s) noexcept;
  void weigh_kept(bool renormalized, const WholeRowScratch& s) noexcept;
  void note_residual(std::size_t j, double p, double final_weight) noexcept;
};

/// visit(place, is_kept, number among the kept) for the keys of a row; `places` are those of the kept ones.
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
