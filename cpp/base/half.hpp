// IEEE 754 half floats to floats and back. Wasm has no instruction for it.
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

/// Rounds to nearest, ties to even; beyond the largest half infinite; NaN stays NaN.
constexpr std::uint16_t narrow_half(float x) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x), magnitude = bits & 0x7FFFFFFFu;
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  if (magnitude > 0x7F800000u) return static_cast<std::uint16_t>(sign | 0x7E00u);
  if (magnitude >= 0x47800000u) return static_cast<std::uint16_t>(sign | 0x7C00u);  // 2^16 and more
  if (magnitude < 0x38800000u) {
    // Below 2^-14, the smallest normal half: adding 1/2 rounds at 2^-24, the spacing of floats there.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3F000000u));
  }
  // The bias changes by 112; half a unit in the last place less one, and one more for odd fractions.
  const std::uint32_t rounded = magnitude - 0x38000000u + 0xFFFu + (magnitude >> 13 & 1u);
  return static_cast<std::uint16_t>(sign | rounded >> 13);
}

inline void widen_half(const std::uint16_t* from, float* to, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) to[i] = widen_half(from[i]);
}

}  // namespace heed
