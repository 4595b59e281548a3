// a * b + c, rounded once where the engine fuses and twice where it does not. Callers may rely on neither: results
// agree between variants to a tolerance, and bit for bit only within one variant on one computer.
//
// It exists because xsimd has no fused multiply-add for Wasm and falls back to multiply, then add, even under
// -mrelaxed-simd.
#pragma once

#include "simd/simd.hpp"

namespace heed::simd {

inline F32 madd(F32 a, F32 b, F32 c) noexcept {
#if defined(__wasm_relaxed_simd__)
  return wasm_f32x4_relaxed_madd(a, b, c);
#elif defined(__wasm_simd128__)
  return a * b + c;
#else
  return xsimd::fma(a, b, c);
#endif
}

}  // namespace heed::simd
