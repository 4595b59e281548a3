// Scores of one panel of queries with a block of keys.
//
//   scores[j][lane] = sum_c panel[c][lane] * keys[j][c]
//
// THE SUMMATION ORDER. A score is the float that this chain gives, and nothing else in the library may compute one
// differently: a = 0; for c = 0 .. d-1: a = madd(scale * q[c], k[c], a), with scale * q[c] rounded to float first. An
// "exact top-k set" is defined by these bits.
//
// Cost: 2 d flops a score. 12 accumulators, 2 panel loads and 6 broadcasts for 12 multiply-adds.
// Tried: unrolling the loop over c by 2 or 4: the loads are hoisted, the engine spills, 40 and 47 of 58 GFLOP/s.
#pragma once

#include "simd/block.hpp"

namespace heed::simd {

/// `keys` must be readable up to round_up(key_count, kKeyTile) rows; the scores of the extra rows are written too.
template <std::size_t kStride>
void kernel_scores(const float* panel, const float* keys, std::size_t key_count, std::size_t d, std::size_t stride,
                   float* scores) noexcept;

inline void scores(const float* panel, const float* keys, std::size_t key_count, std::size_t d,
                   float* scores) noexcept {
  with_stride(
      d, [&]<std::size_t kStride>() { kernel_scores<kStride>(panel, keys, key_count, d, packed_stride(d), scores); });
}

}  // namespace heed::simd
