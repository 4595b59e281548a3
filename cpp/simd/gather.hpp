// Weighted sums over chosen rows: what is left of attention once the keys are selected.
#pragma once

#include "base/view.hpp"
#include "simd/simd.hpp"

namespace heed::simd {

/// out[c] = sum_i weights[i] * values[indices[i]][c], in the order of i. `weights` and `indices` hold `count`.
/// A few rows at a time, so that what the first columns fetch of a row is near for the others.
void kernel_gather(const MatrixView<const float>& values, const std::uint32_t* indices, const float* weights,
                   std::size_t count, float* out) noexcept;

/// The same added to what is in `out`: a sum cut into calls has the bits of one call.
void kernel_gather_more(const MatrixView<const float>& values, const std::uint32_t* indices, const float* weights,
                        std::size_t count, float* out) noexcept;

/// kernel_gather() of rows that lie anywhere.
void kernel_gather_rows(const float* const* rows, const float* weights, std::size_t count, std::size_t columns,
                        float* out) noexcept;

/// sum[c] += values[i][c] for the rows of `range`, in double.
void kernel_add_rows(const MatrixView<const float>& values, Range range, double* sum) noexcept;

}  // namespace heed::simd
