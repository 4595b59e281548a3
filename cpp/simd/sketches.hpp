// Distances of bit strings: in how many of 128 signs a query's sketch differs from those of many keys.
#pragma once

#include "simd/simd.hpp"

namespace heed::simd {

/// distances[j] = bits in which the 16 bytes at sketches + 2 j and at `query` differ.
/// Cost: two words and two counts of bits a key.
void kernel_sketch_distances(const std::uint64_t* sketches, std::size_t count, const std::uint64_t* query,
                             std::uint8_t* distances) noexcept;

/// Appends first + j for every distance j that is at most `limit`, ascending; returns how many. `found` has room for
/// `count`.
/// Cost: one compare for 16 distances where few are as near.
std::size_t kernel_nearest(const std::uint8_t* distances, std::size_t count, std::uint8_t limit, std::uint32_t first,
                           std::uint32_t* found) noexcept;

}  // namespace heed::simd
