// The weighted sum of a block of value rows, for one panel of queries.
//
//   out[c][lane] += sum_j weights[j][lane] * values[j][c]
//
// Six columns at a time, so that 12 accumulators stay in registers over the whole block; the order of the sum over j is
// the order of the keys. `columns` is even: packed values are padded with a zero column where the value size is odd.
#pragma once

#include "simd/block.hpp"

namespace heed::simd {

template <std::size_t kStride>
void kernel_values(const float* weights, const float* values, std::size_t key_count, std::size_t columns,
                   std::size_t stride, float* out) noexcept;

inline void add_values(const float* weights, const float* values, std::size_t key_count, std::size_t columns,
                       float* out) noexcept {
  with_stride(columns, [&]<std::size_t kStride>() {
    kernel_values<kStride>(weights, values, key_count, columns, packed_stride(columns), out);
  });
}

/// The same where a value may be infinite or NaN: a weight of exactly 0, which is what a hidden key has, adds nothing.
void kernel_values_careful(const float* weights, const float* values, std::size_t key_count, std::size_t columns,
                           std::size_t stride, float* out) noexcept;

/// out[c][lane] *= factor[lane]
void kernel_rescale(const float* factor, std::size_t columns, float* out) noexcept;

/// out + low += part, with what the addition rounds away kept in `low` (two-sum); `part` becomes zero.
void kernel_add_compensated(float* part, std::size_t columns, float* out, float* low) noexcept;

}  // namespace heed::simd
