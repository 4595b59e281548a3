#include "simd/token_panels.hpp"

#include "simd/exp.hpp"
#include "simd/madd.hpp"

namespace heed::simd {

HEED_KERNEL void kernel_norm_panel(const float* x, const float* gain, std::size_t columns, float epsilon,
                                   float* out) noexcept {
  for (std::size_t half = 0; half < kPanel; half += kLanes) {
    F32 squares[2] = {zero(), zero()};
    for (std::size_t c = 0; c < columns; ++c) {
      const F32 v = load(x + c * kPanel + half);
      squares[c % 2] = madd(v, v, squares[c % 2]);
    }
    const F32 mean = (squares[0] + squares[1]) / splat(static_cast<float>(columns));
    const F32 factor = splat(1.0f) / xsimd::sqrt(mean + splat(epsilon));
    for (std::size_t c = 0; c < columns; ++c)
      store(out + c * kPanel + half, load(x + c * kPanel + half) * factor * splat(gain[c]));
  }
}

HEED_KERNEL void kernel_turn_panel(float* head, const float* cosines, const float* sines, std::size_t pairs) noexcept {
  float* const second = head + pairs * kPanel;
  for (std::size_t i = 0; i < pairs * kPanel; i += kLanes) {
    const F32 a = load(head + i), b = load(second + i), cosine = load(cosines + i), sine = load(sines + i);
    store(head + i, a * cosine - b * sine);
    store(second + i, b * cosine + a * sine);
  }
}

HEED_KERNEL void kernel_gate(float* gate, const float* up, std::size_t count) noexcept {
  const ExpConstants* k = exp_constants();
  const F32 one = splat(1.0f);
  for (std::size_t i = 0; i < count; i += kLanes) {
    const F32 x = load(gate + i);
    // e^-|x| does not overflow: silu(x) = x / (1 + e^-x) = x e^x / (1 + e^x).
    const F32 e = exp(-xsimd::abs(x), k);
    store(gate + i, x * xsimd::select(x < zero(), e, one) / (one + e) * load(up + i));
  }
}

HEED_KERNEL void kernel_add_bias_rows(float* x, const float* bias, std::size_t columns) noexcept {
  for (std::size_t c = 0; c < columns; ++c, x += kPanel) {
    store(x, load(x) + splat(bias[c]));
    store(x + kLanes, load(x + kLanes) + splat(bias[c]));
  }
}

HEED_KERNEL void kernel_rows_of_panel(const float* panel, std::size_t columns, std::size_t count, float* rows,
                                      std::size_t stride) noexcept {
  for (std::size_t lane = 0; lane < count; ++lane)
    for (std::size_t c = 0; c < columns; ++c) rows[lane * stride + c] = panel[c * kPanel + lane];
}

}  // namespace heed::simd
