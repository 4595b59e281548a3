#include "simd/row_values.hpp"

#include <algorithm>

#include "simd/block.hpp"
#include "simd/cached_vectors.hpp"
#include "simd/exp.hpp"
#include "simd/madd.hpp"
#include "simd/weight_vectors.hpp"

namespace heed::simd {
namespace {

template <std::size_t kVectors, class Row>
inline void add_columns(const float* weights, const CachedRows& rows, std::size_t count, std::size_t columns,
                        std::size_t first, float* out) noexcept {
  const typename Row::Constants k = Row::constants();
  F32 sums[kVectors];
#pragma clang loop unroll(full)
  for (std::size_t v = 0; v < kVectors; ++v) sums[v] = load(out + first + v * kLanes);
  const auto* row = rows.as<typename Row::Number>() + first;
#pragma clang loop unroll(disable)
  for (std::size_t j = 0; j < count; ++j, row += columns) {
    if (weights[j] == 0.0f) continue;
    const F32 w = splat(weights[j] * Row::kProductFactor);
#pragma clang loop unroll(full)
    for (std::size_t v = 0; v < kVectors; ++v) sums[v] = madd(w, Row::vector(row + v * kLanes, k), sums[v]);
  }
#pragma clang loop unroll(full)
  for (std::size_t v = 0; v < kVectors; ++v) store(out + first + v * kLanes, sums[v]);
}

// Eight rows, half of 16 vectors of each at a time: sixteen sums, a weight and a row do not fit sixteen registers. What
// the second half reads is in the first-level cache by then, so memory is still one stream.
constexpr std::size_t kRowsAtOnce = 8;

template <class Row>
inline void add_row_block(const float* weights, const typename Row::Number* row, std::size_t columns, float* out) {
  constexpr std::size_t kVectors = 8;
  const typename Row::Constants k = Row::constants();
#pragma clang loop unroll(disable)
  for (std::size_t first = 0; first < 2 * kVectors * kLanes; first += kVectors * kLanes) {
    F32 sums[kVectors];
#pragma clang loop unroll(full)
    for (std::size_t v = 0; v < kVectors; ++v) sums[v] = load(out + first + v * kLanes);
    const auto* from = row + first;
#pragma clang loop unroll(disable)
    for (std::size_t j = 0; j < kRowsAtOnce; ++j, from += columns) {
      const F32 w = splat(weights[j] * Row::kProductFactor);
#pragma clang loop unroll(full)
      for (std::size_t v = 0; v < kVectors; ++v) sums[v] = madd(w, Row::vector(from + v * kLanes, k), sums[v]);
    }
#pragma clang loop unroll(full)
    for (std::size_t v = 0; v < kVectors; ++v) store(out + first + v * kLanes, sums[v]);
  }
}

// Columns [first, first + 16 vectors) of all rows, block by block; a block with a weight of 0 row by row.
template <class Row>
inline void add_wide_columns(const float* weights, const CachedRows& rows, std::size_t count, std::size_t columns,
                             std::size_t first, float* out) noexcept {
  const auto* row = rows.as<typename Row::Number>() + first;
  std::size_t j = 0;
#pragma clang loop unroll(disable)
  for (; j + kRowsAtOnce <= count; j += kRowsAtOnce, row += kRowsAtOnce * columns) {
    std::uint32_t zeros = 0;
    for (std::size_t i = 0; i < kRowsAtOnce; i += kLanes) zeros |= bits(load(weights + j + i) == zero());
    if (zeros == 0) {
      add_row_block<Row>(weights + j, row, columns, out + first);
    } else {
      const auto* data = reinterpret_cast<const std::byte*>(row - first);
      add_columns<8, Row>(weights + j, {data, nullptr}, kRowsAtOnce, columns, first, out);
      add_columns<8, Row>(weights + j, {data, nullptr}, kRowsAtOnce, columns, first + 8 * kLanes, out);
    }
  }
  const auto* data = reinterpret_cast<const std::byte*>(row - first);
  add_columns<8, Row>(weights + j, {data, nullptr}, count - j, columns, first, out);
  add_columns<8, Row>(weights + j, {data, nullptr}, count - j, columns, first + 8 * kLanes, out);
}

template <class Row>
HEED_KERNEL void kernel_add_rows_of(const float* weights, const CachedRows& rows, std::size_t count,
                                    std::size_t columns, float* out) noexcept {
  std::size_t c = 0;
  for (; c + 16 * kLanes <= columns; c += 16 * kLanes) add_wide_columns<Row>(weights, rows, count, columns, c, out);
  for (; c + 4 * kLanes <= columns; c += 4 * kLanes) add_columns<4, Row>(weights, rows, count, columns, c, out);
  for (; c < columns; c += kLanes) add_columns<1, Row>(weights, rows, count, columns, c, out);
}

// Bytes come 16 at a time.
template <std::size_t kSteps>
inline void add_byte_columns(const float* weights, const CachedRows& rows, std::size_t count, std::size_t columns,
                             std::size_t first, float* out) noexcept {
  constexpr std::size_t kVectors = 16 / kLanes;
  F32 sums[kSteps][kVectors];
#pragma clang loop unroll(full)
  for (std::size_t i = 0; i < kSteps * kVectors; ++i) sums[i / kVectors][i % kVectors] = load(out + first + i * kLanes);
  const auto* row = rows.as<std::int8_t>() + first;
#pragma clang loop unroll(disable)
  for (std::size_t j = 0; j < count; ++j, row += columns) {
    if (weights[j] == 0.0f) continue;
    const F32 w = splat(weights[j] * rows.scales[j]);
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < kSteps; ++i) {
      F32 numbers[kVectors];
      widen_bytes(row + i * 16, numbers);
#pragma clang loop unroll(full)
      for (std::size_t v = 0; v < kVectors; ++v) sums[i][v] = madd(w, numbers[v], sums[i][v]);
    }
  }
#pragma clang loop unroll(full)
  for (std::size_t i = 0; i < kSteps * kVectors; ++i) store(out + first + i * kLanes, sums[i / kVectors][i % kVectors]);
}

}  // namespace

HEED_KERNEL void kernel_row_values(RowType type, const float* weights, const CachedRows& rows, std::size_t count,
                                   std::size_t columns, float* out) noexcept {
  if (type == RowType::kFloat) return kernel_add_rows_of<FloatRow>(weights, rows, count, columns, out);
  if (type == RowType::kHalf)
    return rows.finite ? kernel_add_rows_of<HalfRow>(weights, rows, count, columns, out)
                       : kernel_add_rows_of<CarefulHalfRow>(weights, rows, count, columns, out);
  std::size_t c = 0;
  for (; c + 32 <= columns; c += 32) add_byte_columns<2>(weights, rows, count, columns, c, out);
  for (; c < columns; c += 16) add_byte_columns<1>(weights, rows, count, columns, c, out);
}

HEED_KERNEL double kernel_weigh_row(float* x, std::size_t count, float reference) noexcept {
  static_assert(kKeyBlock % kLanes == 0);
  std::fill(x + count, x + round_up(count, kLanes), -kInfinity);
  const ExpConstants* k = exp_constants();
  const F32 shift = splat(reference);
  double total = 0.0;
  for (std::size_t i = 0; i < count;) {
    F32 sum = zero();
    for (const std::size_t end = std::min(i + kKeyBlock, count); i < end; i += kLanes) {
      const F32 w = exp(load(x + i) - shift, k);
      store(x + i, w);
      sum = sum + w;
    }
    alignas(64) float each[kLanes];
    store(each, sum);
    for (const float lane : each) total += double{lane};
  }
  return total;
}

}  // namespace heed::simd
