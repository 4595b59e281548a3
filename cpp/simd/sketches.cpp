#include "simd/sketches.hpp"

#include <bit>

namespace heed::simd {

HEED_KERNEL void kernel_sketch_distances(const std::uint64_t* sketches, std::size_t count, const std::uint64_t* query,
                                         std::uint8_t* distances) noexcept {
  const std::uint64_t low = query[0], high = query[1];
  for (std::size_t j = 0; j < count; ++j)
    distances[j] =
        static_cast<std::uint8_t>(std::popcount(sketches[2 * j] ^ low) + std::popcount(sketches[2 * j + 1] ^ high));
}

HEED_KERNEL std::size_t kernel_nearest(const std::uint8_t* distances, std::size_t count, std::uint8_t limit,
                                       std::uint32_t first, std::uint32_t* found) noexcept {
  std::size_t total = 0, j = 0;
#if defined(__wasm_simd128__)
  const v128_t most = wasm_u8x16_splat(limit);
  for (; j + 16 <= count; j += 16) {
    std::uint32_t mask = wasm_i8x16_bitmask(wasm_u8x16_le(wasm_v128_load(distances + j), most));
    for (; mask != 0; mask &= mask - 1)
      found[total++] = first + static_cast<std::uint32_t>(j) + static_cast<std::uint32_t>(std::countr_zero(mask));
  }
#endif
  for (; j < count; ++j)
    if (distances[j] <= limit) found[total++] = first + static_cast<std::uint32_t>(j);
  return total;
}

}  // namespace heed::simd
