// e^x for the softmax: x at most a few, usually far below 0.
//
//   y = x log2 e, n = nearest integer of y, f = y - n in [-1/2, 1/2]    e^x = 2^n p(f)
//
// p is the minimax polynomial of degree 5 for 2^f with its constant term set to 1, so that e^0 is exactly 1.
//
// Range:    x <= 88. Below x = -87.7 (2^-126.5) the result is exactly 0, -inf included. NaN gives NaN.
// Numerics: relative error at most kExpError + 2 u |x|, u = 2^-24: the polynomial and its rounding, and the rounding of
//           x log2 e, which grows with |x|. tests/cpp/simd/exp_test.cpp walks the whole range.
// Cost:     14 operations. A degree less saves 6 % of the softmax pass and costs a factor of 15 in accuracy.
//
// The adding of `magic` rounds y to an integer and leaves n + 127 in the low bits of the sum, the exponent field of
// 2^n. At n = -127 that field is 0, which is the float 0: underflow needs no branch. Multiplying by 2^n instead of
// adding to the exponent keeps NaN a NaN.
#pragma once

#include "base/check.hpp"
#include "simd/madd.hpp"
#include "simd/simd.hpp"

namespace heed::simd {

inline constexpr float kExpError = 4e-7f;

/// The constants, each repeated over a vector and read from memory (see opaque()).
struct ExpConstants {
  alignas(64) float log2e[kLanes], lowest[kLanes], magic[kLanes];
  alignas(64) float c5[kLanes], c4[kLanes], c3[kLanes], c2[kLanes], c1[kLanes], c0[kLanes];
};

extern const ExpConstants kExpConstants;

inline const ExpConstants* exp_constants() noexcept { return opaque(&kExpConstants); }

inline F32 exp(F32 x, const ExpConstants* k) noexcept {
  const F32 magic = load(k->magic);
  const F32 y = at_least(x * load(k->log2e), load(k->lowest));
  const F32 shifted = y + magic;
  const F32 f = y - (shifted - magic);
  F32 p = load(k->c5);
  p = madd(p, f, load(k->c4));
  p = madd(p, f, load(k->c3));
  p = madd(p, f, load(k->c2));
  p = madd(p, f, load(k->c1));
  p = madd(p, f, load(k->c0));
  return p * xsimd::bitwise_cast<float>(xsimd::bitwise_cast<std::int32_t>(shifted) << 23);
}

}  // namespace heed::simd
