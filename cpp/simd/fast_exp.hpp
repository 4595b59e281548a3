// A coarse e^x for sums over many keys: the float whose bits are the number 127 + x log2 e, less a constant, in fixed
// point. Between two powers of two this is the chord of 2^f instead of the curve.
//
//   e^x ~ float with the bits 2^23 (x log2 e + 127 - c)      c = 0.0573: the errors of f in [0, 1) cancel on average
//
// Range:    |x| <= kFastExpRange. Below about -88 the result is 0, -inf included. No NaN, no larger x: the caller knows
//           a bound of its scores.
// Numerics: relative error at most kFastExpError, of either sign; the mean over evenly spread x is below 1e-3. Measured
//           over the whole range by tests/cpp/simd/fast_exp_test.cpp.
// Cost:     3 operations, instead of 14 for exp().
//
// Adding 2^23 leaves the fixed-point number, with 15 bits of fraction, in the low bits of the sum; a shift by 8 makes
// them the exponent and the first bits of the mantissa.
#pragma once

#include "simd/block.hpp"

namespace heed::simd {

inline constexpr float kFastExpError = 0.0396f;
inline constexpr float kFastExpRange = 40.0f;

/// block_sum[lane] = sum over the keys of the block of the coarse e^s. At most kKeyBlock keys.
void kernel_fast_denominator(const float* scores, std::size_t key_count, float* block_sum) noexcept;

/// The sum in double of the very same terms over the `count` numbers at x, which must have room for whole vectors.
double kernel_fast_exp_sum(const float* x, std::size_t count) noexcept;

}  // namespace heed::simd
