#include "sparse/whole_row.hpp"

#include <algorithm>
#include <cmath>

#include "base/checked_math.hpp"
#include "simd/row_filter.hpp"
#include "simd/softmax_pass.hpp"
#include "sparse/row_choice.hpp"

namespace heed {

// The line through the dropped keys, for probabilities; flat for the mean.
void WholeRow::fit(Estimator estimator, const WholeRowScratch& s) noexcept {
  const auto dropped = static_cast<double>(count - sums.entries);
  double mass = 0.0, sum = 0.0, squares = 0.0, product = 0.0;
  each_key(count, s.places, sums.entries, [&](std::size_t j, bool kept, std::size_t) {
    mass += kept ? 0.0 : double{s.weights[j]};
    sum += kept ? 0.0 : double{logits[j]};
  });
  level = mass / dropped / sums.all;
  mean = sum / dropped;
  slope = 0.0;
  if (estimator != Estimator::kLinear) return;
  each_key(count, s.places, sums.entries, [&](std::size_t j, bool kept, std::size_t) {
    const double x = kept ? 0.0 : double{logits[j]} - mean;
    squares += x * x;
    product += double{s.weights[j]} * x;
  });
  // Dropped keys with equal logits, or with one that is not finite, have no line but their mean.
  const double steepness = product / squares / sums.all;
  if (squares > 0.0 && std::isfinite(squares) && std::isfinite(steepness)) slope = steepness;
}

// Sinks are kept even where the row weighs nothing that a float can hold: renormalized, their weights are relative to
// the best of them.
void WholeRow::weigh_kept(bool renormalized, const WholeRowScratch& s) noexcept {
  float highest = -simd::kInfinity;
  for (std::size_t i = 0; i < sums.entries; ++i) {
    const std::uint32_t place = s.places[i];
    s.kept_weights[i] = renormalized ? scores[place] : s.weights[place];
    highest = scores[place] > highest ? scores[place] : highest;
  }
  if (renormalized) simd::kernel_exp_row(s.kept_weights, sums.entries, highest == -simd::kInfinity ? 0.0f : highest);
  kept_sum = 0.0;
  for (std::size_t i = 0; i < sums.entries; ++i) kept_sum += double{s.kept_weights[i]};
}

void WholeRow::note_residual(std::size_t j, double p, double final_weight) noexcept {
  residuals[j] = static_cast<float>(std::abs(p - final_weight));
  absolute_weight += std::abs(final_weight);
  imbalance += p - final_weight;
}

void WholeRow::weigh(const WholeRowScratch& s) noexcept {
  const std::size_t padded = round_up(count, simd::kLanes);
  std::fill(scores + count, scores + padded, -simd::kInfinity);
  const float highest = simd::kernel_row_max(scores, count);
  const float subtracted = highest == -simd::kInfinity ? 0.0f : highest;
  std::copy_n(scores, padded, s.weights);
  simd::kernel_exp_row(s.weights, count, subtracted);
  reference = double{subtracted};
  sums = {};
  for (std::size_t j = 0; j < count; ++j) sums.all += double{s.weights[j]};
}

void WholeRow::choose(const TopKOptions& options, std::size_t head, std::size_t r, const WholeRowScratch& s) noexcept {
  const VisibleRow visible{scores, s.weights, count, sinks, sums.all, reference};
  sums.visible = count;
  sums.entries = choose_entries(visible, options.budget_of(head));
  if (options.kept != nullptr) options.kept[r] = static_cast<std::uint32_t>(sums.entries);
  if (options.only_count) return;
  choose_places(visible, sums.entries, s.places);
  for (std::size_t i = 0; i < sums.entries; ++i) sums.kept += double{s.weights[s.places[i]]};
}

void WholeRow::report(const TopKOptions& options, std::size_t r, const WholeRowScratch& s) const noexcept {
  const DroppedMass mass = dropped_mass(sums);
  if (options.dropped != nullptr) options.dropped[r] = mass.value;
  if (options.bound != nullptr) options.bound[r] = mass.bound;
  if (options.indices == nullptr) return;
  std::uint32_t* const indices = options.indices + options.offsets[r];
  for (std::size_t i = 0; i < sums.entries; ++i) indices[i] = keys[s.places[i]];
}

void WholeRow::prepare(Estimator estimator, const WholeRowScratch& s) noexcept {
  const bool fitted = estimator == Estimator::kCompensated || estimator == Estimator::kLinear;
  fills_tail = fitted && weighs() && sums.entries < count;
  if (fills_tail) fit(estimator, s);
  weigh_kept(estimator == Estimator::kRenormalized, s);
}

void WholeRow::settle(Estimator estimator, bool certified, const WholeRowScratch& s) noexcept {
  const bool renormalized = estimator == Estimator::kRenormalized;
  const double all = 1.0 / sums.all;
  const double of_kept = !renormalized ? all : kept_sum == 0.0 ? 0.0 : 1.0 / kept_sum;
  absolute_weight = imbalance = 0.0;
  each_key(count, s.places, sums.entries, [&](std::size_t j, bool kept, std::size_t i) {
    double weight = kept ? double{s.kept_weights[i]} * of_kept : 0.0;
    if (!kept && fills_tail) weight = slope == 0.0 ? level : level + slope * (double{logits[j]} - mean);
    if (certified) note_residual(j, double{s.weights[j]} * all, weight);
    scores[j] = static_cast<float>(weight);
  });
}

}  // namespace heed
