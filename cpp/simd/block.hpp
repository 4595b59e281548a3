// Sizes of the blocks that the kernels work on, and how a block lies in memory.
//
//   panel     [d][kPanel]             kPanel queries, scaled, one per lane
//   keys      [kKeyBlock][stride]     rows of one head, packed
//   values    [kKeyBlock][stride]     the same, columns padded with zeros to an even number
//   scores    [kKeyBlock][kPanel]     of one panel; the softmax turns it into weights in place
//   out       [value_dim][kPanel]     of one panel
//
// Rows are packed because a head of a token-major tensor has its rows a power of two apart, where they fall into the
// same few sets of the first-level cache. The packed strides are odd numbers of cache lines, and constants, so that the
// kernels reach six rows from one pointer.
#pragma once

#include <cstddef>

#include "base/checked_math.hpp"
#include "simd/simd.hpp"

namespace heed::simd {

/// Keys in a block: a multiple of kKeyTile; K and V of a block at d = 64 are 24 KB each. 60 to 192 are within 2 %.
inline constexpr std::size_t kKeyBlock = 96;
/// Keys in a register tile. With fused multiply-adds 6 keys x 2 vectors of queries = 12 accumulators, 15 of 16
/// registers in all; a separate multiplication needs a register more, and its shorter chains are hidden by fewer of
/// them.
inline constexpr std::size_t kKeyTile = kFused ? 6 : 4;

/// The row stride of a packed block for rows of `dim` floats.
constexpr std::size_t packed_stride(std::size_t dim) noexcept {
  if (dim <= 80) return 80;
  if (dim <= 144) return 144;
  if (dim <= 272) return 272;
  return round_up(dim, 16) + 16;
}

/// Calls f with packed_stride(dim) as a compile-time constant where it is one, with 0 for the long rows.
template <class F>
decltype(auto) with_stride(std::size_t dim, F&& f) {
  switch (packed_stride(dim)) {
    case 80:
      return f.template operator()<80>();
    case 144:
      return f.template operator()<144>();
    case 272:
      return f.template operator()<272>();
    default:
      return f.template operator()<0>();
  }
}

}  // namespace heed::simd
