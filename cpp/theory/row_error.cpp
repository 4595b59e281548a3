#include "theory/row_error.hpp"

namespace heed {
namespace {

struct Sums {
  double mass = 0.0;    // sum e^x
  double square = 0.0;  // sum e^2x
  double energy = 0.0;  // sum x e^x
};

/// Over [from, to), x = score - reference.
Sums sum_range(const double* scores, std::size_t from, std::size_t to, double reference) noexcept {
  Sums sums;
  for (std::size_t j = to; j-- > from;) {
    const double x = scores[j] - reference, weight = std::exp(x);
    sums.mass += weight;
    sums.square += weight * weight;
    if (weight > 0.0) sums.energy += x * weight;
  }
  return sums;
}

}  // namespace

RowError row_error(const double* scores, std::size_t n, std::size_t k) noexcept {
  const double top = scores[0];
  const Sums rest = sum_range(scores, k, n, top), kept = sum_range(scores, 0, k, top);
  const double z = kept.mass + rest.mass, tau = rest.mass / z, odds = rest.mass / kept.mass;
  const auto count = static_cast<double>(n), keep = static_cast<double>(k);

  RowError row{};
  row.dropped = tau;
  row.l1 = 2.0 * tau;
  row.l2 = std::sqrt(odds * odds * kept.square + rest.square) / z;
  row.l_infinity = std::fmax(tau / kept.mass, k < n ? std::exp(scores[k] - top) / z : 0.0);
  row.divergence = std::log1p(odds);
  row.chi_squared = odds;
  row.entropy = std::log(z) - (kept.energy + rest.energy) / z;
  row.participation = z * z / (kept.square + rest.square);
  if (k < n) {
    row.single_gap = single_gap_bound(count, keep, scores[k - 1] - scores[k]);
    row.head_aware = head_aware_bound(count, keep, std::log(kept.mass), scores[k] - top);
    row.l2_bounds = row_error_bounds(tau, keep, top - scores[k - 1]);
  }
  return row;
}

}  // namespace heed
