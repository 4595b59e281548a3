#include "theory/alignment.hpp"

namespace heed {
namespace {

double fixed_cost(const std::uint32_t* lengths, std::size_t count, Cost cost, double k) noexcept {
  return total_cost(lengths, count, cost, [&](std::uint32_t n) { return std::min(k, static_cast<double>(n)); });
}

}  // namespace

double unrounded_alpha(const std::uint32_t* lengths, std::size_t count, Cost cost, double k, double exponent) noexcept {
  const auto power = [&](std::uint32_t n) { return std::pow(static_cast<double>(n), exponent); };
  return fixed_cost(lengths, count, cost, k) / total_cost(lengths, count, cost, power);
}

Alignment align_cost(const std::uint32_t* lengths, std::size_t count, Cost cost, double k, double exponent,
                     std::size_t min, std::size_t max) noexcept {
  const auto law_cost = [&](double alpha) {
    const WindowLaw law{alpha, exponent, min, max};
    return total_cost(lengths, count, cost, [&](std::uint32_t n) { return static_cast<double>(law.entries(n)); });
  };
  const double target = fixed_cost(lengths, count, cost, k);
  const double unrounded = unrounded_alpha(lengths, count, cost, k, exponent);

  double above = unrounded;
  for (int i = 0; i < 64 && law_cost(above) < target; ++i) above *= 2.0;
  if (law_cost(above) <= target) return {above, unrounded, law_cost(above), target};  // below it: `max` is in the way
  // From here on law_cost(below) <= target < law_cost(above), unless `min` alone costs more than the target.
  double below = 0.0;
  for (double width = above; width > 1e-14 * above; width = above - below) {
    const double middle = below + 0.5 * width;
    (law_cost(middle) <= target ? below : above) = middle;
  }
  const double under = law_cost(below), over = law_cost(above);
  const bool take_under = below > 0.0 && target - under <= over - target;
  return {take_under ? below : above, unrounded, take_under ? under : over, target};
}

}  // namespace heed
