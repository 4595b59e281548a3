#include "sparse/dropped_mass.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/exp.hpp"
#include "simd/fast_exp.hpp"
#include "simd/softmax_pass.hpp"

namespace heed {
namespace {

constexpr double kUnitRoundoff = 0x1p-24;

double sum_error(const RowSums& sums) noexcept {
  const double spread = sums.largest >= 0.0
                            ? sums.largest
                            : std::max(0.0, std::log(static_cast<double>(sums.visible)) - std::log(sums.all)) +
                                  2.0 * double{simd::kSlack};
  const double moves = static_cast<double>(sums.moves);
  return double{simd::kExpError} + 4.0 * kUnitRoundoff * spread + static_cast<double>(simd::kKeyBlock) * kUnitRoundoff +
         moves * (double{simd::kExpError} + 264.0 * kUnitRoundoff);
}

double bound_of_accurate(double tau, double eta) noexcept {
  return eta < 1.0 ? std::min(1.0, (tau + 2.0 * eta) / (1.0 - eta)) : 1.0;
}

double bound_of_coarse(const RowSums& sums, double eta) noexcept {
  const double rounding = static_cast<double>(simd::kKeyBlock) * kUnitRoundoff * sums.coarse;
  const double dropped = (sums.all - sums.kept + rounding) / (1.0 - double{simd::kFastExpError});
  const double kept = sums.kept * (1.0 - eta);
  return dropped + kept > 0.0 ? std::clamp(dropped / (dropped + kept), 0.0, 1.0) : 1.0;
}

float rounded_up(double x) noexcept {
  const float nearest = static_cast<float>(x);
  return static_cast<double>(nearest) >= x ? nearest : std::nextafter(nearest, 2.0f);
}

}  // namespace

DroppedMass dropped_mass(const RowSums& sums) noexcept {
  if (std::isnan(sums.all)) return {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::quiet_NaN()};
  if (sums.entries == sums.visible || sums.all == 0.0) return {0.0f, 0.0f};
  const double tau = std::clamp(1.0 - sums.kept / sums.all, 0.0, 1.0);
  const double eta = sum_error(sums);
  const double computed = sums.coarse == 0.0 ? bound_of_accurate(tau, eta) : bound_of_coarse(sums, eta);
  const double certified = computed / (computed + (1.0 - computed) * std::exp(-2.0 * sums.score_error));
  return {static_cast<float>(tau), std::min(1.0f, rounded_up(certified))};
}

double row_norm(const float* row, std::size_t columns) noexcept {
  double sums[4] = {};  // independent of each other, so that they overlap
  std::size_t c = 0;
  for (; c + 4 <= columns; c += 4) {
    for (std::size_t i = 0; i < 4; ++i) sums[i] += double{row[c + i]} * double{row[c + i]};
  }
  for (; c < columns; ++c) sums[0] += double{row[c]} * double{row[c]};
  return std::sqrt((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

double score_error(std::size_t head_dim, double query_norm, double key_norm, double scale) noexcept {
  const double du = static_cast<double>(head_dim + 2) * kUnitRoundoff;
  return du / (1.0 - du) * std::abs(scale) * query_norm * key_norm;
}

}  // namespace heed
