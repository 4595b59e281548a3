// The softmax over one block of scores of a panel, with a running reference per lane.
//
//   w[j] = e^(s[j] - reference)        sum += sum_j w[j]
//
// The reference of a lane is a maximum that lags behind: it moves only when a score exceeds it by more than kSlack, so
// that the accumulated output is rarely rescaled. Weights stay below e^kSlack = 1024, sums far from overflow.
//
// Invariant: sum and everything accumulated with the weights are relative to the same reference.
// Masking:   a score of -inf is a masked key; its weight is exactly 0. A lane that has seen no key keeps -inf as its
//            reference and 0 as its sum. NaN never raises a reference, but its weight and the lane's sum are NaN.
// Cost:      two passes over the block, 15 operations a vector.
#pragma once

#include "simd/block.hpp"

namespace heed::simd {

/// 10 ln 2.
inline constexpr float kSlack = 6.9314718f;

/// Per lane: the reference, and the sum of the weights so far relative to it.
struct PanelState {
  alignas(64) float reference[kPanel];
  alignas(64) float sum[kPanel];

  void clear() noexcept {
    for (std::size_t lane = 0; lane < kPanel; ++lane) {
      reference[lane] = -kInfinity;
      sum[lane] = 0.0f;
    }
  }
};

/// Scores become weights in place. True when the reference moved: then `rescale` (kPanel) has the factor for everything
/// that was accumulated before this block; `state.sum` is rescaled already.
bool kernel_softmax(float* scores, std::size_t key_count, PanelState& state, float* rescale) noexcept;

/// The same reference, but the scores stay as they are and only the sum of the block's weights is formed: block_sum
/// (kPanel) is relative to the reference after the call. state.sum is left alone.
bool kernel_denominator(const float* scores, std::size_t key_count, PanelState& state, float* rescale,
                        float* block_sum) noexcept;

/// The same sums relative to 0, for scores known to be small: no reference to look after.
void kernel_plain_denominator(const float* scores, std::size_t key_count, float* block_sum) noexcept;

/// x[i] = e^(x[i] - reference) for i < round_up(count, kLanes): the row must have room for whole vectors.
void kernel_exp_row(float* x, std::size_t count, float reference) noexcept;

/// The same for i < count and not beyond.
inline void exp_row(float* x, std::size_t count, float reference) noexcept {
  const std::size_t whole = count / kLanes * kLanes;
  kernel_exp_row(x, whole, reference);
  alignas(64) float rest[kLanes] = {};
  for (std::size_t i = whole; i < count; ++i) rest[i - whole] = x[i];
  kernel_exp_row(rest, count - whole, reference);
  for (std::size_t i = whole; i < count; ++i) x[i] = rest[i - whole];
}

}  // namespace heed::simd
