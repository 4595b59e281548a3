// Scores of a few queries with many rows of a cache: decoding, where every key is read once and memory is the limit.
//
// THE SUMMATION ORDER of a cache's scores is not that of score_tile.hpp, which has its queries side by side: here a
// row's own numbers fill the vectors. With L = kLanes and a row of whole pairs of vectors:
//
//   kFloat, kHalf   lane l: a_l = madd chain over columns l, l + 2 L, l + 4 L, ...; b_l the same from column L + l
//                   t_l = a_l + b_l    score = the sums of t_l by halves: (t_0 + t_1) + (t_2 + t_3) for L = 4
//   kByte           (float(sum_c q16[c] * k8[c]) * row scale) * query scale; the sum is exact in 32 bits
//
// with scale * q rounded to float first, and for kByte then to whole numbers (kernel_round_query). The listed and the
// streaming kernel give the same bits, so an exact top-k set of a cache is well defined.
//
// Cost: kFloat and kHalf 2 d flops a score, two multiply-add chains; up to four queries share the reading of a row.
// Tried: four rows in turn, one vector of each: half the bandwidth, the prefetcher follows one stream, not four.
#pragma once

#include "simd/cached_rows.hpp"

namespace heed::simd {

/// 2^112 goes half to a query of kHalf rows and half to the sum, so that neither overflows (cached_rows.hpp). A query
/// with a number that would, from 2^71 on, stays as it is.
inline constexpr float kHalfRoot = 0x1p56f, kHalfRest = 0x1p56f, kLargestRooted = 0x1p71f;

/// Rows of scaled queries, padded like the cache's rows: floats, for kHalf times a root; for kByte whole numbers with a
/// scale each.
struct RowQueries {
  const float* floats = nullptr;
  const std::int16_t* whole = nullptr;
  const float* scales = nullptr;
  std::size_t count = 0;
  const float* rests = nullptr;  // kHalf: 2^112 over each query's root

  RowQueries from(std::size_t first, std::size_t columns) const noexcept {
    return {floats == nullptr ? nullptr : floats + first * columns,
            whole == nullptr ? nullptr : whole + first * columns, scales == nullptr ? nullptr : scales + first,
            count - first, rests == nullptr ? nullptr : rests + first};
  }
};

/// The largest whole number of a query of `columns`: sums of products with bytes stay below 2^31.
constexpr std::int32_t largest_whole(std::size_t columns) noexcept {
  const std::size_t most = 0x7FFFFFFFu / (127 * columns);
  return static_cast<std::int32_t>(most < 32767 ? most : 32767);
}

/// A query as whole numbers up to `most` times a scale; a query with NaN or infinity has the scale NaN.
void kernel_round_query(const float* query, std::size_t columns, std::int32_t most, std::int16_t* whole,
                        float* scale) noexcept;

/// scores[r * stride + j] for query r and row j < round_up(count, kLanes): the rows past `count` must be readable.
void kernel_row_scores(RowType type, const RowQueries& queries, const CachedRows& rows, std::size_t count,
                       std::size_t columns, float* scores, std::size_t stride) noexcept;

/// Rows that lie anywhere; `scales` has one per row for kByte.
struct ListedRows {
  const std::byte* const* rows;
  const float* scales;
  bool finite = true;  // false takes a slower path for kHalf
};

/// scores[i] of one query with row i of the list.
void kernel_listed_scores(RowType type, const RowQueries& query, const ListedRows& list, std::size_t count,
                          std::size_t columns, float* scores) noexcept;

}  // namespace heed::simd
