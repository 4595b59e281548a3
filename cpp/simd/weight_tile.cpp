#include "simd/weight_tile.hpp"

#include "simd/madd.hpp"

namespace heed::simd {

HEED_KERNEL void kernel_weight_tile(const float* panel, const float* block, std::size_t rows, std::size_t d, bool add,
                                    float* out) noexcept {
  for (std::size_t j = 0; j < rows; j += kKeyTile, out += kKeyTile * kPanel) {
    F32 low[kKeyTile], high[kKeyTile];
#pragma clang loop unroll(full)
    for (std::size_t r = 0; r < kKeyTile; ++r) {
      low[r] = add ? load(out + r * kPanel) : zero();
      high[r] = add ? load(out + r * kPanel + kLanes) : zero();
    }
    const float* tokens = panel;
    const float* weight = block + j * kWeightStride;
#pragma clang loop unroll(disable)
    for (std::size_t c = 0; c < d; ++c) {
      const F32 t_low = load(tokens), t_high = load(tokens + kLanes);
#pragma clang loop unroll(full)
      for (std::size_t r = 0; r < kKeyTile; ++r) {
        const F32 w = splat(weight[r * kWeightStride]);
        low[r] = madd(t_low, w, low[r]);
        high[r] = madd(t_high, w, high[r]);
      }
      tokens += kPanel;
      ++weight;
    }
#pragma clang loop unroll(full)
    for (std::size_t r = 0; r < kKeyTile; ++r) {
      store(out + r * kPanel, low[r]);
      store(out + r * kPanel + kLanes, high[r]);
    }
  }
}

}  // namespace heed::simd
