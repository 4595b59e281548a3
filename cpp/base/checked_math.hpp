// Products of sizes without wrapping. std::size_t has 32 bits in wasm32, where rows * cols * 4 passes 4 GiB easily.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <limits>

namespace heed {

/// The product of `factors`, or false in `fits` when it does not fit in std::size_t.
struct CheckedSize {
  std::size_t value = 0;
  bool fits = true;
};

constexpr CheckedSize checked_product(std::initializer_list<std::size_t> factors) noexcept {
  std::size_t product = 1;
  for (const std::size_t factor : factors) {
    if (factor != 0 && product > std::numeric_limits<std::size_t>::max() / factor) return {0, false};
    product *= factor;
  }
  return {product, true};
}

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) noexcept {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace heed
