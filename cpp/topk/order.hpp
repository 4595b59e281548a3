// The one order in which scores are ranked. Every selection, every search and the reference use it, so that the set of
// the k best is unique, ties included.
#pragma once

#include <bit>
#include <cstdint>

namespace heed {

struct Scored {
  float score;
  std::uint32_t index;
};

/// Higher score first, then lower index; NaN last. Total, so thread counts and algorithms cannot disagree.
constexpr bool ranks_before(Scored a, Scored b) noexcept {
  const bool a_nan = a.score != a.score, b_nan = b.score != b.score;
  if (a_nan != b_nan) return b_nan;
  if (!a_nan && a.score != b.score) return a.score > b.score;
  return a.index < b.index;
}

/// An unsigned number that grows with the score: NaN is 0, the two zeros are the same.
constexpr std::uint32_t rank_key(float score) noexcept {
  if (score != score) return 0;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(score + 0.0f);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

}  // namespace heed
