#include "theory/regimes.hpp"

#include <cmath>

#include "theory/sufficiency.hpp"

namespace heed {
namespace {

double participation_of(double n, double sigma, double gamma) noexcept {
  if (gamma >= 1.0) return 1.0;
  if (gamma < 0.5) return n * std::exp(-sigma * sigma);
  return std::pow(n, 2.0 * (1.0 - gamma) * (1.0 - gamma));
}

}  // namespace

RegimeOfRow regime_of_row(double n, double sigma, double self) noexcept {
  RegimeOfRow row{};
  const double log_n = std::log(n);
  row.gamma = sigma / std::sqrt(2.0 * log_n);
  const double log_crossover = self - 0.5 * sigma * sigma;
  row.crossover = std::exp(log_crossover);
  row.self_weight = 1.0 / (1.0 + std::exp(log_n - log_crossover));
  row.mass_exponent = mass_exponent(row.gamma);
  row.entropy = row.gamma < 1.0 ? log_n - 0.5 * sigma * sigma : 0.0;
  row.participation = participation_of(n, sigma, row.gamma);
  row.regime = row.self_weight > 0.5 ? Regime::kSelfCollapse
               : row.gamma < 0.5     ? Regime::kDispersion
               : row.gamma < 1.0     ? Regime::kCondensation
                                     : Regime::kFrozen;
  return row;
}

}  // namespace heed
