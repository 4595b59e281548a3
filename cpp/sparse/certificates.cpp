#include "sparse/certificates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace heed {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

float rounded_up(double x) noexcept {
  const double widened = x * (1.0 + kSlackOfDouble);
  const auto nearest = static_cast<float>(widened);
  return double{nearest} >= widened ? nearest : std::nextafter(nearest, std::numeric_limits<float>::infinity());
}

// dropped / (kept + dropped): at most 1, and not 0, because something was dropped.
float share_bound(double kept, double dropped) noexcept {
  if (!(dropped < kInfinite) || !(kept > 0.0)) return 1.0f;
  const double share = kept < kInfinite ? dropped / (kept + dropped) : 0.0;
  return std::clamp(rounded_up(share), std::numeric_limits<float>::denorm_min(), 1.0f);
}

// Z_H for scores without error, at least.
double kept_below(const RowEvidence& row) noexcept {
  return row.kept_weight * (1.0 - kWeightError) * std::exp(-row.score_error);
}

double dropped_keys(const RowEvidence& row) noexcept { return static_cast<double>(row.visible - row.entries); }

}  // namespace

float single_gap_bound(const RowEvidence& row) noexcept {
  if (row.entries == row.visible) return 0.0f;
  const double gap = row.lowest_kept - row.highest_dropped - 2.0 * row.score_error;
  return share_bound(static_cast<double>(row.entries) * std::exp(gap), dropped_keys(row));
}

float head_aware_bound(const RowEvidence& row) noexcept {
  if (row.entries == row.visible) return 0.0f;
  const double dropped = dropped_keys(row) * std::exp(row.highest_dropped + row.score_error);
  // Where all kept scores are equal the two are the same, but for the rounding of the weights.
  return std::min(single_gap_bound(row), share_bound(kept_below(row), dropped));
}

float blockwise_bound(const RowEvidence& row, double dropped_weight) noexcept {
  return row.entries == row.visible ? 0.0f : share_bound(kept_below(row), dropped_weight);
}

float logit_error_bound(double score_error) noexcept {
  return std::isnan(score_error) ? 1.0f : std::min(1.0f, rounded_up(std::tanh(0.5 * score_error)));
}

double weight_above(double computed_weight, double score_error) noexcept {
  return (computed_weight / (1.0 - kWeightError) + 0x1p-126) * std::exp(score_error);
}

float output_error_bound(const OutputEvidence& row) noexcept {
  constexpr double kUnitRoundoff = 0x1p-24;
  const double roundings = static_cast<double>(row.chain + 8) * kUnitRoundoff;
  if (roundings >= 0.5) return std::numeric_limits<float>::infinity();
  const double distances =
      2.0 * std::tanh(0.5 * row.score_error) + (2.0 + kWeightError) * row.weight_error / (1.0 - row.weight_error);
  const double total = row.residual + distances * row.radius +
                       roundings / (1.0 - roundings) * row.absolute_weight * row.largest_value +
                       static_cast<double>(row.products) * 0x1p-148;
  return total < kInfinite ? rounded_up(total) : std::numeric_limits<float>::infinity();
}

}  // namespace heed
