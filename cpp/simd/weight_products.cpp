#include "simd/weight_products.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/madd.hpp"
#include "simd/row_scores.hpp"
#include "simd/weight_vectors.hpp"

namespace heed::simd {
namespace {

constexpr std::size_t kChains = 4;
static_assert(kWeightStep % kLanes == 0);

// t of kLanes rows in, their sums out.
inline F32 add_across(F32 (&t)[kLanes]) noexcept {
  xsimd::transpose(t, t + kLanes);
  for (std::size_t width = kLanes; width > 1; width /= 2)
    for (std::size_t i = 0; i < width / 2; ++i) t[i] = t[2 * i] + t[2 * i + 1];
  return t[0];
}

template <class Row>
inline F32 row_sum(const float* token, const typename Row::Number* row, std::size_t columns,
                   decltype(Row::constants()) k) noexcept {
  F32 sums[kChains];
#pragma clang loop unroll(full)
  for (std::size_t i = 0; i < kChains; ++i) sums[i] = zero();
  std::size_t c = 0;
#pragma clang loop unroll(disable)
  for (; c + kChains * kLanes <= columns; c += kChains * kLanes) {
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < kChains; ++i)
      sums[i] = madd(load(token + c + i * kLanes), Row::vector(row + c + i * kLanes, k), sums[i]);
  }
  for (; c < columns; c += kLanes) sums[0] = madd(load(token + c), Row::vector(row + c, k), sums[0]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

template <class Row>
HEED_KERNEL void kernel_float_products(const WeightRows& rows, std::size_t row_count, const float* token, float factor,
                                       float* out) noexcept {
  const auto k = Row::constants();
  for (std::size_t j = 0; j < row_count; j += kLanes) {
    F32 t[kLanes];
    for (std::size_t r = 0; r < kLanes; ++r)
      t[r] = row_sum<Row>(token, rows.row<typename Row::Number>(j + r), rows.columns, k);
    store(out + j, add_across(t) * splat(factor));
  }
}

#if defined(__wasm_simd128__)
inline v128_t add_products(v128_t sum, v128_t low, v128_t high, v128_t bytes) noexcept {
  sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(wasm_i16x8_extend_low_i8x16(bytes), low));
  return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(wasm_i16x8_extend_high_i8x16(bytes), high));
}

HEED_KERNEL void kernel_byte_products(const WeightRows& rows, std::size_t row_count, const WeightInput& input,
                                      float* out) noexcept {
  const std::int8_t* row = rows.row<std::int8_t>(0);
  for (std::size_t j = 0; j < row_count; j += 4) {
    F32 t[4];
    for (std::size_t r = 0; r < 4; ++r) {
      const std::int16_t* whole = input.whole;
      F32 total = zero();
      for (std::size_t first = 0; first < rows.columns; first += kInputPiece) {
        const std::size_t count = std::min(kInputPiece, rows.columns - first) / kWeightStep;
        v128_t s0 = wasm_i32x4_splat(0), s1 = s0;
#pragma clang loop unroll(disable)
        for (std::size_t i = 0; i < count; ++i, row += kWeightStep, whole += kWeightStep) {
          s0 = add_products(s0, wasm_v128_load(whole), wasm_v128_load(whole + 8), wasm_v128_load(row));
          s1 = add_products(s1, wasm_v128_load(whole + 16), wasm_v128_load(whole + 24), wasm_v128_load(row + 16));
        }
        total = madd(F32(wasm_f32x4_convert_i32x4(wasm_i32x4_add(s0, s1))), splat(input.scales[first / kInputPiece]),
                     total);
      }
      t[r] = total;
    }
    store(out + j, add_across(t) * load(rows.scales + j));
  }
}

HEED_KERNEL void kernel_nibble_products(const WeightRows& rows, std::size_t row_count, const WeightInput& input,
                                        float* out) noexcept {
  const NibbleMasks* const k = opaque(&kNibbleMasks);
  const v128_t mask = wasm_v128_load(k->low), eight = wasm_v128_load(k->eight);
  const std::size_t groups = rows.columns / kNibbleGroup;
  for (std::size_t j = 0; j < row_count; j += 4) {
    F32 t[4];
    for (std::size_t r = 0; r < 4; ++r) {
      const std::uint8_t* row = rows.row<std::uint8_t>(j + r);
      const float* scale = rows.scales + (j + r) * groups;
      const std::int16_t* whole = input.whole;
      t[r] = zero();
      for (std::size_t first = 0; first < rows.columns; first += kInputPiece) {
        const std::size_t count = (std::min(first + kInputPiece, rows.columns) - first) / kNibbleGroup;
        F32 piece = zero();
#pragma clang loop unroll(disable)
        for (std::size_t i = 0; i < count; ++i, row += 16, whole += kNibbleGroup) {
          const v128_t both = wasm_v128_load(row);
          v128_t sum = add_products(wasm_i32x4_splat(0), wasm_v128_load(whole), wasm_v128_load(whole + 8),
                                    wasm_i8x16_sub(wasm_v128_and(both, mask), eight));
          sum = add_products(sum, wasm_v128_load(whole + 16), wasm_v128_load(whole + 24),
                             wasm_i8x16_sub(wasm_u8x16_shr(both, 4), eight));
          piece = madd(F32(wasm_f32x4_convert_i32x4(sum)), splat(*scale++), piece);
        }
        t[r] = madd(piece, splat(input.scales[first / kInputPiece]), t[r]);
      }
    }
    store(out + j, add_across(t));
  }
}
#else
HEED_KERNEL void kernel_byte_products(const WeightRows& rows, std::size_t row_count, const WeightInput& input,
                                      float* out) noexcept {
  for (std::size_t j = 0; j < round_up(row_count, kLanes); ++j) {
    const std::int8_t* const row = rows.row<std::int8_t>(j);
    float total = 0.0f;
    for (std::size_t first = 0; first < rows.columns; first += kInputPiece) {
      std::int32_t sum = 0;
      for (std::size_t c = first; c < std::min(first + kInputPiece, rows.columns); ++c)
        sum += std::int32_t{input.whole[c]} * std::int32_t{row[c]};
      total += static_cast<float>(sum) * input.scales[first / kInputPiece];
    }
    out[j] = total * rows.scales[j];
  }
}

HEED_KERNEL void kernel_nibble_products(const WeightRows& rows, std::size_t row_count, const WeightInput& input,
                                        float* out) noexcept {
  const std::size_t groups = rows.columns / kNibbleGroup;
  for (std::size_t j = 0; j < round_up(row_count, kLanes); ++j) {
    float total = 0.0f;
    for (std::size_t g = 0; g < groups; ++g) {
      std::int8_t levels[kNibbleGroup];
      split_nibbles(rows.row<std::uint8_t>(j) + g * (kNibbleGroup / 2), levels);
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < kNibbleGroup; ++i)
        sum += std::int32_t{input.whole[g * kNibbleGroup + i]} * std::int32_t{levels[i]};
      total += static_cast<float>(sum) * rows.scales[j * groups + g] * input.scales[g * kNibbleGroup / kInputPiece];
    }
    out[j] = total;
  }
}
#endif

}  // namespace

HEED_KERNEL void kernel_round_input(const float* token, std::size_t columns, std::int16_t* whole,
                                    float* scales) noexcept {
  constexpr float kMost = 32767.0f;
  for (std::size_t first = 0; first < columns; first += kInputPiece) {
    const std::size_t end = std::min(first + kInputPiece, columns);
    float largest = 0.0f, check = 0.0f;
    for (std::size_t c = first; c < end; ++c) {
      largest = std::max(largest, std::abs(token[c]));
      check += token[c] - token[c];
    }
    const float scale = largest / kMost;
    const float inverse = scale >= std::numeric_limits<float>::min() ? 1.0f / scale : 0.0f;
    scales[first / kInputPiece] = check == 0.0f ? scale : std::numeric_limits<float>::quiet_NaN();
    for (std::size_t c = first; c < end; ++c) {
      // Clamped first: a number that is not finite must not be converted.
      const float x = check == 0.0f ? std::clamp(token[c] * inverse, -kMost, kMost) : 0.0f;
      whole[c] = static_cast<std::int16_t>(std::nearbyint(x));
    }
  }
}

HEED_KERNEL void kernel_weight_products(const WeightRows& rows, std::size_t row_count, const WeightInput& input,
                                        float* out) noexcept {
  switch (rows.type) {
    case WeightType::kFloat:
      return kernel_float_products<FloatRow>(rows, row_count, input.floats, 1.0f, out);
    case WeightType::kHalf:
      return kernel_float_products<HalfRow>(rows, row_count, input.floats, kHalfRoot, out);
    case WeightType::kBrain:
      return kernel_float_products<BrainRow>(rows, row_count, input.floats, 1.0f, out);
    case WeightType::kByte:
      return kernel_byte_products(rows, row_count, input, out);
    case WeightType::kNibble:
      return kernel_nibble_products(rows, row_count, input, out);
  }
}

}  // namespace heed::simd
