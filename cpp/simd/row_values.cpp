#include "simd/row_values.hpp"

#include <algorithm>

#include "simd/block.hpp"
#include "simd/cached_vectors.hpp"
#include "simd/exp.hpp"
#include "simd/madd.hpp"

namespace heed::simd {
namespace {

template <class Row>
inline float factor_of(const float* weights, const float* scales, std::size_t j) noexcept {
  if constexpr (sizeof(typename Row::Number) == 2) return weights[j] * 0x1p112f;
  if constexpr (sizeof(typename Row::Number) == 1) return weights[j] * scales[j];
  return weights[j];
}

template <std::size_t kVectors, class Row>
inline void add_columns(const float* weights, const CachedRows& rows, std::size_t count, std::size_t columns,
                        std::size_t first, float* out) noexcept {
  F32 sums[kVectors];
#pragma clang loop unroll(full)
  for (std::size_t v = 0; v < kVectors; ++v) sums[v] = load(out + first + v * kLanes);
  const auto* row = rows.as<typename Row::Number>() + first;
#pragma clang loop unroll(disable)
  for (std::size_t j = 0; j < count; ++j, row += columns) {
    if (weights[j] == 0.0f) continue;
    const F32 w = splat(factor_of<Row>(weights, rows.scales, j));
#pragma clang loop unroll(full)
    for (std::size_t v = 0; v < kVectors; ++v) sums[v] = madd(w, Row::vector(row + v * kLanes), sums[v]);
  }
#pragma clang loop unroll(full)
  for (std::size_t v = 0; v < kVectors; ++v) store(out + first + v * kLanes, sums[v]);
}

template <class Row>
inline void add_rows(const float* weights, const CachedRows& rows, std::size_t count, std::size_t columns,
                     float* out) noexcept {
  std::size_t c = 0;
  for (; c + 16 * kLanes <= columns; c += 16 * kLanes)
    add_columns<16, Row>(weights, rows, count, columns, c, out);
  for (; c + 4 * kLanes <= columns; c += 4 * kLanes) add_columns<4, Row>(weights, rows, count, columns, c, out);
  for (; c < columns; c += kLanes) add_columns<1, Row>(weights, rows, count, columns, c, out);
}

}  // namespace

HEED_KERNEL void kernel_row_values(RowType type, const float* weights, const CachedRows& rows, std::size_t count,
                                   std::size_t columns, float* out) noexcept {
  if (type == RowType::kFloat) return add_rows<FloatRow>(weights, rows, count, columns, out);
  if (type == RowType::kHalf) return add_rows<HalfRow>(weights, rows, count, columns, out);
  add_rows<ByteRow>(weights, rows, count, columns, out);
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
