// The one door to SIMD. Only this folder names xsimd or an instruction; the rest of the library calls the functions
// declared here and reads kLanes and kPanel.
//
// A panel is kPanel queries side by side, one per lane: every kernel keeps two vectors of them. Lanes are queries, so
// no kernel ever sums across a vector, and a score is one fixed chain of multiply-adds (see score_tile.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <xsimd/xsimd.hpp>

// A kernel is a function of its own in the binary. The name starts with `kernel_`, the build checks that it is still
// there after linking: a loop that the linker folds into a long-running caller stays in the engine's slow tier.
#define HEED_KERNEL __attribute__((noinline))

namespace heed::simd {

using F32 = xsimd::batch<float>;
using I32 = xsimd::batch<std::int32_t>;

inline constexpr std::size_t kLanes = F32::size;
/// Queries in a panel: two vectors.
inline constexpr std::size_t kPanel = 2 * kLanes;
/// Whether madd() is one instruction, at least where the engine has one.
#if defined(__wasm_simd128__) && !defined(__wasm_relaxed_simd__)
inline constexpr bool kFused = false;
#else
inline constexpr bool kFused = true;
#endif
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

inline F32 load(const float* from) noexcept { return F32::load_unaligned(from); }
inline void store(float* to, F32 x) noexcept { x.store_unaligned(to); }
inline F32 splat(float x) noexcept { return F32(x); }
inline F32 zero() noexcept { return F32(0.0f); }

/// The larger of x and limit; NaN in x stays NaN, so that a spoiled lane is seen in the result.
inline F32 at_least(F32 x, F32 limit) noexcept {
#if defined(__wasm_simd128__)
  return wasm_f32x4_pmax(x, limit);  // one maxps on x86; f32x4.max needs eight instructions there
#else
  return xsimd::select(x < limit, limit, x);
#endif
}

/// The smaller of x and limit; NaN in x stays NaN.
inline F32 at_most(F32 x, F32 limit) noexcept {
#if defined(__wasm_simd128__)
  return wasm_f32x4_pmin(x, limit);
#else
  return xsimd::select(limit < x, limit, x);
#endif
}

/// 1 where the condition holds, 0 elsewhere: one operation, where a selection takes three.
inline F32 counted(xsimd::batch_bool<float> condition) noexcept { return F32(condition); }

/// x where the condition holds, 0 elsewhere, whatever x is there: one operation likewise.
inline F32 only(xsimd::batch_bool<float> condition, F32 x) noexcept {
#if defined(__wasm_simd128__)
  return F32(wasm_v128_and(condition.data, x));
#else
  return xsimd::select(condition, x, zero());
#endif
}

/// Bit i is set where lane i of the condition holds.
inline std::uint32_t bits(xsimd::batch_bool<float> condition) noexcept {
  return static_cast<std::uint32_t>(condition.mask());
}

/// The bits of four conditions, one behind the other. Four vectors are narrowed to one before its mask is taken: half
/// the operations of four masks.
inline std::uint32_t bits(xsimd::batch_bool<float> a, xsimd::batch_bool<float> b, xsimd::batch_bool<float> c,
                          xsimd::batch_bool<float> d) noexcept {
#if defined(__wasm_simd128__)
  const v128_t first = wasm_i16x8_narrow_i32x4(a.data, b.data), second = wasm_i16x8_narrow_i32x4(c.data, d.data);
  return wasm_i8x16_bitmask(wasm_i8x16_narrow_i16x8(first, second));
#else
  return bits(a) | bits(b) << kLanes | bits(c) << 2 * kLanes | bits(d) << 3 * kLanes;
#endif
}

}  // namespace heed::simd
