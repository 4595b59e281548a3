#include "simd/score_rules.hpp"

#include "simd/exp.hpp"

namespace heed::simd {
namespace {

inline F32 softcap(F32 s, F32 cap, F32 twice_inverse, const ExpConstants* k) noexcept {
  // Beyond +-20 tanh is +-1 in float; the limits also keep exp inside its range. NaN passes both.
  F32 y = at_least(s * twice_inverse, splat(-40.0f));
  y = xsimd::select(y > splat(40.0f), splat(40.0f), y);
  const F32 one = splat(1.0f), two = splat(2.0f);
  return cap * (one - two / (exp(y, k) + one));
}

inline void hide_key(float* scores, const LaneVisibility& sees, F32 key) noexcept {
  const F32 hidden = splat(-kInfinity);
  const auto sink = key < splat(sees.sinks);
  for (std::size_t half = 0; half < kPanel; half += kLanes) {
    const auto seen = (key < load(sees.end + half)) & ((key >= load(sees.from + half)) | sink);
    store(scores + half, xsimd::select(seen, load(scores + half), hidden));
  }
}

}  // namespace

HEED_KERNEL void kernel_softcap(float* scores, std::size_t count, float cap) noexcept {
  const ExpConstants* k = exp_constants();
  const F32 c = splat(cap), twice_inverse = splat(2.0f / cap);
  for (std::size_t i = 0; i < count * kPanel; i += kLanes)
    store(scores + i, softcap(load(scores + i), c, twice_inverse, k));
}

HEED_KERNEL void kernel_add_bias(float* scores, std::size_t count, const float* const* rows) noexcept {
  for (std::size_t half = 0; half < kPanel; half += kLanes) {
    std::size_t j = 0;
    for (; j + kLanes <= count; j += kLanes) {
      F32 square[kLanes];
      for (std::size_t lane = 0; lane < kLanes; ++lane) square[lane] = load(rows[half + lane] + j);
      xsimd::transpose(square, square + kLanes);
      for (std::size_t i = 0; i < kLanes; ++i) {
        float* to = scores + (j + i) * kPanel + half;
        store(to, load(to) + square[i]);
      }
    }
    for (; j < count; ++j)
      for (std::size_t lane = half; lane < half + kLanes; ++lane) scores[j * kPanel + lane] += rows[lane][j];
  }
}

HEED_KERNEL void kernel_add_bias_listed(float* scores, std::size_t count, const float* const* rows,
                                        const std::uint32_t* keys) noexcept {
  for (std::size_t j = 0; j < count; ++j)
    for (std::size_t lane = 0; lane < kPanel; ++lane) scores[j * kPanel + lane] += rows[lane][keys[j]];
}

HEED_KERNEL void kernel_disallow(float* scores, std::size_t count, const std::uint8_t* const* rows) noexcept {
  for (std::size_t lane = 0; lane < kPanel; ++lane)
    for (std::size_t j = 0; j < count; ++j)
      scores[j * kPanel + lane] = rows[lane][j] == 0 ? -kInfinity : scores[j * kPanel + lane];
}

HEED_KERNEL void kernel_disallow_listed(float* scores, std::size_t count, const std::uint8_t* const* rows,
                                        const std::uint32_t* keys) noexcept {
  for (std::size_t j = 0; j < count; ++j)
    for (std::size_t lane = 0; lane < kPanel; ++lane)
      if (rows[lane][keys[j]] == 0) scores[j * kPanel + lane] = -kInfinity;
}

HEED_KERNEL void kernel_hide(float* scores, std::size_t count, const LaneVisibility& sees, float first_key) noexcept {
  for (std::size_t j = 0; j < count; ++j) hide_key(scores + j * kPanel, sees, splat(first_key + static_cast<float>(j)));
}

HEED_KERNEL void kernel_hide_listed(float* scores, std::size_t count, const LaneVisibility& sees,
                                    const std::uint32_t* keys) noexcept {
  for (std::size_t j = 0; j < count; ++j) hide_key(scores + j * kPanel, sees, splat(static_cast<float>(keys[j])));
}

}  // namespace heed::simd
