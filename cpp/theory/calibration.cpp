#include "theory/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "theory/gaussian.hpp"

namespace heed {
namespace {

/// Least squares of ln k on ln n. `entries(i)` is k at lengths[i].
template <class Entries>
FittedLaw least_squares(const double* lengths, std::size_t count, Entries&& entries) noexcept {
  const auto points = static_cast<double>(count);
  double mean_x = 0.0, mean_y = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    mean_x += std::log(lengths[i]) / points;
    mean_y += std::log(entries(i)) / points;
  }
  double xx = 0.0, xy = 0.0, yy = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    const double x = std::log(lengths[i]) - mean_x, y = std::log(entries(i)) - mean_y;
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  const double slope = xx > 0.0 ? std::clamp(xy / xx, 0.0, 1.0) : 0.0;
  // At a slope that had to be clamped the residual is that of the clamped line.
  const double residual = std::max(0.0, yy - 2.0 * slope * xy + slope * slope * xx);
  const double error =
      count > 2 && xx > 0.0 ? std::sqrt(residual / (points - 2.0) / xx) : std::numeric_limits<double>::quiet_NaN();
  return {std::exp(mean_y - slope * mean_x), slope, error};
}

}  // namespace

FittedLaw fit_law(const double* lengths, const double* entries, std::size_t count) noexcept {
  return least_squares(lengths, count, [&](std::size_t i) { return entries[i]; });
}

FittedLaw theory_law(const double* lengths, const double* sigma, std::size_t count, double dropped) noexcept {
  return least_squares(lengths, count,
                       [&](std::size_t i) { return lengths[i] * gaussian_keep_share(dropped, sigma[i]); });
}

FittedLaw grid_law(const double* lengths, const double* entries, std::size_t count) noexcept {
  FittedLaw best{0.0, 0.0, std::numeric_limits<double>::quiet_NaN()};
  double least = HUGE_VAL;
  for (int step = 0; step <= 100; ++step) {
    const double exponent = step / 100.0;
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (std::size_t i = 0; i < count; ++i) {
      const double offset = std::log(entries[i]) - exponent * std::log(lengths[i]);
      low = std::min(low, offset);
      high = std::max(high, offset);
    }
    if (high - low >= least) continue;
    least = high - low;
    best.alpha = std::exp(0.5 * (low + high));
    best.exponent = exponent;
  }
  return best;
}

LawError law_error(const FittedLaw& law, const double* lengths, const double* entries, std::size_t count) noexcept {
  double worst = 0.0, computed = 0.0, needed = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    const double k = std::min(law.alpha * std::pow(lengths[i], law.exponent), lengths[i]);
    worst = std::max(worst, std::fabs(k / entries[i] - 1.0));
    computed += k;
    needed += entries[i];
  }
  return {worst, computed / needed - 1.0};
}

}  // namespace heed
