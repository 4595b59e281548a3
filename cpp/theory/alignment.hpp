// The same cost for k = alpha n^C as for a fixed k: three ways to say "the same", each solved for alpha.
//
//   at one length n0    alpha = k / n0^C
//   prefill             sum_n n k(n) over the lengths n, every token of a text attends      alpha = k sum n / sum n^{1
//   + C} decode              sum_n k(n), one token at each length                                alpha = k |L| / sum
//   n^C
//
// STATED (section 7 of the paper, in reviews): a dynamic window can be given the cost of a fixed one; which cost is not
// known to us. DERIVED: the three formulas. They hold without rounding and clamping; with them the cost is a step
// function of alpha that never falls, so bisection finds the step across the target, and the nearer of its two sides is
// taken. With many lengths the steps are small and the costs agree to 0.1 % and better; with few lengths of very
// different size one step can be more (a key more at 32,768 tokens costs 32,768 in prefill), and the result says so.
//
// Fixed means min(k, n): no row keeps more than it has.
#pragma once

#include <cstdint>

#include "theory/window_law.hpp"

namespace heed {

enum class Cost { kOneLength, kPrefill, kDecode };

/// What a policy computes over the lengths (count), by `cost`, where `entries(n)` says how many keys a row of length n
/// keeps. kOneLength counts the first length only.
template <class Entries>
double total_cost(const std::uint32_t* lengths, std::size_t count, Cost cost, Entries&& entries) noexcept {
  if (cost == Cost::kOneLength) return entries(lengths[0]);
  double sum = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += (cost == Cost::kPrefill ? static_cast<double>(lengths[i]) : 1.0) * entries(lengths[i]);
  }
  return sum;
}

struct Alignment {
  double alpha;      // of the law as it is used, rounded up and clamped
  double unrounded;  // the formula above
  double cost;       // what the law costs
  double target;     // what the fixed window costs
};

/// The formula above. 0 <= exponent <= 1, k >= 1, all lengths >= 1, count >= 1.
double unrounded_alpha(const std::uint32_t* lengths, std::size_t count, Cost cost, double k, double exponent) noexcept;

/// alpha for `exponent` such that the law with that `min` and `max` costs what keeping k costs.
Alignment align_cost(const std::uint32_t* lengths, std::size_t count, Cost cost, double k, double exponent,
                     std::size_t min, std::size_t max) noexcept;

}  // namespace heed
