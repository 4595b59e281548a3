#include "theory/policies.hpp"

#include <algorithm>
#include <cmath>

#include "theory/gaussian.hpp"

namespace heed {
namespace {

double entries_of(double sigma, double n, double level, Policy policy) noexcept {
  if (policy == Policy::kFixed) return level;
  if (policy == Policy::kGlobalThreshold) return gaussian_effective_entries(n, level, sigma);
  return n * gaussian_keep_share(level, sigma);
}

/// The level at which the rows keep k entries on average. Kept entries fall as lambda or delta rises.
double level_of(const double* sigma, std::size_t rows, double n, double k, Policy policy) noexcept {
  if (policy == Policy::kFixed) return k;
  // In the logarithm: lambda and delta can be tiny.
  double low = std::log(1e-300), high = 0.0;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    double sum = 0.0;
    for (std::size_t r = 0; r < rows; ++r) sum += entries_of(sigma[r], n, std::exp(middle), policy);
    (sum > k * static_cast<double>(rows) ? low : high) = middle;
  }
  return std::exp(high);
}

}  // namespace

void share_budget(const double* p, std::size_t rows, std::size_t n, std::size_t budget, Policy policy,
                  std::uint32_t* kept, double* dropped) noexcept {
  std::fill_n(kept, rows, 0u);
  std::fill_n(dropped, rows, 1.0);
  for (std::size_t spent = 0; spent < std::min(budget, rows * n); ++spent) {
    std::size_t best = rows;
    double best_need = -1.0;
    for (std::size_t r = 0; r < rows; ++r) {
      if (kept[r] == n) continue;
      const double need = policy == Policy::kFixed             ? static_cast<double>(n - kept[r])
                          : policy == Policy::kGlobalThreshold ? p[r * n + kept[r]]
                                                               : dropped[r];
      if (need <= best_need) continue;
      best = r;
      best_need = need;
    }
    if (best == rows) break;  // only NaN is left
    dropped[best] -= p[best * n + kept[best]++];
  }
  // Once more from the small end: differences of nearly 1 have lost the digits of a small remainder.
  for (std::size_t r = 0; r < rows; ++r) {
    dropped[r] = 0.0;
    for (std::size_t j = n; j-- > kept[r];) dropped[r] += p[r * n + j];
  }
}

DroppedMass gaussian_policy(const double* sigma, std::size_t rows, double n, double k, Policy policy) noexcept {
  DroppedMass result{0.0, 0.0, level_of(sigma, rows, n, k, policy)};
  for (std::size_t r = 0; r < rows; ++r) {
    const double tau = gaussian_dropped_mass(n, entries_of(sigma[r], n, result.level, policy), sigma[r]);
    result.mean += tau / static_cast<double>(rows);
    result.worst = std::max(result.worst, tau);
  }
  return result;
}

}  // namespace heed
