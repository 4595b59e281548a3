#include "theory/gaussian.hpp"

#include <cmath>

namespace heed {
namespace {

/// (ln(eps n) + sigma^2 / 2) / sigma, the z of an entry of exactly epsilon; infinite without spread.
double effective_threshold(double n, double epsilon, double sigma) noexcept {
  const double margin = std::log(epsilon * n);  // of the mean entry 1 / n to epsilon
  if (sigma == 0.0) return margin >= 0.0 ? HUGE_VAL : -HUGE_VAL;
  return (margin + 0.5 * sigma * sigma) / sigma;
}

}  // namespace

double gaussian_ineffective_share(double n, double epsilon, double sigma) noexcept {
  return normal_cdf(effective_threshold(n, epsilon, sigma));
}

double gaussian_effective_entries(double n, double epsilon, double sigma) noexcept {
  return n * normal_tail(effective_threshold(n, epsilon, sigma));
}

double gaussian_dropped_mass(double n, double k, double sigma) noexcept {
  if (k >= n) return 0.0;
  return normal_cdf(normal_tail_quantile(k / n) - sigma);
}

double gaussian_row_error(double n, double k, double sigma) noexcept {
  if (k >= n) return 0.0;
  const double t = normal_tail_quantile(k / n);
  const double tau = normal_cdf(t - sigma), kept = normal_tail(t - sigma);
  const double odds = tau / kept;
  const double squared = normal_cdf(t - 2.0 * sigma) + odds * odds * normal_tail(t - 2.0 * sigma);
  return std::sqrt(std::exp(sigma * sigma) / n * squared);
}

double gaussian_keep_share(double dropped, double sigma) noexcept {
  return normal_tail(sigma + normal_quantile(dropped));
}

}  // namespace heed
