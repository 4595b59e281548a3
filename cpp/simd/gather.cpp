#include "simd/gather.hpp"

#include "simd/madd.hpp"

namespace heed::simd {
namespace {

// kVectors vectors of columns, starting at column `first`.
template <std::size_t kVectors, bool kPlain>
inline void gather_columns(const MatrixView<const float>& values, const std::uint32_t* indices, const float* weights,
                           std::size_t count, std::size_t first, float* out, float* plain) noexcept {
  F32 weighted[kVectors], sums[kVectors];
#pragma clang loop unroll(full)
  for (std::size_t v = 0; v < kVectors; ++v) weighted[v] = sums[v] = zero();
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = values.data + indices[i] * values.stride + first;
    const F32 w = splat(weights[i]);
#pragma clang loop unroll(full)
    for (std::size_t v = 0; v < kVectors; ++v) {
      const F32 x = load(row + v * kLanes);
      weighted[v] = madd(w, x, weighted[v]);
      if constexpr (kPlain) sums[v] = sums[v] + x;
    }
  }
#pragma clang loop unroll(full)
  for (std::size_t v = 0; v < kVectors; ++v) {
    store(out + first + v * kLanes, weighted[v]);
    if constexpr (kPlain) store(plain + first + v * kLanes, sums[v]);
  }
}

template <bool kPlain>
inline void gather(const MatrixView<const float>& values, const std::uint32_t* indices, const float* weights,
                   std::size_t count, float* out, float* plain) noexcept {
  constexpr std::size_t kWide = kPlain ? 4 : 8;  // accumulators in use: 8 either way
  std::size_t c = 0;
  for (; c + kWide * kLanes <= values.cols; c += kWide * kLanes)
    gather_columns<kWide, kPlain>(values, indices, weights, count, c, out, plain);
  for (; c + kLanes <= values.cols; c += kLanes)
    gather_columns<1, kPlain>(values, indices, weights, count, c, out, plain);
  for (; c < values.cols; ++c) {
    float weighted = 0.0f, sum = 0.0f;
    for (std::size_t i = 0; i < count; ++i) {
      const float x = values.data[indices[i] * values.stride + c];
      weighted += weights[i] * x;
      sum += x;
    }
    out[c] = weighted;
    if constexpr (kPlain) plain[c] = sum;
  }
}

}  // namespace

HEED_KERNEL void kernel_gather(const MatrixView<const float>& values, const std::uint32_t* indices,
                               const float* weights, std::size_t count, float* out) noexcept {
  gather<false>(values, indices, weights, count, out, nullptr);
}

HEED_KERNEL void kernel_gather_with_sum(const MatrixView<const float>& values, const std::uint32_t* indices,
                                        const float* weights, std::size_t count, float* out, float* plain) noexcept {
  gather<true>(values, indices, weights, count, out, plain);
}

HEED_KERNEL void kernel_add_rows(const MatrixView<const float>& values, Range range, double* sum) noexcept {
  for (std::size_t i = range.begin; i < range.end; ++i) {
    const float* row = values.row(i);
    for (std::size_t c = 0; c < values.cols; ++c) sum[c] += static_cast<double>(row[c]);
  }
}

}  // namespace heed::simd
