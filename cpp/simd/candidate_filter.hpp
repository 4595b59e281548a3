// Finds the scores of a block that beat their lane's threshold and appends them to the lane's candidates.
//
// Most scores lose, so whole vectors are compared and the few winners are picked from bit masks. The comparison is
// strict.
#pragma once

#include "simd/block.hpp"

namespace heed::simd {

/// Where the candidates of one panel go: lane l owns scores[l * capacity ..] and indices[l * capacity ..], of which
/// count[l] are filled. The caller leaves room for a block.
struct PanelCandidates {
  float* scores;
  std::uint32_t* indices;
  std::uint32_t* count;
  std::size_t capacity;
};

/// Candidates are the keys with score > threshold[lane], in the order of the block. Key j of the block is key keys[j]
/// of the row.
void kernel_filter(const float* scores, std::size_t key_count, const std::uint32_t* keys, const float* threshold,
                   const PanelCandidates& candidates) noexcept;

}  // namespace heed::simd
