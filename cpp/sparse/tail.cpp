#include "sparse/tail.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/gather.hpp"

namespace heed {

void write_row(Estimator estimator, const MatrixView<const float>& values, const KeptKeys& kept, const RowSums& sums,
               const double* visible_sum, float* scratch, float* out) noexcept {
  const std::size_t columns = values.cols;
  if (sums.entries == 0 || sums.all == 0.0) {
    std::fill_n(out, columns, 0.0f);
    return;
  }
  if (std::isnan(sums.all)) {
    std::fill_n(out, columns, std::numeric_limits<float>::quiet_NaN());
    return;
  }
  const bool compensate = estimator == Estimator::kCompensated && sums.entries < sums.visible;
  if (compensate) {
    simd::kernel_gather_with_sum(values, kept.indices, kept.weights, sums.entries, out, scratch);
  } else {
    simd::kernel_gather(values, kept.indices, kept.weights, sums.entries, out);
  }
  const double denominator = estimator == Estimator::kRenormalized ? sums.kept : sums.all;
  const auto factor = static_cast<float>(1.0 / denominator);
  if (!compensate) {
    for (std::size_t c = 0; c < columns; ++c) out[c] *= factor;
    return;
  }
  const double tau = std::max(0.0, 1.0 - sums.kept / sums.all);
  const double each = tau / static_cast<double>(sums.visible - sums.entries);
  for (std::size_t c = 0; c < columns; ++c)
    out[c] = out[c] * factor + static_cast<float>(each * (visible_sum[c] - double{scratch[c]}));
}

}  // namespace heed
