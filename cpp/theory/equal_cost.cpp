#include "theory/equal_cost.hpp"

#include "theory/gaussian.hpp"

namespace heed {
namespace {

/// `entries` gives the k of a length.
template <class Entries>
PolicyError policy_error(const std::uint32_t* lengths, const double* sigma, std::size_t count,
                         Entries&& entries) noexcept {
  PolicyError error{};
  for (std::size_t i = 0; i < count; ++i) {
    const double n = lengths[i], k = entries(lengths[i]);
    const double row_error = gaussian_row_error(n, k, sigma[i]);
    const double dropped = gaussian_dropped_mass(n, k, sigma[i]);
    error.mean_row_error += row_error;
    error.mean_dropped += dropped;
    error.worst_row_error = std::max(error.worst_row_error, row_error);
    error.worst_dropped = std::max(error.worst_dropped, dropped);
  }
  error.mean_row_error /= static_cast<double>(count);
  error.mean_dropped /= static_cast<double>(count);
  return error;
}

}  // namespace

EqualCost compare_at_equal_cost(const std::uint32_t* lengths, const double* sigma, std::size_t count, Cost cost,
                                double k, double exponent) noexcept {
  const double alpha = unrounded_alpha(lengths, count, cost, k, exponent);
  const auto fixed = [&](std::uint32_t n) { return std::min(k, static_cast<double>(n)); };
  const auto window = [&](std::uint32_t n) {
    return std::min(alpha * std::pow(static_cast<double>(n), exponent), static_cast<double>(n));
  };

  EqualCost result{};
  result.alpha = alpha;
  result.fixed_cost = total_cost(lengths, count, cost, fixed);
  result.window_cost = total_cost(lengths, count, cost, window);
  result.row_error_valid = true;
  for (std::size_t i = 0; i < count; ++i) {
    result.row_error_valid &= 2.0 * sigma[i] < std::sqrt(2.0 * std::log(static_cast<double>(lengths[i])));
  }
  result.fixed = policy_error(lengths, sigma, count, fixed);
  result.window = policy_error(lengths, sigma, count, window);
  return result;
}

Winner winner(double fixed, double window) noexcept {
  if (std::fabs(fixed - window) <= 1e-3 * std::max(fixed, window)) return Winner::kTie;
  return fixed < window ? Winner::kFixed : Winner::kWindow;
}

}  // namespace heed
