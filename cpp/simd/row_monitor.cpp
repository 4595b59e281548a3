#include "simd/row_monitor.hpp"

#include <algorithm>

#include "simd/exp.hpp"
#include "simd/madd.hpp"

namespace heed::simd {
namespace {

inline double total(F32 lanes) noexcept {
  alignas(64) float each[kLanes];
  store(each, lanes);
  double sum = 0.0;
  for (const float lane : each) sum += double{lane};
  return sum;
}

}  // namespace

// Two loops a block: the sums would not leave the registers that an exponential needs.
HEED_KERNEL WeighedMoments kernel_weigh_moments(float* x, std::size_t count, float reference) noexcept {
  static_assert(kKeyBlock % kLanes == 0);
  std::fill(x + count, x + round_up(count, kLanes), -kInfinity);
  const ExpConstants* k = exp_constants();
  const F32 shift = splat(reference), unseen = splat(-kInfinity);
  F32 lowest = splat(kInfinity);
  WeighedMoments sums;
  alignas(64) float shifted[kKeyBlock];
  for (std::size_t i = 0; i < count; i += kKeyBlock) {
    const std::size_t size = std::min(kKeyBlock, count - i);
    F32 weight = zero(), x1 = zero(), x2 = zero(), wx = zero(), wx2 = zero(), seen = zero();
    for (std::size_t j = 0; j < size; j += kLanes) {
      const F32 score = load(x + i + j) - shift, w = exp(score, k);
      store(shifted + j, score);
      store(x + i + j, w);
      weight = weight + w;
    }
    for (std::size_t j = 0; j < size; j += kLanes) {
      const F32 score = load(shifted + j), w = load(x + i + j);
      const auto counts = score > unseen;
      const F32 own = only(counts, score), product = w * own;
      seen = seen + counted(counts);
      lowest = at_most(own, lowest);
      x1 = x1 + own;
      x2 = madd(own, own, x2);
      wx = wx + product;
      wx2 = madd(product, own, wx2);
    }
    sums.weight += total(weight);
    sums.seen += total(seen);
    sums.x += total(x1);
    sums.x_squared += total(x2);
    sums.w_x += total(wx);
    sums.w_x_squared += total(wx2);
  }
  alignas(64) float each[kLanes];
  store(each, lowest);
  for (const float lane : each) sums.lowest = std::min(sums.lowest, lane);
  return sums;
}

HEED_KERNEL MassAbove kernel_mass_above(const float* weights, std::size_t count, float first, float second) noexcept {
  const F32 a = splat(first), b = splat(second);
  MassAbove sums;
  for (std::size_t i = 0; i < count;) {
    F32 many = zero(), more = zero(), mass = zero(), heavier = zero();
    for (const std::size_t end = std::min(i + 4 * kKeyBlock, count); i < end; i += kLanes) {
      const F32 w = load(weights + i);
      const auto over_a = w > a, over_b = w > b;
      many = many + counted(over_a);
      more = more + counted(over_b);
      mass = mass + only(over_a, w);
      heavier = heavier + only(over_b, w);
    }
    sums.first += static_cast<std::size_t>(total(many));
    sums.second += static_cast<std::size_t>(total(more));
    sums.first_mass += total(mass);
    sums.second_mass += total(heavier);
  }
  return sums;
}

}  // namespace heed::simd
