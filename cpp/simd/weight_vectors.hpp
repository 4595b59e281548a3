// How the kernels of a model read vectors of each type of weight (weight_rows.hpp).
#pragma once

#include <cstdint>

#include "simd/cached_vectors.hpp"

namespace heed::simd {

struct BrainRow {
  using Number = std::uint16_t;
  struct Constants {};
  static constexpr Constants constants() noexcept { return {}; }
  static F32 vector(const std::uint16_t* from, Constants) noexcept {
    return xsimd::bitwise_cast<float>(HalfRow::wide(from) << 16);
  }
};

/// Read from memory (see opaque()).
struct NibbleMasks {
  alignas(16) std::uint8_t low[16], eight[16];
};
extern const NibbleMasks kNibbleMasks;

/// 16 bytes as floats.
inline void widen_bytes(const std::int8_t* from, F32 (&to)[16 / kLanes]) noexcept {
#if defined(__wasm_simd128__)
  const v128_t bytes = wasm_v128_load(from);
  const v128_t low = wasm_i16x8_extend_low_i8x16(bytes), high = wasm_i16x8_extend_high_i8x16(bytes);
  to[0] = wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(low));
  to[1] = wasm_f32x4_convert_i32x4(wasm_i32x4_extend_high_i16x8(low));
  to[2] = wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(high));
  to[3] = wasm_f32x4_convert_i32x4(wasm_i32x4_extend_high_i16x8(high));
#else
  alignas(64) float each[16];
  for (std::size_t i = 0; i < 16; ++i) each[i] = static_cast<float>(from[i]);
  for (std::size_t v = 0; v < 16 / kLanes; ++v) to[v] = F32::load_aligned(each + v * kLanes);
#endif
}

/// The 32 levels of a group.
inline void split_nibbles(const std::uint8_t* from, std::int8_t* levels) noexcept {
#if defined(__wasm_simd128__)
  const NibbleMasks* const k = opaque(&kNibbleMasks);
  const v128_t both = wasm_v128_load(from), eight = wasm_v128_load(k->eight);
  wasm_v128_store(levels, wasm_i8x16_sub(wasm_v128_and(both, wasm_v128_load(k->low)), eight));
  wasm_v128_store(levels + 16, wasm_i8x16_sub(wasm_u8x16_shr(both, 4), eight));
#else
  for (std::size_t i = 0; i < 16; ++i) {
    levels[i] = static_cast<std::int8_t>((from[i] & 15) - 8);
    levels[i + 16] = static_cast<std::int8_t>((from[i] >> 4) - 8);
  }
#endif
}

}  // namespace heed::simd
