// Weighted sums over consecutive rows of a cache, and the weights themselves.
#pragma once

#include "simd/cached_rows.hpp"

namespace heed::simd {

/// out[c] += sum_j weights[j] * row j [c], in the order of j, c < columns. A row with the weight 0 is not read, so that
/// what a query may not see cannot reach it, not even as NaN. For kHalf weights are below 2^15.
///
/// Blocks of 8 rows, half a row at a time from the first-level cache, for 8 accumulators. Tried: two passes over all
/// half rows, 0.75 of the bandwidth.
void kernel_row_values(RowType type, const float* weights, const CachedRows& rows, std::size_t count,
                       std::size_t columns, float* out) noexcept;

/// x[i] = e^(x[i] - reference) for i < count; returns their sum. What lies behind, to a whole vector, becomes 0. Floats
/// are summed within kKeyBlock numbers, their sums in double.
double kernel_weigh_row(float* x, std::size_t count, float reference) noexcept;

}  // namespace heed::simd
