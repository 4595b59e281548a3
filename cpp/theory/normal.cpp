#include "theory/normal.hpp"

#include <cmath>
#include <limits>
#include <numbers>

namespace heed {
namespace {

template <int n>
double polynomial(const double (&coefficients)[n], double x) noexcept {
  double sum = 0.0;
  for (const double c : coefficients) sum = sum * x + c;
  return sum;
}

/// Start for 0 < p <= 1/2.
double rough_quantile(double p) noexcept {
  constexpr double kCentralA[] = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                                  1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  constexpr double kCentralB[] = {-5.447609879822406e+01, 1.615858368580409e+02,  -1.556989798598866e+02,
                                  6.680131188771972e+01,  -1.328068155288572e+01, 1.0};
  constexpr double kTailC[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                               -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
  constexpr double kTailD[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                               3.754408661907416e+00, 1.0};
  if (p < 0.02425) {
    const double q = std::sqrt(-2.0 * std::log(p));
    return polynomial(kTailC, q) / polynomial(kTailD, q);
  }
  const double q = p - 0.5, r = q * q;
  return polynomial(kCentralA, r) * q / polynomial(kCentralB, r);
}

}  // namespace

double normal_cdf(double x) noexcept { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double normal_tail(double x) noexcept { return 0.5 * std::erfc(x / std::numbers::sqrt2); }

double normal_quantile(double p) noexcept {
  if (!(p >= 0.0 && p <= 1.0)) return std::numeric_limits<double>::quiet_NaN();
  if (p > 0.5) return -normal_quantile(1.0 - p);  // the difference is exact
  if (p == 0.0) return -HUGE_VAL;
  const double x = rough_quantile(p);
  // Halley on Phi(x) - p; Phi'' = -x Phi'. In the far tail the density underflows, and the start has to do.
  const double density = std::exp(-0.5 * x * x) / std::sqrt(2.0 * std::numbers::pi);
  if (density == 0.0) return x;
  const double step = (normal_cdf(x) - p) / density;
  return x - step / (1.0 + 0.5 * x * step);
}

double normal_tail_quantile(double p) noexcept { return -normal_quantile(p); }

}  // namespace heed
