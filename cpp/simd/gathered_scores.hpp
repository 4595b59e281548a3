// Exact scores of one query with chosen keys.
//
//   scores[i] = the chain of score_tile.hpp for the query and keys[indices[i]], the same bits
//
// Lanes are keys here: rows are transposed a square at a time, so that each lane adds up its own chain in order of the
// columns.
//
// Cost: three to six times the tile's time a score, with rows far apart in memory. Worth it for one key in ten and
// fewer.
#pragma once

#include "base/view.hpp"
#include "simd/block.hpp"

namespace heed::simd {

/// `query`: scale * q, rounded to float. `scores` has room for whole vectors; what lies past `count` is unspecified.
void kernel_gathered_scores(const float* query, const MatrixView<const float>& keys, const std::uint32_t* indices,
                            std::size_t count, float* scores) noexcept;

}  // namespace heed::simd
