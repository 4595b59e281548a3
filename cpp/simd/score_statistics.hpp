// What simulations ask of a block of scores of a panel, lane by lane.
#pragma once

#include "simd/block.hpp"

namespace heed::simd {

/// sum[lane] += sum_j s[j][lane], squares[lane] += sum_j s[j][lane]^2: float within the block, double across blocks.
void kernel_moments(const float* scores, std::size_t key_count, double* sum, double* squares) noexcept;

/// count[lane] += how many scores exceed threshold[lane].
void kernel_count_above(const float* scores, std::size_t key_count, const float* threshold,
                        std::uint64_t* count) noexcept;

}  // namespace heed::simd
