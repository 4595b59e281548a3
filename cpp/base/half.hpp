// IEEE 754 half floats to floats. Wasm has no instruction for it.
//
// The exponent and fraction move into place and the sign to its bit; multiplying by 2^112 corrects the bias and turns
// subnormal halves into normal floats in the same step. What had all exponent bits set, infinity and NaN, comes out at
// 2^16 or more and gets all of float's exponent bits.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace heed {

constexpr float widen_half(std::uint16_t half) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(half & 0x7FFFu) << 13;
  const std::uint32_t scaled = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  return std::bit_cast<float>(sign | scaled | ((half & 0x7C00u) == 0x7C00u ? 0x7F800000u : 0u));
}

inline void widen_half(const std::uint16_t* from, float* to, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) to[i] = widen_half(from[i]);
}

}  // namespace heed
