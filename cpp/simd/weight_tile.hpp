// Products of a block of weights with a panel of tokens: the register tile of score_tile.hpp, which adds to what stands
// there, so that long rows are cut into pieces that stay in the first-level cache.
//
//   out[j][lane] = (add ? out[j][lane] : 0) + sum_c block[j][c] * panel[c][lane]      c = 0 .. d-1, in this order
//
// A block is kWeightBlock rows of up to kWeightPiece columns, widened to floats (weight_rows.hpp), kWeightStride apart.
//
// Cost: 2 d flops a product. Widening costs 3 % for 256 tokens, whatever the weights are stored as.
#pragma once

#include "simd/block.hpp"

namespace heed::simd {

/// A multiple of kKeyTile, fused or not.
inline constexpr std::size_t kWeightBlock = 48;
inline constexpr std::size_t kWeightPiece = 256;
inline constexpr std::size_t kWeightStride = packed_stride(kWeightPiece);

/// `block` must be readable, and `out` is written, up to round_up(rows, kKeyTile) rows.
void kernel_weight_tile(const float* panel, const float* block, std::size_t rows, std::size_t d, bool add,
                        float* out) noexcept;

}  // namespace heed::simd
