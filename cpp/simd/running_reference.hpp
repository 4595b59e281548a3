// How the reference of a panel moves, for the passes over its scores (softmax_pass.cpp, tail_moments.cpp).
#pragma once

#include "simd/exp.hpp"
#include "simd/softmax_pass.hpp"

namespace heed::simd {

struct Pair {
  F32 low, high;
};

// Per lane maximum; NaN is passed over. Four chains: a maximum takes longer than loading the next vector.
inline Pair block_max(const float* scores, std::size_t key_count) noexcept {
  F32 low = splat(-kInfinity), high = low, low_odd = low, high_odd = low;
  std::size_t j = 0;
#pragma clang loop unroll(disable)
  for (; j + 2 <= key_count; j += 2) {
    low = at_least(low, load(scores));
    high = at_least(high, load(scores + kLanes));
    low_odd = at_least(low_odd, load(scores + kPanel));
    high_odd = at_least(high_odd, load(scores + kPanel + kLanes));
    scores += 2 * kPanel;
  }
  if (j < key_count) {
    low = at_least(low, load(scores));
    high = at_least(high, load(scores + kLanes));
  }
  return {at_least(low, low_odd), at_least(high, high_odd)};
}

// e^(before - after), where a lane that stays as it is, -inf included, gets 1.
inline F32 keep_factor(F32 before, F32 after, const ExpConstants* k) noexcept {
  return xsimd::select(before == after, splat(1.0f), exp(before - after, k));
}

// Every lane has seen a key.
inline bool is_settled(const PanelState& state) noexcept {
  const F32 none = splat(-kInfinity);
  return (bits(load(state.reference) == none) | bits(load(state.reference + kLanes) == none)) == 0;
}

// Some score lies further above its lane's reference than the slack allows.
inline bool exceeds_slack(const Pair& highest, const PanelState& state) noexcept {
  const F32 slack = splat(kSlack);
  return (bits(highest.low > load(state.reference) + slack) |
          bits(highest.high > load(state.reference + kLanes) + slack)) != 0;
}

inline bool raise_reference(const float* scores, std::size_t key_count, PanelState& state, float* rescale,
                            const ExpConstants* k) noexcept {
  const Pair highest = block_max(scores, key_count);
  if (!exceeds_slack(highest, state)) return false;
  const F32 low = load(state.reference), high = load(state.reference + kLanes);
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

}  // namespace heed::simd
