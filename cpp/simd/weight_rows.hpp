// Rows of a weight matrix as a model keeps them, so that they can be read as they are stored.
//
//   kFloat   x
//   kHalf    IEEE half floats, rounded to nearest even
//   kBrain   the upper half of a float (bfloat16), rounded to nearest even
//   kByte    round(x / scale) from -127 to 127, scale = max |x| / 127 of the row
//   kNibble  the same from -7 to 7, with a scale for every kNibbleGroup columns. Byte i of a group holds column i in
//   its
//            low four bits and column i + 16 in its high ones, each plus 8
//
// Rows are padded with zeros to a multiple of kWeightStep numbers, so that no kernel has a remainder. Every weight is
// finite: who stores a row learns whether it is.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/checked_math.hpp"
#include "simd/block.hpp"

namespace heed::simd {

/// The order is the order of `rawWeightTypes` in web/src/runtime/raw.ts.
enum class WeightType { kFloat, kHalf, kBrain, kByte, kNibble };
inline constexpr std::size_t kWeightTypes = 5;

inline constexpr std::size_t kNibbleGroup = 32;
inline constexpr std::size_t kWeightStep = kNibbleGroup;

constexpr std::size_t weight_columns(std::size_t columns) noexcept { return round_up(columns, kWeightStep); }

/// Bytes of a row of `columns` padded numbers, and scales that it has beside them.
constexpr std::size_t weight_row_bytes(WeightType type, std::size_t columns) noexcept {
  switch (type) {
    case WeightType::kFloat:
      return 4 * columns;
    case WeightType::kHalf:
    case WeightType::kBrain:
      return 2 * columns;
    case WeightType::kByte:
      return columns;
    case WeightType::kNibble:
      return columns / 2;
  }
  return 0;
}
constexpr std::size_t weight_row_scales(WeightType type, std::size_t columns) noexcept {
  if (type == WeightType::kByte) return 1;
  return type == WeightType::kNibble ? columns / kNibbleGroup : 0;
}

/// Consecutive rows of `columns` padded numbers.
struct WeightRows {
  WeightType type = WeightType::kFloat;
  std::size_t columns = 0;
  const std::byte* data = nullptr;
  const float* scales = nullptr;

  WeightRows from(std::size_t row) const noexcept {
    const std::size_t each = weight_row_scales(type, columns);
    return {type, columns, data + row * weight_row_bytes(type, columns), each == 0 ? nullptr : scales + row * each};
  }
  template <class T>
  const T* row(std::size_t i) const noexcept {
    return reinterpret_cast<const T*>(data + i * weight_row_bytes(type, columns));
  }
};

/// Writes `count` floats as one padded row. False when the row is not finite in its type.
bool kernel_store_weights(WeightType type, const float* from, std::size_t count, std::size_t columns, std::byte* row,
                          float* scales) noexcept;

/// Columns [first, first + count) of the first `rows` rows as floats, row j at to + j * stride. `first` is a multiple
/// of kWeightStep, and `count` too unless the row ends there; then whole steps are written.
void kernel_widen_weights(const WeightRows& rows, std::size_t row_count, std::size_t first, std::size_t count,
                          float* to, std::size_t stride) noexcept;

/// The other way about for what arrives from a file: `count` floats from numbers of type kFloat, kHalf, kBrain, or from
/// kByte times `scale`. Infinite and NaN stay what they are.
void widen_source(WeightType type, const std::byte* from, float scale, std::size_t count, float* to) noexcept;

}  // namespace heed::simd
