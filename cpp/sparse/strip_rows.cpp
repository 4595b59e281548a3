// One row of a strip: its weights, which keys it keeps, and what is known of the others.
#include <algorithm>
#include <cmath>

#include "simd/row_filter.hpp"
#include "simd/score_rules.hpp"
#include "simd/softmax_pass.hpp"
#include "sparse/row_choice.hpp"
#include "sparse/strip_scratch.hpp"

namespace heed {

void StripTopK::finish_row(const Place& at, std::size_t lane, Scratch& s) noexcept {
  Row& row = s.rows[lane];
  weigh(row, s);
  choose(at, row, s);
  const std::size_t r = row_index(at, lane);
  if (options_.kept != nullptr) options_.kept[r] = static_cast<std::uint32_t>(row.sums.entries);
  if (options_.only_count) return;
  row.sums.score_error = row_score_error(at, lane, row);
  const DroppedMass mass = dropped_mass(row.sums);
  if (options_.dropped != nullptr) options_.dropped[r] = mass.value;
  if (options_.bound != nullptr) options_.bound[r] = mass.bound;
  if (options_.indices != nullptr) {
    std::uint32_t* const indices = options_.indices + options_.offsets[r];
    for (std::size_t i = 0; i < row.sums.entries; ++i) indices[i] = row.keys[s.places[i]];
  }
  row.fills_tail = fills_tail() && row.weighs() && row.sums.entries < row.count;
  if (row.fills_tail) fit(row, s);
  weigh_kept(row, s);
  if (options_.certificates.wanted()) certify_mass(at, lane, row, s);
  if (row.fills_tail || (options_.certificates.wanted() && row.weighs())) settle(row, s);
  if (!row.fills_tail) gather(at, lane, row, s);
}

// Relative to the largest score itself: it is known.
void StripTopK::weigh(Row& row, Scratch& s) noexcept {
  std::fill(row.scores + row.count, row.scores + round_up(row.count, simd::kLanes), -simd::kInfinity);
  const float highest = simd::kernel_row_max(row.scores, row.count);
  const float reference = highest == -simd::kInfinity ? 0.0f : highest;
  std::copy_n(row.scores, round_up(row.count, simd::kLanes), s.weights);
  simd::kernel_exp_row(s.weights, row.count, reference);
  row.reference = double{reference};
  row.sums = {};
  for (std::size_t j = 0; j < row.count; ++j) row.sums.all += double{s.weights[j]};
}

void StripTopK::choose(const Place& at, Row& row, Scratch& s) noexcept {
  const VisibleRow visible{row.scores, s.weights, row.count, row.sinks, row.sums.all, row.reference};
  row.sums.visible = row.count;
  row.sums.entries = choose_entries(visible, options_.budget_of(at.head));
  if (options_.only_count) return;
  choose_places(visible, row.sums.entries, s.places);
  for (std::size_t i = 0; i < row.sums.entries; ++i) row.sums.kept += double{s.weights[s.places[i]]};
}

double StripTopK::row_score_error(const Place& at, std::size_t lane, const Row& row) const noexcept {
  const AttentionShape& shape = problem_.shape;
  const double* const norms = key_norms_.data() + (at.batch * shape.kv_heads + at.kv_head) * shape.keys;
  double largest = 0.0;
  for (std::size_t j = 0; j < row.count; ++j) largest = std::max(largest, norms[row.keys[j]]);
  const float* const query = problem_.query_rows(at.batch, at.head).row(at.first + lane);
  const double of_bias = problem_.mask.bias == nullptr ? 0.0 : 0x1p-24 * std::abs(row.reference);
  return score_error(shape.head_dim, row_norm(query, shape.head_dim), largest, problem_.scale) +
         double{simd::kSoftcapError} * problem_.softcap + of_bias;
}

// The line through the dropped keys, for probabilities; flat for the mean.
void StripTopK::fit(Row& row, const Scratch& s) noexcept {
  const auto dropped = static_cast<double>(row.count - row.sums.entries);
  double mass = 0.0, sum = 0.0, spread = 0.0, product = 0.0;
  each_key(row.count, s.places, row.sums.entries, [&](std::size_t j, bool kept, std::size_t) {
    mass += kept ? 0.0 : double{s.weights[j]};
    sum += kept ? 0.0 : double{row.logits[j]};
  });
  row.level = mass / dropped / row.sums.all;
  row.mean = sum / dropped;
  row.slope = 0.0;
  if (options_.estimator != Estimator::kLinear) return;
  each_key(row.count, s.places, row.sums.entries, [&](std::size_t j, bool kept, std::size_t) {
    const double x = kept ? 0.0 : double{row.logits[j]} - row.mean;
    spread += x * x;
    product += double{s.weights[j]} * x;
  });
  // Dropped keys with equal logits, or with one that is not finite, have no line but their mean.
  const double slope = product / spread / row.sums.all;
  if (spread > 0.0 && std::isfinite(spread) && std::isfinite(slope)) row.slope = slope;
}

// Sinks are kept even where the row weighs nothing that a float can hold: renormalized, their weights are relative to
// the best of them.
void StripTopK::weigh_kept(Row& row, Scratch& s) noexcept {
  const bool renormalized = options_.estimator == Estimator::kRenormalized;
  float highest = -simd::kInfinity;
  for (std::size_t i = 0; i < row.sums.entries; ++i) {
    const std::uint32_t place = s.places[i];
    s.kept_weights[i] = renormalized ? row.scores[place] : s.weights[place];
    highest = row.scores[place] > highest ? row.scores[place] : highest;
  }
  if (renormalized)
    simd::kernel_exp_row(s.kept_weights, row.sums.entries, highest == -simd::kInfinity ? 0.0f : highest);
  row.kept_sum = 0.0;
  for (std::size_t i = 0; i < row.sums.entries; ++i) row.kept_sum += double{s.kept_weights[i]};
}

// The final weights: p_j for kept keys, or their share of the kept mass; what the line says for dropped ones. Where all
// values are added up they take the place of the scores.
void StripTopK::settle(Row& row, const Scratch& s) noexcept {
  const bool renormalized = options_.estimator == Estimator::kRenormalized;
  const double all = 1.0 / row.sums.all;
  const double of_kept = !renormalized ? all : row.kept_sum == 0.0 ? 0.0 : 1.0 / row.kept_sum;
  row.absolute_weight = row.imbalance = 0.0;
  each_key(row.count, s.places, row.sums.entries, [&](std::size_t j, bool kept, std::size_t i) {
    double weight = kept ? double{s.kept_weights[i]} * of_kept : 0.0;
    if (!kept && row.fills_tail)
      weight = row.slope == 0.0 ? row.level : row.level + row.slope * (double{row.logits[j]} - row.mean);
    if (options_.certificates.wanted()) note_residual(row, j, double{s.weights[j]} * all, weight);
    if (row.fills_tail) row.scores[j] = static_cast<float>(weight);
  });
}

}  // namespace heed
