// How the kernels of a cache read a vector of each type of row (cached_rows.hpp).
#pragma once

#include <cstdint>
#include <cstring>

#include "simd/cached_rows.hpp"

namespace heed::simd {

struct FloatRow {
  using Number = float;
  static F32 vector(const float* from) noexcept { return load(from); }
};

/// 2^-112 times the number.
struct HalfRow {
  using Number = std::uint16_t;
  static F32 vector(const std::uint16_t* from) noexcept {
    // The sign is extended over the bits that the shift moves past; the mask keeps one of them.
#if defined(__wasm_simd128__)
    const I32 wide = wasm_i32x4_load16x4(from);
#else
    alignas(64) std::int32_t each[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) each[i] = static_cast<std::int16_t>(from[i]);
    const I32 wide = I32::load_aligned(each);
#endif
    return xsimd::bitwise_cast<float>((wide << 13) & I32(static_cast<std::int32_t>(0x8FFFFFFF)));
  }
};

/// The number without its row's scale.
struct ByteRow {
  using Number = std::int8_t;
  static F32 vector(const std::int8_t* from) noexcept {
#if defined(__wasm_simd128__)
    return wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(wasm_i16x8_load8x8(from)));
#else
    alignas(64) float each[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) each[i] = static_cast<float>(from[i]);
    return F32::load_aligned(each);
#endif
  }
};

}  // namespace heed::simd
