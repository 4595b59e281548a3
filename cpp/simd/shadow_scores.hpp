// Scores of shadow keys (cache/shadow_keys.hpp): bytes with a scale and a sum per row, for screening.
//
// The score is that of kByte rows in row_scores.hpp, (float(sum_c q16[c] * k8[c]) * row scale) * query scale, the same
// bits in every build. Where the engine multiplies bytes, a query of at most kLargestShadowed goes as two numbers of 7
// bits a column, and what that adds to each is taken from the sum of the row:
//
//   q + 2^13 = 2^7 high + low    sum q k = 2^7 sum high k + sum low k - 2^13 sum k
//
// Cost: 64 columns are 4 loads and 8 products a row; 16 products and as many widenings where bytes are widened first.
#pragma once

#include "simd/row_scores.hpp"

namespace heed::simd {

/// The largest whole number of a query.
inline constexpr std::int32_t kLargestShadowed = (1 << 13) - 1;

/// scores[j] of one query with row j < round_up(count, kLanes): the rows past `count` must be readable. `sums`: of the
/// bytes of each row. Returns the largest of those scores; NaN is none.
float kernel_shadow_scores(const RowQueries& query, const CachedRows& rows, const std::int32_t* sums, std::size_t count,
                           std::size_t columns, float* scores) noexcept;

}  // namespace heed::simd
