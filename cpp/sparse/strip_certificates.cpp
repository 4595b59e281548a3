// What the certificates of a strip are made from (certificates.hpp).
#include <algorithm>
#include <cmath>

#include "simd/pack.hpp"
#include "simd/score_tile.hpp"
#include "sparse/certificates.hpp"
#include "sparse/strip_scratch.hpp"

namespace heed {

void StripTopK::certify_mass(const Place& at, std::size_t lane, Row& row, const Scratch& s) noexcept {
  const CertificateArrays& to = options_.certificates;
  const std::size_t r = row_index(at, lane);
  if (!row.weighs()) {
    // NaN for a NaN row; a row without weight is zero, and nothing is dropped.
    const float nothing = row.sums.all == 0.0 ? 0.0f : std::numeric_limits<float>::quiet_NaN();
    for (float* each : {to.single_gap, to.head_aware, to.blockwise, to.output_error, to.logit_error}) each[r] = nothing;
    return;
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
  to.blockwise[r] = blockwise_bound(evidence, dropped_weight_above(at, lane, row, s));
  to.logit_error[r] = logit_error_bound(row.sums.score_error);
}

// Page by page. A page that the row sees as a whole and keeps nothing of has not been looked at: each of its keys
// counts with the page's bound. In all others the dropped keys count with their own weights.
double StripTopK::dropped_weight_above(const Place& at, std::size_t lane, const Row& row,
                                       const Scratch& s) const noexcept {
  const std::size_t i = at.first + lane;
  const float* const query = problem_.query_rows(at.batch, at.head).row(i);
  const std::size_t mask_row = (problem_.mask.per_head ? at.head * problem_.shape.queries : 0) + i;
  const float* const bias =
      problem_.mask.bias == nullptr ? nullptr : problem_.mask.bias + mask_row * problem_.shape.keys;
  const double delta = row.sums.score_error, cap = problem_.softcap;
  double total = 0.0;
  std::size_t next = 0;  // kept
  for (std::size_t j = 0; j < row.count;) {
    const std::size_t page = row.keys[j] / PageBounds::kPageKeys;
    const Range keys = pages_.keys(page);
    std::size_t end = j, kept = next;
    while (end < row.count && row.keys[end] < keys.end) ++end;
    while (kept < row.sums.entries && s.places[kept] < end) ++kept;
    if (kept == next && end - j == keys.size()) {
      double highest = pages_.highest_score(at.batch, at.kv_head, page, query, problem_.scale);
      if (cap != 0.0) highest = cap * std::tanh(highest / cap);
      if (bias == nullptr) {
        total += static_cast<double>(end - j) * std::exp(highest - row.reference + delta);
      } else {
        for (; j < end; ++j) total += std::exp(highest + double{bias[row.keys[j]]} - row.reference + delta);
      }
      j = end;
    } else {
      for (; j < end; ++j) {
        if (next < kept && s.places[next] == j)
          ++next;
        else
          total += weight_above(double{s.weights[j]}, delta);
      }
    }
  }
  return total;
}

void StripTopK::note_residual(Row& row, std::size_t j, double p, double final_weight) noexcept {
  row.residuals[j] = static_cast<float>(std::abs(p - final_weight));
  row.absolute_weight += std::abs(final_weight);
  row.imbalance += p - final_weight;
}

// The center of a row is what it returned, 0 for raw. ||v - c||^2 = ||v||^2 - 2 <v, c> + ||c||^2, with the products
// from the kernel that makes scores: off by at most gamma_(d_v + 2) ||v|| ||c||.
void StripTopK::certify_outputs(const Place& at, Scratch& s) noexcept {
  const AttentionShape& shape = problem_.shape;
  const bool centered = options_.estimator != Estimator::kRaw;
  const double* const norms = value_norms_.data() + (at.batch * shape.kv_heads + at.kv_head) * shape.keys;
  const double du = static_cast<double>(shape.value_dim + 2) * 0x1p-24, gamma = du / (1.0 - du);
  OutputEvidence evidence[simd::kPanel] = {};
  double center[simd::kPanel] = {};
  std::size_t next[simd::kPanel] = {};
  if (centered) {
    const MatrixView<float> out = problem_.out_rows(at.batch, at.head);
    simd::kernel_pack_panel({out.data, out.rows, out.cols, out.stride}, at.first, 1.0f, s.queries);
    for (std::size_t lane = 0; lane < at.lanes(); ++lane)
      center[lane] = row_norm(out.row(at.first + lane), shape.value_dim);
  }
  each_block(at, [&](Range keys) {
    if (centered) {
      simd::kernel_pack_rows(problem_.value_rows(at.batch, at.kv_head), keys, shape.value_dim, s.packed);
      simd::scores(s.queries, s.packed, keys.size(), shape.value_dim, s.block);
    }
    for (std::size_t lane = 0; lane < at.lanes(); ++lane) {
      const Row& row = s.rows[lane];
      for (std::size_t& j = next[lane]; j < row.count && row.keys[j] < keys.end; ++j) {
        const double v = norms[row.keys[j]], c = center[lane];
        const double product = centered ? double{s.block[(row.keys[j] - keys.begin) * simd::kPanel + lane]} : 0.0;
        const double squared = v * v - 2.0 * product + c * c + 2.0 * gamma * v * c;
        const double distance = std::sqrt(squared < 0.0 ? 0.0 : squared);  // NaN, of a value that is none, stays
        // A residual is rounded to float; what falls below its smallest number counts as that.
        evidence[lane].residual += (double{row.residuals[j]} * (1.0 + 0x1p-23) + 0x1p-149) * distance;
        evidence[lane].radius = std::max(evidence[lane].radius, distance);
        evidence[lane].largest_value = std::max(evidence[lane].largest_value, v);
      }
    }
  });
  for (std::size_t lane = 0; lane < at.lanes(); ++lane) {
    const Row& row = s.rows[lane];
    if (!row.weighs()) continue;
    OutputEvidence& known = evidence[lane];
    known.residual += std::abs(row.imbalance) * center[lane];
    known.weight_error =
        double{simd::kExpError} + 4.0 * 0x1p-24 * row.spread + static_cast<double>(row.count) * 0x1p-126;
    known.score_error = row.sums.score_error;
    known.absolute_weight = row.absolute_weight;
    known.chain = row.fills_tail ? simd::kKeyBlock : row.sums.entries;
    known.products = row.count * shape.value_dim;
    options_.certificates.output_error[row_index(at, lane)] = output_error_bound(known);
  }
}

}  // namespace heed
