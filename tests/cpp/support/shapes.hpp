// Sizes that break kernels: on, below and above everything the code counts in.
#pragma once

#include <set>
#include <vector>

#include "simd/block.hpp"

namespace heed::test {

/// 1, and n - 1, n, n + 1 of every given size.
inline std::vector<std::size_t> around(std::initializer_list<std::size_t> sizes) {
  std::set<std::size_t> all{1};
  for (const std::size_t n : sizes) all.insert({n > 1 ? n - 1 : n, n, n + 1});
  return {all.begin(), all.end()};
}

/// Lengths around a vector, a panel, two panels, a key tile, a block of keys and two, a unit of rows, and a prime.
inline std::vector<std::size_t> lengths() {
  std::vector<std::size_t> all = around(
      {simd::kLanes, simd::kPanel, 2 * simd::kPanel, simd::kKeyTile, simd::kKeyBlock, 2 * simd::kKeyBlock, 128, 256});
  all.push_back(601);
  return all;
}

/// Head sizes: tiny, odd, around the four packed strides (80, 144, 272, longer).
inline std::vector<std::size_t> head_dims() {
  return {1, 3, 4, 5, 31, 64, 65, 80, 81, 128, 144, 145, 256, 272, 273, 300};
}

}  // namespace heed::test
