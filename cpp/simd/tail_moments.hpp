// The pass over the scores that a fitted tail needs: the denominator, and the sums for a line through (score,
// probability).
//
//   w = e^x, x = s - reference      per lane and block: sum w, sum x, sum x^2, sum w x
//
// x instead of s, because sums of squares of numbers far from 0 lose what is wanted of them. Hidden keys (-infinity)
// add nothing to any of the sums.
#pragma once

#include "simd/softmax_pass.hpp"

namespace heed::simd {

struct BlockMoments {
  alignas(64) float weight[kPanel];
  alignas(64) float score[kPanel];
  alignas(64) float square[kPanel];
  alignas(64) float product[kPanel];
};

/// As kernel_denominator: true when the reference moved, `rescale` then has the factor for the weights so far. The
/// moments are relative to the reference after the call. `hidden`: some scores may be -infinity.
bool kernel_tail_moments(const float* scores, std::size_t key_count, bool hidden, PanelState& state, float* rescale,
                         BlockMoments& moments) noexcept;

/// The same relative to 0, for scores known to be small: x = s.
void kernel_plain_moments(const float* scores, std::size_t key_count, bool hidden, BlockMoments& moments) noexcept;

}  // namespace heed::simd
