// What a layer does to tokens besides attention and products with weights. Tokens stand in panels, one per lane
// (simd.hpp): a number of a token is a row of kPanel floats, so every step is a row-wise one.
#pragma once

#include "simd/block.hpp"

namespace heed::simd {

/// out[c] = x[c] / sqrt(mean_c x[c]^2 + epsilon) * gain[c], for each lane of a panel of `columns` rows.
void kernel_norm_panel(const float* x, const float* gain, std::size_t columns, float epsilon, float* out) noexcept;

/// Turns the pairs (c, c + pairs) of a head by an angle whose cosine and sine are cosines[c][lane], sines[c][lane].
void kernel_turn_panel(float* head, const float* cosines, const float* sines, std::size_t pairs) noexcept;

/// gate[i] = silu(gate[i]) * up[i], silu(x) = x / (1 + e^-x), for `count` numbers, a multiple of kLanes.
void kernel_gate(float* gate, const float* up, std::size_t count) noexcept;

/// x[c][lane] += bias[c]
void kernel_add_bias_rows(float* x, const float* bias, std::size_t columns) noexcept;

/// Row r of `rows`, `columns` long and `stride` floats after the one before, from lane r of a panel, lanes < count.
void kernel_rows_of_panel(const float* panel, std::size_t columns, std::size_t count, float* rows,
                          std::size_t stride) noexcept;

}  // namespace heed::simd
