#include "sparse/row_certificates.hpp"

#include <limits>

namespace heed {

bool certify_scores(WholeRow& row, const WholeRowScratch& s, const CertificateArrays& to, std::size_t r) noexcept {
  if (!row.weighs()) {
    const float nothing = row.sums.all == 0.0 ? 0.0f : std::numeric_limits<float>::quiet_NaN();
    for (float* each : {to.single_gap, to.head_aware, to.blockwise, to.output_error, to.logit_error}) each[r] = nothing;
    return false;
  }
  double lowest = std::numeric_limits<double>::infinity(), highest = -lowest;
  row.spread = 0.0;
  each_key(row.count, s.places, row.sums.entries, [&](std::size_t j, bool kept, std::size_t) {
    const double score = double{row.scores[j]} - row.reference;
    // A key with the score -infinity has the weight 0, without an error.
    row.spread += s.weights[j] == 0.0f ? 0.0 : -score * double{s.weights[j]} / row.sums.all;
    lowest = kept ? std::min(lowest, score) : lowest;
    highest = kept ? highest : std::max(highest, score);
  });
  const RowEvidence evidence{.visible = row.count,
                             .entries = row.sums.entries,
                             .kept_weight = row.sums.kept,
                             .lowest_kept = lowest,
                             .highest_dropped = highest,
                             .score_error = row.sums.score_error};
  to.single_gap[r] = single_gap_bound(evidence);
  to.head_aware[r] = head_aware_bound(evidence);
  to.logit_error[r] = logit_error_bound(row.sums.score_error);
  return true;
}

void certify_blocks(const WholeRow& row, const CertificateArrays& to, std::size_t r, double dropped_weight) noexcept {
  const RowEvidence evidence{.visible = row.count,
                             .entries = row.sums.entries,
                             .kept_weight = row.sums.kept,
                             .score_error = row.sums.score_error};
  to.blockwise[r] = blockwise_bound(evidence, dropped_weight);
}

void add_residual(const WholeRow& row, std::size_t j, double distance, double norm, OutputEvidence& known) noexcept {
  // A residual is rounded to float; what falls below its smallest number counts as that.
  known.residual += (double{row.residuals[j]} * (1.0 + 0x1p-23) + 0x1p-149) * distance;
  known.radius = std::max(known.radius, distance);
  known.largest_value = std::max(known.largest_value, norm);
}

float certified_output_error(const WholeRow& row, OutputEvidence known, double center) noexcept {
  known.residual += std::abs(row.imbalance) * center;
  known.weight_error = double{simd::kExpError} + 4.0 * 0x1p-24 * row.spread + static_cast<double>(row.count) * 0x1p-126;
  known.score_error = row.sums.score_error;
  known.absolute_weight = row.absolute_weight;
  return output_error_bound(known);
}

}  // namespace heed
