#include "simd/fast_exp.hpp"

#include "base/check.hpp"
#include "simd/madd.hpp"

namespace heed::simd {
namespace {

struct FastExpConstants {
  alignas(64) float slope[kLanes], offset[kLanes], lowest[kLanes];
};

constexpr FastExpConstants make_constants() noexcept {
  FastExpConstants k{};
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    k.slope[lane] = 0x1.715476p+0f * 0x1p15f;
    k.offset[lane] = 0x1p23f + (127.0f - 0.0573f) * 0x1p15f;
    k.lowest[lane] = 0x1p23f;
  }
  return k;
}

constinit const FastExpConstants kConstants = make_constants();

inline F32 fast_exp(F32 x, F32 slope, F32 offset, F32 lowest) noexcept {
  const F32 shifted = at_least(madd(x, slope, offset), lowest);
  return xsimd::bitwise_cast<float>(xsimd::bitwise_cast<std::int32_t>(shifted) << 8);
}

}  // namespace

HEED_KERNEL void kernel_fast_denominator(const float* scores, std::size_t key_count, float* block_sum) noexcept {
  const FastExpConstants* k = opaque(&kConstants);
  const F32 slope = load(k->slope), offset = load(k->offset), lowest = load(k->lowest);
  F32 low = zero(), high = zero();
#pragma clang loop unroll(disable)
  for (std::size_t j = 0; j < key_count; ++j) {
    low = low + fast_exp(load(scores), slope, offset, lowest);
    high = high + fast_exp(load(scores + kLanes), slope, offset, lowest);
    scores += kPanel;
  }
  store(block_sum, low);
  store(block_sum + kLanes, high);
}

HEED_KERNEL double kernel_fast_exp_sum(const float* x, std::size_t count) noexcept {
  const FastExpConstants* k = opaque(&kConstants);
  const F32 slope = load(k->slope), offset = load(k->offset), lowest = load(k->lowest);
  double sum = 0.0;
  for (std::size_t i = 0; i < count; i += kLanes) {
    alignas(64) float each[kLanes];
    store(each, fast_exp(load(x + i), slope, offset, lowest));
    for (std::size_t lane = 0; lane < kLanes && i + lane < count; ++lane) sum += double{each[lane]};
  }
  return sum;
}

}  // namespace heed::simd
