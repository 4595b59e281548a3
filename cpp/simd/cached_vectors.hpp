// How the kernels of a cache read a vector of each type of row (cached_rows.hpp).
#pragma once

#include <cstdint>

#include "base/check.hpp"
#include "simd/cached_rows.hpp"

namespace heed::simd {

/// Bit masks, each repeated over a vector and read from memory (see opaque()).
struct HalfMasks {
  alignas(64) std::int32_t sign_and_number[kLanes], exponent[kLanes], infinity[kLanes];
};
extern const HalfMasks kHalfMasks;

struct FloatRow {
  using Number = float;
  static constexpr float kProductFactor = 1.0f;
  static constexpr bool kOneByOne = false;
  struct Constants {};
  static Constants constants() noexcept { return {}; }
  static F32 vector(const float* from, Constants) noexcept { return load(from); }
};

/// 2^-112 times the number, which is finite.
struct HalfRow {
  using Number = std::uint16_t;
  static constexpr float kProductFactor = 0x1p112f;
  static constexpr bool kOneByOne = false;
  using Constants = const HalfMasks*;
  static Constants constants() noexcept { return opaque(&kHalfMasks); }
  // The sign is extended over the bits that the shift moves past; the mask keeps one of them.
  static I32 wide(const std::uint16_t* from) noexcept {
#if defined(__wasm_simd128__)
    return wasm_i32x4_load16x4(from);
#else
    alignas(64) std::int32_t each[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) each[i] = static_cast<std::int16_t>(from[i]);
    return I32::load_aligned(each);
#endif
  }
  static F32 vector(const std::uint16_t* from, Constants masks) noexcept {
    return xsimd::bitwise_cast<float>((wide(from) << 13) & I32::load_aligned(masks->sign_and_number));
  }
};

/// 2^-112 times the number; infinity and NaN stay what they are.
struct CarefulHalfRow : HalfRow {
  /// Rare: small code rather than queries side by side.
  static constexpr bool kOneByOne = true;
  static F32 vector(const std::uint16_t* from, Constants masks) noexcept {
    const I32 number = wide(from), exponent = I32::load_aligned(masks->exponent);
    const I32 infinity = xsimd::select((number & exponent) == exponent, I32::load_aligned(masks->infinity), I32(0));
    return xsimd::bitwise_cast<float>(((number << 13) & I32::load_aligned(masks->sign_and_number)) | infinity);
  }
};

}  // namespace heed::simd
