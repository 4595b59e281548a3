#include "simd/softmax_pass.hpp"

#include "simd/running_reference.hpp"

namespace heed::simd {

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

namespace {

// The block's sum relative to the reference as it is; returns the block's maximum, found along the way.
inline Pair add_up(const float* scores, std::size_t key_count, const PanelState& state, const ExpConstants* k,
                   float* block_sum) noexcept {
  F32 sum_low = zero(), sum_high = zero();
  const F32 low = usable_reference(state.reference), high = usable_reference(state.reference + kLanes);
  Pair highest{splat(-kInfinity), splat(-kInfinity)};
#pragma clang loop unroll(disable)
  for (std::size_t j = 0; j < key_count; ++j) {
    const F32 s_low = load(scores), s_high = load(scores + kLanes);
    highest = {at_least(highest.low, s_low), at_least(highest.high, s_high)};
    sum_low = sum_low + exp(s_low - low, k);
    sum_high = sum_high + exp(s_high - high, k);
    scores += kPanel;
  }
  store(block_sum, sum_low);
  store(block_sum + kLanes, sum_high);
  return highest;
}

}  // namespace

// The reference hardly ever moves, so the block is summed first and again if it had to.
HEED_KERNEL bool kernel_denominator(const float* scores, std::size_t key_count, PanelState& state, float* rescale,
                                    float* block_sum) noexcept {
  const ExpConstants* k = exp_constants();
  if (is_settled(state) && !exceeds_slack(add_up(scores, key_count, state, k, block_sum), state)) return false;
  const bool moved = raise_reference(scores, key_count, state, rescale, k);
  add_up(scores, key_count, state, k, block_sum);
  return moved;
}

HEED_KERNEL void kernel_plain_denominator(const float* scores, std::size_t key_count, float* block_sum) noexcept {
  const ExpConstants* k = exp_constants();
  F32 sum_low = zero(), sum_high = zero();
#pragma clang loop unroll(disable)
  for (std::size_t j = 0; j < key_count; ++j) {
    sum_low = sum_low + exp(load(scores), k);
    sum_high = sum_high + exp(load(scores + kLanes), k);
    scores += kPanel;
  }
  store(block_sum, sum_low);
  store(block_sum + kLanes, sum_high);
}

HEED_KERNEL void kernel_exp_row(float* x, std::size_t count, float reference) noexcept {
  const ExpConstants* k = exp_constants();
  const F32 shift = splat(reference);
  for (std::size_t i = 0; i < count; i += kLanes) store(x + i, exp(load(x + i) - shift, k));
}

}  // namespace heed::simd
