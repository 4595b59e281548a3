#include "theory/gaussian.hpp"

#include <cmath>

namespace heed {

double normal_cdf(double x) noexcept { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

double gaussian_ineffective_share(double n, double epsilon, double sigma) noexcept {
  const double margin = std::log(epsilon * n);  // of the mean entry 1 / n to epsilon
  if (sigma == 0.0) return margin >= 0.0 ? 1.0 : 0.0;
  return normal_cdf((margin + 0.5 * sigma * sigma) / sigma);
}

}  // namespace heed
