// Number formats narrower than double, emulated in double: round to nearest, ties to even, saturating.
//
//   format   significant bits   smallest step   largest
//   f32            24             2^-149       3.4e38
//   bf16            8             2^-133       3.4e38
//   f16            11             2^-24        65504
//   e4m3            4             2^-9         448       (8 bits, as in the OCP specification, without infinity)
//   e5m2            3             2^-16        57344
//   int8                          1 / 127      steps of a given range, sums exact in 32 bits, as integer kernels do
//
// Sums and products of two such numbers are formed in double and rounded once more. That is the rounding of the exact
// result: 53 bits are at least 2 p + 2 for p <= 24 (Figueroa 1995).
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace heed {

/// The order is the order of the words of column `format`.
enum class NumberFormat { kF64, kF32, kBf16, kF16, kE4m3, kE5m2, kInt8 };
inline constexpr NumberFormat kNumberFormats[] = {NumberFormat::kF64, NumberFormat::kF32,  NumberFormat::kBf16,
                                                  NumberFormat::kF16, NumberFormat::kE4m3, NumberFormat::kE5m2,
                                                  NumberFormat::kInt8};

class Rounding {
 public:
  explicit constexpr Rounding(NumberFormat format) noexcept {
    if (format == NumberFormat::kF32) set(24, 0x1p-149, 0x1.fffffep127);
    if (format == NumberFormat::kBf16) set(8, 0x1p-133, 0x1.fep127);
    if (format == NumberFormat::kF16) set(11, 0x1p-24, 65504.0);
    if (format == NumberFormat::kE4m3) set(4, 0x1p-9, 448.0);
    if (format == NumberFormat::kE5m2) set(3, 0x1p-16, 57344.0);
  }

  /// u: half a unit in the last place of 1. Of int8, whose sums are not rounded, that of double.
  double unit() const noexcept { return std::ldexp(1.0, -bits_); }

  double operator()(double x) const noexcept {
    if (bits_ == 53) return x;
    const double size = std::abs(x);
    if (size < smallest_normal_) return (x + shift_) - shift_;
    const int dropped = 53 - bits_;
    const auto pattern = std::bit_cast<std::uint64_t>(x);
    const std::uint64_t half = (std::uint64_t{1} << (dropped - 1)) - 1 + (pattern >> dropped & 1);
    const double rounded = std::bit_cast<double>((pattern + half) >> dropped << dropped);
    return std::clamp(rounded, -largest_, largest_);
  }

 private:
  constexpr void set(int bits, double step, double largest) noexcept {
    bits_ = bits;
    smallest_normal_ = step * static_cast<double>(1 << (bits - 1));
    shift_ = 0x1.8p52 * step;  // adding it leaves multiples of `step`
    largest_ = largest;
  }

  int bits_ = 53;
  double smallest_normal_ = 0.0, shift_ = 0.0, largest_ = 0.0;
};

}  // namespace heed
