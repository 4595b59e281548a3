// Rows as a cache keeps them: floats, half floats, or bytes with a scale per row.
//
//   kFloat  x
//   kHalf   IEEE half floats, rounded to nearest even; beyond 65504 infinite
//   kByte   round(x / scale) from -127 to 127, scale = max |x| / 127. A row with NaN or infinity has the scale NaN
//
// Rows are padded with zeros to a multiple of kRowStep numbers, so that no kernel has a remainder. Half floats become
// floats with three instructions a vector: the bits move into place, and a power of two that the exponent's bias leaves
// over, 2^-112, is made good by the other factor of the product. Infinite and NaN halves would come out finite that
// way; who stores rows learns whether they are finite and says so when they are read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/checked_math.hpp"
#include "simd/simd.hpp"

namespace heed::simd {

/// The order is the order of `rawCacheTypes` in web/src/runtime/raw.ts.
enum class RowType { kFloat, kHalf, kByte };

/// Rows are a multiple of this: whole vectors of every kernel, and whole vectors of 16 bytes.
inline constexpr std::size_t kRowStep = 16;

constexpr std::size_t row_columns(std::size_t dim) noexcept { return round_up(dim, kRowStep); }

constexpr std::size_t number_bytes(RowType type) noexcept {
  return type == RowType::kFloat ? 4 : type == RowType::kHalf ? 2 : 1;
}

/// Consecutive rows, each row_columns(dim) numbers; `scales` has one per row for kByte, and is null otherwise.
struct CachedRows {
  const std::byte* data = nullptr;
  const float* scales = nullptr;
  bool finite = true;  // false takes a slower path for kHalf

  template <class T>
  const T* as() const noexcept {
    return reinterpret_cast<const T*>(data);
  }
};

/// Writes `dim` floats as one padded row; false when the row is not finite in its type. `scale` is for kByte.
bool kernel_store_row(RowType type, const float* from, std::size_t dim, std::byte* row, float* scale) noexcept;

/// A cached row of any type as one row of bytes; returns its scale. `error` and `norm`: the norms of what the bytes are
/// off by, and of the row. A row that is not finite becomes zeros with an infinite error.
float kernel_store_bytes(const CachedRows& row, RowType type, std::size_t columns, std::int8_t* to, double* error,
                         double* norm) noexcept;

/// The other way: `count` padded rows as floats.
void widen_rows(RowType type, const CachedRows& rows, std::size_t count, std::size_t columns, float* to) noexcept;

}  // namespace heed::simd
