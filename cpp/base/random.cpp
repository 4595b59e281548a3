#include "base/random.hpp"

#include <bit>
#include <cmath>

namespace heed {
namespace {

// ln x for x in (0, 1): x = m 2^e with m in [sqrt(1/2), sqrt(2)), ln m = 2 atanh((m - 1) / (m + 1)) by its series.
// |t| <= 0.1716, so the first term left out is below 2 * 0.1716^21 / 21 < 1e-17.
double natural_log(double x) noexcept {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double t = (m - 1.0) / (m + 1.0);
  const double t2 = t * t;
  double series = 1.0 / 19.0;
  for (int k = 17; k >= 1; k -= 2) series = series * t2 + 1.0 / k;
  return 2.0 * t * series + exponent * 0.6931471805599453;
}

struct SinCos {
  double sin, cos;
};

// sin and cos of 2 pi u, u in [0, 1): reduced to |angle| <= pi / 4 around the nearest quarter turn, Taylor to 1e-16.
SinCos turn(double u) noexcept {
  const int quarter = static_cast<int>(u * 4.0 + 0.5);
  const double x = (u - quarter * 0.25) * 6.283185307179586;
  const double x2 = x * x;
  const double s =
      x * (1.0 + x2 * (-1.0 / 6 +
                       x2 * (1.0 / 120 + x2 * (-1.0 / 5040 + x2 * (1.0 / 362880 + x2 * (-1.0 / 39916800 +
                                                                                        x2 * (1.0 / 6227020800.0)))))));
  const double c =
      1.0 + x2 * (-0.5 + x2 * (1.0 / 24 +
                               x2 * (-1.0 / 720 +
                                     x2 * (1.0 / 40320 + x2 * (-1.0 / 3628800 + x2 * (1.0 / 479001600.0 +
                                                                                      x2 * (-1.0 / 87178291200.0)))))));
  switch (quarter & 3) {
    case 0:
      return {s, c};
    case 1:
      return {c, -s};
    case 2:
      return {-s, -c};
    default:
      return {-c, s};
  }
}

}  // namespace

void CounterRandom::fill_normal(std::uint64_t first, std::size_t count, float* out) const noexcept {
  std::size_t i = 0;
  while (i < count) {
    const std::uint64_t pair = (first + i) / 2;
    const double radius = std::sqrt(-2.0 * natural_log(uniform(2 * pair)));
    const SinCos angle = turn(uniform(2 * pair + 1));
    if ((first + i) % 2 == 0) {
      out[i++] = static_cast<float>(radius * angle.cos);
      if (i == count) return;
    }
    out[i++] = static_cast<float>(radius * angle.sin);
  }
}

}  // namespace heed
