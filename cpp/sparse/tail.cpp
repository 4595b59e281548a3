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

Line fit_line(Estimator estimator, const KeptKeys& kept, const RowSums& sums, const ScoreSums& all) noexcept {
  const auto dropped = static_cast<double>(sums.visible - sums.entries);
  const double mass = std::max(0.0, sums.all - sums.kept);
  if (estimator == Estimator::kCompensated) return {mass / dropped, 0.0, 0.0};
  double x = all.x, x_squared = all.x_squared, w_x = all.w_x;
  for (std::size_t i = 0; i < sums.entries; ++i) {
    const double xi = double{kept.scores[i]} - all.reference;
    x -= xi;
    x_squared -= xi * xi;
    w_x -= double{kept.weights[i]} * xi;
  }
  const double mean = x / dropped, spread = x_squared - dropped * mean * mean;
  constexpr double kFlat = 1e-4;  // of the squares: a spread of 1 % of the size
  const bool flat = dropped < 2.0 || !(spread > kFlat * all.x_squared);
  return {mass / dropped, flat ? 0.0 : (w_x - mean * mass) / spread, mean};
}

// sum v_j k_j^T overflows long before a score does whose query is small: then there is nothing to draw a line with.
bool all_finite(const VisibleSums& visible, std::size_t columns) noexcept {
  for (std::size_t c = 0; c < columns; ++c)
    if (!std::isfinite(visible.scored[c * visible.scored_stride])) return false;
  return true;
}

}  // namespace

RowEnd weigh_kept(Estimator estimator, std::size_t columns, const KeptKeys& kept, const RowSums& sums,
                  const ScoreSums& scores, const VisibleSums& visible) noexcept {
  using Kind = RowEnd::Kind;
  const bool renormalized = estimator == Estimator::kRenormalized;
  if (sums.entries == 0 || sums.all == 0.0 || (renormalized && sums.kept == 0.0)) return {.kind = Kind::kZero};
  if (std::isnan(sums.all)) return {.kind = Kind::kNan};
  const bool fitted =
      (estimator == Estimator::kCompensated || estimator == Estimator::kLinear) && sums.entries < sums.visible;
  if (!fitted)
    return {.kind = Kind::kScaled, .factor = static_cast<float>(1.0 / (renormalized ? sums.kept : sums.all))};
  Line line = fit_line(estimator, kept, sums, scores);
  if (line.slope != 0.0 && !all_finite(visible, columns)) line.slope = 0.0;
  const double middle = line.mean + scores.reference;
  for (std::size_t i = 0; i < sums.entries; ++i) {
    const double on_line = line.level + line.slope * (double{kept.scores[i]} - middle);
    kept.weights[i] = static_cast<float>(double{kept.weights[i]} - on_line);
  }
  return {.kind = Kind::kFitted, .all = sums.all, .level = line.level, .slope = line.slope, .middle = middle};
}

void end_row(const RowEnd& end, std::size_t columns, const VisibleSums& visible, float* out) noexcept {
  switch (end.kind) {
    case RowEnd::Kind::kZero:
      std::fill_n(out, columns, 0.0f);
      return;
    case RowEnd::Kind::kNan:
      std::fill_n(out, columns, std::numeric_limits<float>::quiet_NaN());
      return;
    case RowEnd::Kind::kScaled:
      for (std::size_t c = 0; c < columns; ++c) out[c] *= end.factor;
      return;
    case RowEnd::Kind::kFitted:
      for (std::size_t c = 0; c < columns; ++c) {
        double all = end.level * visible.values[c];
        if (end.slope != 0.0)
          all += end.slope * (double{visible.scored[c * visible.scored_stride]} - end.middle * visible.values[c]);
        out[c] = static_cast<float>((double{out[c]} + all) / end.all);
      }
  }
}

void write_row(Estimator estimator, const MatrixView<const float>& values, const KeptKeys& kept, const RowSums& sums,
               const ScoreSums& scores, const VisibleSums& visible, float* out) noexcept {
  const RowEnd end = weigh_kept(estimator, values.cols, kept, sums, scores, visible);
  if (end.reads_values()) simd::kernel_gather(values, kept.indices, kept.weights, sums.entries, out);
  end_row(end, values.cols, visible, out);
}

}  // namespace heed
