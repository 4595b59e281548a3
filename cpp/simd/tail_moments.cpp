#include "simd/tail_moments.hpp"

#include "simd/madd.hpp"
#include "simd/running_reference.hpp"

namespace heed::simd {
namespace {

struct Sums {
  F32 weight = zero(), score = zero(), square = zero(), product = zero();
};

template <bool kHidden>
inline void add(Sums& sums, F32 x, const ExpConstants* k) noexcept {
  const F32 w = exp(x, k);
  if constexpr (kHidden) x = xsimd::select(x == splat(-kInfinity), zero(), x);
  sums.weight = sums.weight + w;
  sums.score = sums.score + x;
  sums.square = madd(x, x, sums.square);
  sums.product = madd(w, x, sums.product);
}

inline void write(const Sums& low, const Sums& high, BlockMoments& moments) noexcept {
  store(moments.weight, low.weight);
  store(moments.weight + kLanes, high.weight);
  store(moments.score, low.score);
  store(moments.score + kLanes, high.score);
  store(moments.square, low.square);
  store(moments.square + kLanes, high.square);
  store(moments.product, low.product);
  store(moments.product + kLanes, high.product);
}

template <bool kHidden>
inline void add_block(const float* scores, std::size_t key_count, const PanelState& state, const ExpConstants* k,
                      BlockMoments& moments) noexcept {
  Sums low, high;
  const F32 reference_low = usable_reference(state.reference);
  const F32 reference_high = usable_reference(state.reference + kLanes);
#pragma clang loop unroll(disable)
  for (std::size_t j = 0; j < key_count; ++j) {
    add<kHidden>(low, load(scores) - reference_low, k);
    add<kHidden>(high, load(scores + kLanes) - reference_high, k);
    scores += kPanel;
  }
  write(low, high, moments);
}

template <bool kHidden>
inline void add_plain_block(const float* scores, std::size_t key_count, const ExpConstants* k,
                            BlockMoments& moments) noexcept {
  Sums low, high;
#pragma clang loop unroll(disable)
  for (std::size_t j = 0; j < key_count; ++j) {
    add<kHidden>(low, load(scores), k);
    add<kHidden>(high, load(scores + kLanes), k);
    scores += kPanel;
  }
  write(low, high, moments);
}

}  // namespace

HEED_KERNEL bool kernel_tail_moments(const float* scores, std::size_t key_count, bool hidden, PanelState& state,
                                     float* rescale, BlockMoments& moments) noexcept {
  const ExpConstants* k = exp_constants();
  const bool moved = raise_reference(scores, key_count, state, rescale, k);
  if (hidden)
    add_block<true>(scores, key_count, state, k, moments);
  else
    add_block<false>(scores, key_count, state, k, moments);
  return moved;
}

HEED_KERNEL void kernel_plain_moments(const float* scores, std::size_t key_count, bool hidden,
                                      BlockMoments& moments) noexcept {
  const ExpConstants* k = exp_constants();
  if (hidden)
    add_plain_block<true>(scores, key_count, k, moments);
  else
    add_plain_block<false>(scores, key_count, k, moments);
}

}  // namespace heed::simd
