#include "simd/softmax_pass.hpp"

#include "simd/exp.hpp"

namespace heed::simd {
namespace {

struct Pair {
  F32 low, high;
};

// Per lane maximum; NaN is passed over.
inline Pair block_max(const float* scores, std::size_t key_count) noexcept {
  F32 low = splat(-kInfinity), high = low;
  for (std::size_t j = 0; j < key_count; ++j) {
    low = at_least(low, load(scores));
    high = at_least(high, load(scores + kLanes));
    scores += kPanel;
  }
  return {low, high};
}

// e^(before - after), where a lane that stays as it is, -inf included, gets 1.
inline F32 keep_factor(F32 before, F32 after, const ExpConstants* k) noexcept {
  return xsimd::select(before == after, splat(1.0f), exp(before - after, k));
}

inline bool raise_reference(const float* scores, std::size_t key_count, PanelState& state, float* rescale,
                            const ExpConstants* k) noexcept {
  const Pair highest = block_max(scores, key_count);
  const F32 low = load(state.reference), high = load(state.reference + kLanes);
  const F32 slack = splat(kSlack);
  if ((bits(highest.low > low + slack) | bits(highest.high > high + slack)) == 0) return false;
  const F32 new_low = at_least(low, highest.low), new_high = at_least(high, highest.high);
  store(rescale, keep_factor(low, new_low, k));
  store(rescale + kLanes, keep_factor(high, new_high, k));
  store(state.reference, new_low);
  store(state.reference + kLanes, new_high);
  return true;
}

// A lane without keys so far has the reference -inf; 0 in its place gives e^(-inf - 0) = 0 instead of NaN.
inline F32 usable_reference(const float* reference) noexcept {
  const F32 r = load(reference);
  return xsimd::select(r == splat(-kInfinity), zero(), r);
}

inline void mask_key(float* scores, const float* visible, F32 key) noexcept {
  const F32 masked = splat(-kInfinity);
  store(scores, xsimd::select(load(visible) > key, load(scores), masked));
  store(scores + kLanes, xsimd::select(load(visible + kLanes) > key, load(scores + kLanes), masked));
}

}  // namespace

HEED_KERNEL bool kernel_softmax(float* scores, std::size_t key_count, PanelState& state, float* rescale) noexcept {
  const ExpConstants* k = exp_constants();
  const bool moved = raise_reference(scores, key_count, state, rescale, k);
  F32 sum_low = zero(), sum_high = zero();
  const F32 low = usable_reference(state.reference), high = usable_reference(state.reference + kLanes);
#pragma clang loop unroll(disable)
  for (std::size_t j = 0; j < key_count; ++j) {
    const F32 w_low = exp(load(scores) - low, k);
    const F32 w_high = exp(load(scores + kLanes) - high, k);
    store(scores, w_low);
    store(scores + kLanes, w_high);
    sum_low = sum_low + w_low;
    sum_high = sum_high + w_high;
    scores += kPanel;
  }
  F32 before_low = load(state.sum), before_high = load(state.sum + kLanes);
  if (moved) {
    before_low = before_low * load(rescale);
    before_high = before_high * load(rescale + kLanes);
  }
  store(state.sum, before_low + sum_low);
  store(state.sum + kLanes, before_high + sum_high);
  return moved;
}

HEED_KERNEL bool kernel_denominator(const float* scores, std::size_t key_count, PanelState& state, float* rescale,
                                    float* block_sum) noexcept {
  const ExpConstants* k = exp_constants();
  const bool moved = raise_reference(scores, key_count, state, rescale, k);
  F32 sum_low = zero(), sum_high = zero();
  const F32 low = usable_reference(state.reference), high = usable_reference(state.reference + kLanes);
#pragma clang loop unroll(disable)
  for (std::size_t j = 0; j < key_count; ++j) {
    sum_low = sum_low + exp(load(scores) - low, k);
    sum_high = sum_high + exp(load(scores + kLanes) - high, k);
    scores += kPanel;
  }
  store(block_sum, sum_low);
  store(block_sum + kLanes, sum_high);
  return moved;
}

HEED_KERNEL void kernel_mask(float* scores, std::size_t key_count, const float* visible, float first_key) noexcept {
  for (std::size_t j = 0; j < key_count; ++j)
    mask_key(scores + j * kPanel, visible, splat(first_key + static_cast<float>(j)));
}

HEED_KERNEL void kernel_mask_listed(float* scores, std::size_t key_count, const float* visible,
                                    const std::uint32_t* keys) noexcept {
  for (std::size_t j = 0; j < key_count; ++j)
    mask_key(scores + j * kPanel, visible, splat(static_cast<float>(keys[j])));
}

HEED_KERNEL void kernel_exp_row(float* x, std::size_t count, float reference) noexcept {
  const ExpConstants* k = exp_constants();
  const F32 shift = splat(reference);
  for (std::size_t i = 0; i < count; i += kLanes) store(x + i, exp(load(x + i) - shift, k));
}

}  // namespace heed::simd
