#include "simd/cached_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/half.hpp"
#include "simd/cached_vectors.hpp"

namespace heed::simd {
namespace {

// The sum of x - x is 0 for finite numbers and NaN otherwise.
inline bool finite(const float* from, std::size_t dim) noexcept {
  float sum = 0.0f;
  for (std::size_t c = 0; c < dim; ++c) sum += from[c] - from[c];
  return sum == 0.0f;
}

inline bool store_half(const float* from, std::size_t dim, std::uint16_t* row) noexcept {
  std::uint32_t spoiled = 0;
  for (std::size_t c = 0; c < dim; ++c) {
    row[c] = narrow_half(from[c]);
    spoiled |= (row[c] & 0x7C00u) == 0x7C00u ? 1u : 0u;
  }
  return spoiled == 0;
}

inline bool store_bytes(const float* from, std::size_t dim, std::int8_t* row, float* scale) noexcept {
  if (!finite(from, dim)) {
    std::fill_n(row, dim, std::int8_t{0});
    *scale = std::numeric_limits<float>::quiet_NaN();
    return false;
  }
  float largest = 0.0f;
  for (std::size_t c = 0; c < dim; ++c) largest = std::max(largest, std::abs(from[c]));
  *scale = largest / 127.0f;
  // A scale that underflows leaves zeros, which are within its rounding.
  const float inverse = *scale < std::numeric_limits<float>::min() ? 0.0f : 1.0f / *scale;
  for (std::size_t c = 0; c < dim; ++c) {
    const float rounded = std::nearbyint(from[c] * inverse);
    row[c] = static_cast<std::int8_t>(std::clamp(rounded, -127.0f, 127.0f));
  }
  return true;
}

constexpr HalfMasks make_masks() noexcept {
  HalfMasks m{};
  for (std::size_t i = 0; i < kLanes; ++i) {
    m.sign_and_number[i] = static_cast<std::int32_t>(0x8FFFFFFF);
    m.exponent[i] = 0x7C00;
    m.infinity[i] = 0x7F800000;
  }
  return m;
}

}  // namespace

constinit const HalfMasks kHalfMasks = make_masks();

HEED_KERNEL bool kernel_store_row(RowType type, const float* from, std::size_t dim, std::byte* row,
                                  float* scale) noexcept {
  const std::size_t used = dim * number_bytes(type), padded = row_columns(dim) * number_bytes(type);
  std::fill(row + used, row + padded, std::byte{0});
  switch (type) {
    case RowType::kFloat:
      std::copy_n(from, dim, reinterpret_cast<float*>(row));
      return finite(from, dim);
    case RowType::kHalf:
      return store_half(from, dim, reinterpret_cast<std::uint16_t*>(row));
    case RowType::kByte:
      return store_bytes(from, dim, reinterpret_cast<std::int8_t*>(row), scale);
  }
  return false;
}

HEED_KERNEL float kernel_store_bytes(const CachedRows& row, RowType type, std::size_t columns, std::int8_t* to,
                                     double* error, double* norm) noexcept {
  float step[kRowStep], largest = 0.0f, check = 0.0f;
  const auto each_step = [&](auto&& visit) {
    for (std::size_t c = 0; c < columns; c += kRowStep) {
      widen_rows(type, {row.data + c * number_bytes(type), row.scales}, 1, kRowStep, step);
      for (std::size_t i = 0; i < kRowStep; ++i) visit(c + i, step[i]);
    }
  };
  each_step([&](std::size_t, float x) {
    largest = std::max(largest, std::abs(x));
    check += x - x;
  });
  *error = *norm = std::numeric_limits<double>::infinity();
  std::fill_n(to, columns, std::int8_t{0});
  if (check != 0.0f) return 0.0f;
  const float scale = largest / 127.0f;
  const float inverse = scale < std::numeric_limits<float>::min() ? 0.0f : 1.0f / scale;
  double errors = 0.0, squares = 0.0;
  each_step([&](std::size_t c, float x) {
    const float rounded = std::clamp(std::nearbyint(x * inverse), -127.0f, 127.0f);
    to[c] = static_cast<std::int8_t>(rounded);
    const double off = double{x} - double{scale} * double{rounded};
    errors += off * off;
    squares += double{x} * double{x};
  });
  *error = std::sqrt(errors);
  *norm = std::sqrt(squares);
  return scale;
}

void widen_rows(RowType type, const CachedRows& rows, std::size_t count, std::size_t columns, float* to) noexcept {
  for (std::size_t j = 0; j < count; ++j, to += columns) {
    switch (type) {
      case RowType::kFloat:
        std::copy_n(rows.as<float>() + j * columns, columns, to);
        break;
      case RowType::kHalf:
        widen_half(rows.as<std::uint16_t>() + j * columns, to, columns);
        break;
      case RowType::kByte:
        for (std::size_t c = 0; c < columns; ++c)
          to[c] = rows.scales[j] * static_cast<float>(rows.as<std::int8_t>()[j * columns + c]);
    }
  }
}

}  // namespace heed::simd
