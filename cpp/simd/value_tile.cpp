#include "simd/value_tile.hpp"

#include "simd/madd.hpp"

namespace heed::simd {
namespace {

template <std::size_t kStride, std::size_t kColumns>
inline void add_columns(const float* weights, const float* values, std::size_t key_count, std::size_t stride,
                        float* out) noexcept {
  const std::size_t row = kStride != 0 ? kStride : stride;
  F32 low[kColumns], high[kColumns];
#pragma clang loop unroll(full)
  for (std::size_t c = 0; c < kColumns; ++c) {
    low[c] = load(out + c * kPanel);
    high[c] = load(out + c * kPanel + kLanes);
  }
#pragma clang loop unroll(disable)
  for (std::size_t j = 0; j < key_count; ++j) {
    const F32 w_low = load(weights);
    const F32 w_high = load(weights + kLanes);
#pragma clang loop unroll(full)
    for (std::size_t c = 0; c < kColumns; ++c) {
      const F32 v = splat(values[c]);
      low[c] = madd(w_low, v, low[c]);
      high[c] = madd(w_high, v, high[c]);
    }
    weights += kPanel;
    values += row;
  }
#pragma clang loop unroll(full)
  for (std::size_t c = 0; c < kColumns; ++c) {
    store(out + c * kPanel, low[c]);
    store(out + c * kPanel + kLanes, high[c]);
  }
}

}  // namespace

template <std::size_t kStride>
HEED_KERNEL void kernel_values(const float* weights, const float* values, std::size_t key_count, std::size_t columns,
                               std::size_t stride, float* out) noexcept {
  std::size_t c = 0;
  for (; c + kKeyTile <= columns; c += kKeyTile)
    add_columns<kStride, kKeyTile>(weights, values + c, key_count, stride, out + c * kPanel);
  if (c + 4 <= columns) {
    add_columns<kStride, 4>(weights, values + c, key_count, stride, out + c * kPanel);
    c += 4;
  }
  if (c < columns) add_columns<kStride, 2>(weights, values + c, key_count, stride, out + c * kPanel);
}

template void kernel_values<80>(const float*, const float*, std::size_t, std::size_t, std::size_t, float*) noexcept;
template void kernel_values<144>(const float*, const float*, std::size_t, std::size_t, std::size_t, float*) noexcept;
template void kernel_values<272>(const float*, const float*, std::size_t, std::size_t, std::size_t, float*) noexcept;
template void kernel_values<0>(const float*, const float*, std::size_t, std::size_t, std::size_t, float*) noexcept;

HEED_KERNEL void kernel_values_careful(const float* weights, const float* values, std::size_t key_count,
                                       std::size_t columns, std::size_t stride, float* out) noexcept {
  for (std::size_t j = 0; j < key_count; ++j) {
    for (std::size_t half = 0; half < kPanel; half += kLanes) {
      const F32 w = load(weights + j * kPanel + half);
      const auto nothing = w == zero();
      for (std::size_t c = 0; c < columns; ++c) {
        float* to = out + c * kPanel + half;
        const F32 before = load(to);
        store(to, xsimd::select(nothing, before, madd(w, splat(values[j * stride + c]), before)));
      }
    }
  }
}

HEED_KERNEL void kernel_rescale(const float* factor, std::size_t columns, float* out) noexcept {
  const F32 low = load(factor);
  const F32 high = load(factor + kLanes);
  for (std::size_t c = 0; c < columns; ++c) {
    store(out, load(out) * low);
    store(out + kLanes, load(out + kLanes) * high);
    out += kPanel;
  }
}

HEED_KERNEL void kernel_add_compensated(float* part, std::size_t columns, float* out, float* low) noexcept {
  for (std::size_t i = 0; i < columns * kPanel; i += kLanes) {
    const F32 a = load(out + i), b = load(part + i);
    const F32 sum = a + b;
    const F32 taken = sum - a;
    store(low + i, load(low + i) + ((a - (sum - taken)) + (b - taken)));
    store(out + i, sum);
    store(part + i, zero());
  }
}

}  // namespace heed::simd
