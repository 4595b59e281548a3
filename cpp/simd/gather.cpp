#include "simd/gather.hpp"

#include "simd/madd.hpp"

namespace heed::simd {
namespace {

// kVectors vectors of columns, starting at column `first`.
template <std::size_t kVectors, bool kMore>
inline void gather_columns(const MatrixView<const float>& values, const std::uint32_t* indices, const float* weights,
                           std::size_t count, std::size_t first, float* out) noexcept {
  F32 sums[kVectors];
#pragma clang loop unroll(full)
  for (std::size_t v = 0; v < kVectors; ++v) sums[v] = kMore ? load(out + first + v * kLanes) : zero();
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = values.data + indices[i] * values.stride + first;
    const F32 w = splat(weights[i]);
#pragma clang loop unroll(full)
    for (std::size_t v = 0; v < kVectors; ++v) sums[v] = madd(w, load(row + v * kLanes), sums[v]);
  }
#pragma clang loop unroll(full)
  for (std::size_t v = 0; v < kVectors; ++v) store(out + first + v * kLanes, sums[v]);
}

template <bool kMore>
inline void gather(const MatrixView<const float>& values, const std::uint32_t* indices, const float* weights,
                   std::size_t count, float* out) noexcept {
  std::size_t c = 0;
  for (; c + 8 * kLanes <= values.cols; c += 8 * kLanes)
    gather_columns<8, kMore>(values, indices, weights, count, c, out);
  for (; c + kLanes <= values.cols; c += kLanes) gather_columns<1, kMore>(values, indices, weights, count, c, out);
  for (; c < values.cols; ++c) {
    float sum = kMore ? out[c] : 0.0f;
    for (std::size_t i = 0; i < count; ++i) sum += weights[i] * values.data[indices[i] * values.stride + c];
    out[c] = sum;
  }
}

}  // namespace

HEED_KERNEL void kernel_gather(const MatrixView<const float>& values, const std::uint32_t* indices,
                               const float* weights, std::size_t count, float* out) noexcept {
  gather<false>(values, indices, weights, count, out);
}

HEED_KERNEL void kernel_gather_more(const MatrixView<const float>& values, const std::uint32_t* indices,
                                    const float* weights, std::size_t count, float* out) noexcept {
  gather<true>(values, indices, weights, count, out);
}

HEED_KERNEL void kernel_add_rows(const MatrixView<const float>& values, Range range, double* sum) noexcept {
  for (std::size_t i = range.begin; i < range.end; ++i) {
    const float* row = values.row(i);
    for (std::size_t c = 0; c < values.cols; ++c) sum[c] += static_cast<double>(row[c]);
  }
}

}  // namespace heed::simd
