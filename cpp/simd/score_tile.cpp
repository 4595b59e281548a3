#include "simd/score_tile.hpp"

#include "simd/madd.hpp"

namespace heed::simd {

template <std::size_t kStride>
HEED_KERNEL void kernel_scores(const float* panel, const float* keys, std::size_t key_count, std::size_t d,
                               std::size_t stride, float* scores) noexcept {
  const std::size_t row = kStride != 0 ? kStride : stride;
  for (std::size_t j = 0; j < key_count; j += kKeyTile) {
    F32 low[kKeyTile], high[kKeyTile];
    for (std::size_t r = 0; r < kKeyTile; ++r) low[r] = high[r] = zero();
    const float* query = panel;
    const float* key = keys + j * row;
#pragma clang loop unroll(disable)
    for (std::size_t c = 0; c < d; ++c) {
      const F32 q_low = load(query);
      const F32 q_high = load(query + kLanes);
#pragma clang loop unroll(full)
      for (std::size_t r = 0; r < kKeyTile; ++r) {
        const F32 k = splat(key[r * row]);
        low[r] = madd(q_low, k, low[r]);
        high[r] = madd(q_high, k, high[r]);
      }
      query += kPanel;
      ++key;
    }
    for (std::size_t r = 0; r < kKeyTile; ++r) {
      store(scores, low[r]);
      store(scores + kLanes, high[r]);
      scores += kPanel;
    }
  }
}

template void kernel_scores<80>(const float*, const float*, std::size_t, std::size_t, std::size_t, float*) noexcept;
template void kernel_scores<144>(const float*, const float*, std::size_t, std::size_t, std::size_t, float*) noexcept;
template void kernel_scores<272>(const float*, const float*, std::size_t, std::size_t, std::size_t, float*) noexcept;
template void kernel_scores<0>(const float*, const float*, std::size_t, std::size_t, std::size_t, float*) noexcept;

}  // namespace heed::simd
