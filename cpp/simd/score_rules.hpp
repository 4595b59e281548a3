// What happens to the scores of a block between the product and the softmax: softcap, mask, visibility. In this order;
// each works in place on scores [count][kPanel] of one panel.
#pragma once

#include <cstdint>

#include "simd/block.hpp"

namespace heed::simd {

/// Which keys each lane sees: those with from <= key < end, and key < sinks (if also < end). As floats, exact to 2^24.
struct LaneVisibility {
  alignas(64) float from[kPanel];
  alignas(64) float end[kPanel];
  float sinks;
};

/// Of the cap: what softcap adds to the error of a score at most.
inline constexpr float kSoftcapError = 4e-7f;

/// s = cap tanh(s / cap), by tanh(y) = 1 - 2 / (e^(2 y) + 1).
/// Numerics: absolute error at most kSoftcapError cap, and the same factor of rounding as its argument.
void kernel_softcap(float* scores, std::size_t count, float cap) noexcept;

/// s[j][lane] += bias[lane][j]: lane l's row of the bias begins at rows[l].
void kernel_add_bias(float* scores, std::size_t count, const float* const* rows) noexcept;

/// The same for keys that are chosen one by one: s[j][lane] += rows[lane][keys[j]].
void kernel_add_bias_listed(float* scores, std::size_t count, const float* const* rows,
                            const std::uint32_t* keys) noexcept;

/// s[j][lane] = -infinity where rows[lane][j] is 0.
void kernel_disallow(float* scores, std::size_t count, const std::uint8_t* const* rows) noexcept;
void kernel_disallow_listed(float* scores, std::size_t count, const std::uint8_t* const* rows,
                            const std::uint32_t* keys) noexcept;

/// Keys that a lane does not see get the score -infinity, whatever it was. Key j of the block is key first_key + j of
/// the row, or keys[j].
void kernel_hide(float* scores, std::size_t count, const LaneVisibility& sees, float first_key) noexcept;
void kernel_hide_listed(float* scores, std::size_t count, const LaneVisibility& sees,
                        const std::uint32_t* keys) noexcept;

}  // namespace heed::simd
