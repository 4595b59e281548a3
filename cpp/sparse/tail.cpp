#include "sparse/tail.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/gather.hpp"

namespace heed {
namespace {

// p_j ~ level + slope (x_j - mean) over the dropped keys, in units of the denominator.
struct Line {
  double level, slope, mean;
};

Line fit_line(const KeptKeys& kept, const RowSums& sums, const ScoreSums& all) noexcept {
  double x = all.x, x_squared = all.x_squared, w_x = all.w_x;
  for (std::size_t i = 0; i < sums.entries; ++i) {
    const double xi = double{kept.scores[i]} - all.reference;
    x -= xi;
    x_squared -= xi * xi;
    w_x -= double{kept.weights[i]} * xi;
  }
  const auto dropped = static_cast<double>(sums.visible - sums.entries);
  const double mass = std::max(0.0, sums.all - sums.kept);
  const double mean = x / dropped, spread = x_squared - dropped * mean * mean;
  constexpr double kFlat = 1e-4;  // of the squares: a spread of 1 % of the size
  const bool flat = dropped < 2.0 || !(spread > kFlat * all.x_squared);
  return {mass / dropped, flat ? 0.0 : (w_x - mean * mass) / spread, mean};
}

}  // namespace

void write_row(Estimator estimator, const MatrixView<const float>& values, const KeptKeys& kept, const RowSums& sums,
               const ScoreSums& scores, const VisibleSums& visible, float* scratch, float* out) noexcept {
  const std::size_t columns = values.cols;
  if (sums.entries == 0 || sums.all == 0.0) {
    std::fill_n(out, columns, 0.0f);
    return;
  }
  if (std::isnan(sums.all)) {
    std::fill_n(out, columns, std::numeric_limits<float>::quiet_NaN());
    return;
  }
  const bool all_kept = sums.entries == sums.visible;
  const double denominator = estimator == Estimator::kRenormalized ? sums.kept : sums.all;
  const auto factor = static_cast<float>(1.0 / denominator);
  if (all_kept || estimator == Estimator::kRenormalized || estimator == Estimator::kRaw) {
    simd::kernel_gather(values, kept.indices, kept.weights, sums.entries, out);
    for (std::size_t c = 0; c < columns; ++c) out[c] *= factor;
    return;
  }
  float* const plain = scratch;
  float* const scored = scratch + columns;
  if (estimator == Estimator::kCompensated) {
    simd::kernel_gather_with_sum(values, kept.indices, kept.weights, sums.entries, out, plain);
    const double each = std::max(0.0, sums.all - sums.kept) / static_cast<double>(sums.visible - sums.entries);
    for (std::size_t c = 0; c < columns; ++c)
      out[c] = static_cast<float>((double{out[c]} + each * (visible.values[c] - double{plain[c]})) / denominator);
    return;
  }
  simd::kernel_gather_with_scores(values, kept.indices, kept.weights, kept.scores, sums.entries, out, plain, scored);
  const Line line = fit_line(kept, sums, scores);
  for (std::size_t c = 0; c < columns; ++c) {
    const double dropped = visible.values[c] - double{plain[c]};
    const double dropped_scored = double{visible.scored[c * visible.scored_stride]} - double{scored[c]};
    const double tail = line.level * dropped + line.slope * (dropped_scored - (line.mean + scores.reference) * dropped);
    out[c] = static_cast<float>((double{out[c]} + tail) / denominator);
  }
}

}  // namespace heed
