#include "simd/gather.hpp"

#include <algorithm>

#include "simd/madd.hpp"
#include "simd/touch.hpp"

namespace heed::simd {
namespace {

// kVectors vectors of columns, starting at column `first`. row(i) is the row of weights[i].
template <std::size_t kVectors, class Row>
inline void gather_columns(Row&& row, const float* weights, Range rows, std::size_t first, float* out) noexcept {
  F32 sums[kVectors];
#pragma clang loop unroll(full)
  for (std::size_t v = 0; v < kVectors; ++v) sums[v] = load(out + first + v * kLanes);
  for (std::size_t i = rows.begin; i < rows.end; ++i) {
    const float* const from = row(i) + first;
    const F32 w = splat(weights[i]);
#pragma clang loop unroll(full)
    for (std::size_t v = 0; v < kVectors; ++v) sums[v] = madd(w, load(from + v * kLanes), sums[v]);
  }
#pragma clang loop unroll(full)
  for (std::size_t v = 0; v < kVectors; ++v) store(out + first + v * kLanes, sums[v]);
}

template <std::size_t kTogether, bool kTouched, class Row>
inline void gather(Row&& row, const float* weights, std::size_t count, std::size_t columns, float* out) noexcept {
  for (Range rows{0, 0}; rows.begin < count; rows.begin = rows.end) {
    rows.end = std::min(rows.begin + kTogether, count);
    if constexpr (kTouched)
      touch_rows([&](std::size_t i) { return row(rows.begin + i); }, rows.size(), columns * sizeof(float));
    std::size_t c = 0;
    for (; c + 8 * kLanes <= columns; c += 8 * kLanes) gather_columns<8>(row, weights, rows, c, out);
    for (; c + kLanes <= columns; c += kLanes) gather_columns<1>(row, weights, rows, c, out);
    for (; c < columns; ++c)
      for (std::size_t i = rows.begin; i < rows.end; ++i) out[c] += weights[i] * row(i)[c];
  }
}

}  // namespace

HEED_KERNEL void kernel_gather(const MatrixView<const float>& values, const std::uint32_t* indices,
                               const float* weights, std::size_t count, float* out) noexcept {
  std::fill_n(out, values.cols, 0.0f);
  kernel_gather_more(values, indices, weights, count, out);
}

HEED_KERNEL void kernel_gather_more(const MatrixView<const float>& values, const std::uint32_t* indices,
                                    const float* weights, std::size_t count, float* out) noexcept {
  gather<16, false>([&](std::size_t i) { return values.data + indices[i] * values.stride; }, weights, count,
                    values.cols, out);
}

HEED_KERNEL void kernel_gather_rows(const float* const* rows, const float* weights, std::size_t count,
                                    std::size_t columns, float* out) noexcept {
  std::fill_n(out, columns, 0.0f);
  gather<64, true>([&](std::size_t i) { return rows[i]; }, weights, count, columns, out);
}

HEED_KERNEL void kernel_add_rows(const MatrixView<const float>& values, Range range, double* sum) noexcept {
  for (std::size_t i = range.begin; i < range.end; ++i) {
    const float* row = values.row(i);
    for (std::size_t c = 0; c < values.cols; ++c) sum[c] += static_cast<double>(row[c]);
  }
}

}  // namespace heed::simd
