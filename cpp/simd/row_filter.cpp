#include "simd/row_filter.hpp"

#include <limits>

namespace heed::simd {
namespace {

constexpr int kBisections = 7;  // finer than the scores of a sample of 480 lie apart near the cut

struct Pair {
  F32 low, high;
};

// Per lane, how many scores exceed the threshold; exact in float up to 2^24.
inline Pair count_above(const float* scores, std::size_t count, F32 low, F32 high) noexcept {
  Pair above{zero(), zero()};
#pragma clang loop unroll(disable)
  for (std::size_t j = 0; j < count; ++j) {
    above.low = above.low + counted(load(scores) > low);
    above.high = above.high + counted(load(scores + kLanes) > high);
    scores += kPanel;
  }
  return above;
}

inline std::size_t total(F32 lanes) noexcept {
  alignas(64) float each[kLanes];
  store(each, lanes);
  float sum = 0.0f;
  for (const float lane : each) sum += lane;
  return static_cast<std::size_t>(sum);
}

}  // namespace

HEED_KERNEL void kernel_sample_threshold(const float* scores, std::size_t count, const float* wanted,
                                         float* threshold) noexcept {
  F32 max_low = splat(-kInfinity), max_high = max_low, min_low = splat(kInfinity), min_high = min_low;
#pragma clang loop unroll(disable)
  for (std::size_t j = 0; j < count; ++j) {
    const F32 low = load(scores + j * kPanel), high = load(scores + j * kPanel + kLanes);
    max_low = at_least(max_low, low);
    max_high = at_least(max_high, high);
    min_low = at_most(min_low, low);
    min_high = at_most(min_high, high);
  }
  const F32 half = splat(0.5f), wanted_low = load(wanted), wanted_high = load(wanted + kLanes);
  for (int i = 0; i < kBisections; ++i) {
    const F32 middle_low = min_low + half * (max_low - min_low), middle_high = min_high + half * (max_high - min_high);
    const Pair above = count_above(scores, count, middle_low, middle_high);
    const auto enough_low = above.low >= wanted_low, enough_high = above.high >= wanted_high;
    min_low = xsimd::select(enough_low, middle_low, min_low);
    max_low = xsimd::select(enough_low, max_low, middle_low);
    min_high = xsimd::select(enough_high, middle_high, min_high);
    max_high = xsimd::select(enough_high, max_high, middle_high);
  }
  store(threshold, min_low);
  store(threshold + kLanes, min_high);
}

HEED_KERNEL Above kernel_count_row(const float* x, std::size_t count, float low, float middle, float high) noexcept {
  const F32 l = splat(low), m = splat(middle), h = splat(high);
  F32 above_low = zero(), above_middle = zero(), above_high = zero();
  for (std::size_t i = 0; i < count; i += kLanes) {
    const F32 v = load(x + i);
    above_low = above_low + counted(v > l);
    above_middle = above_middle + counted(v > m);
    above_high = above_high + counted(v > h);
  }
  return {total(above_low), total(above_middle), total(above_high)};
}

HEED_KERNEL float kernel_row_min(const float* x, std::size_t count) noexcept {
  F32 lowest = splat(kInfinity), other = lowest;
  std::size_t j = 0;
  for (; j + 2 * kLanes <= count; j += 2 * kLanes) {
    lowest = at_most(lowest, load(x + j));
    other = at_most(other, load(x + j + kLanes));
  }
  alignas(64) float each[kLanes];
  store(each, at_most(lowest, other));
  float min = kInfinity;
  for (const float lane : each) min = lane < min ? lane : min;
  for (; j < count; ++j) min = x[j] < min ? x[j] : min;
  return min;
}

HEED_KERNEL float kernel_row_max(const float* x, std::size_t count) noexcept {
  // Two chains: a maximum takes four cycles.
  F32 highest = splat(-kInfinity), other = highest;
  std::size_t j = 0;
  for (; j + 2 * kLanes <= count; j += 2 * kLanes) {
    highest = at_least(highest, load(x + j));
    other = at_least(other, load(x + j + kLanes));
  }
  for (; j < count; j += kLanes) highest = at_least(highest, load(x + j));
  highest = at_least(highest, other);
  alignas(64) float each[kLanes];
  store(each, highest);
  float max = -kInfinity;
  for (const float lane : each) max = lane > max ? lane : max;
  return max;
}

}  // namespace heed::simd
