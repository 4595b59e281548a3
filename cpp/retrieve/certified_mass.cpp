#include "retrieve/certified_mass.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/exp.hpp"

namespace heed {
namespace {

float rounded_up(double x) noexcept {
  const auto nearest = static_cast<float>(x);
  return double{nearest} >= x ? nearest : std::nextafter(nearest, 2.0f);
}

}  // namespace

float certified_mass(double kept, double rest, double score_error) noexcept {
  if (std::isnan(rest) || std::isnan(kept)) return std::numeric_limits<float>::quiet_NaN();
  if (rest == 0.0) return 0.0f;
  if (std::isinf(rest)) return 1.0f;
  constexpr double kEta = double{simd::kExpError} + 264.0 * 0x1p-24;
  const double computed = rest / (kept * (1.0 - kEta) + rest);
  return std::min(1.0f, rounded_up(computed / (computed + (1.0 - computed) * std::exp(-2.0 * score_error))));
}

}  // namespace heed
