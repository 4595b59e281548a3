#include "simd/shadow_scores.hpp"

#include <algorithm>

#include "simd/row_filter.hpp"
#include "simd/touch.hpp"

namespace heed::simd {
namespace {

inline float score_as_bytes(RowQueries query, const CachedRows& rows, std::size_t count, std::size_t columns,
                            float* scores) noexcept {
  query.count = 1;
  kernel_row_scores(RowType::kByte, query, rows, count, columns, scores, count);
  return kernel_row_max(scores, round_up(count, kLanes));
}

}  // namespace

#if defined(__wasm_relaxed_simd__)

namespace {

// Wider queries are screened as rows of bytes are scored.
constexpr std::size_t kMostColumns = 256;

// Both parts of 16 columns at a time.
struct SplitQuery {
  alignas(16) std::uint8_t high[kMostColumns], low[kMostColumns];

  SplitQuery(const std::int16_t* whole, std::size_t columns) noexcept {
    const v128_t up = wasm_i16x8_splat(1 << 13), mask = wasm_i16x8_splat(127);
    for (std::size_t c = 0; c < columns; c += 16) {
      const v128_t a = wasm_i16x8_add(wasm_v128_load(whole + c), up);
      const v128_t b = wasm_i16x8_add(wasm_v128_load(whole + c + 8), up);
      wasm_v128_store(high + c, wasm_u8x16_narrow_i16x8(wasm_u16x8_shr(a, 7), wasm_u16x8_shr(b, 7)));
      wasm_v128_store(low + c, wasm_u8x16_narrow_i16x8(wasm_v128_and(a, mask), wasm_v128_and(b, mask)));
    }
  }
};

// The sums of four vectors of four.
inline v128_t sums_of(v128_t s0, v128_t s1, v128_t s2, v128_t s3) noexcept {
  const v128_t low01 = wasm_i32x4_shuffle(s0, s1, 0, 4, 1, 5), high01 = wasm_i32x4_shuffle(s0, s1, 2, 6, 3, 7);
  const v128_t low23 = wasm_i32x4_shuffle(s2, s3, 0, 4, 1, 5), high23 = wasm_i32x4_shuffle(s2, s3, 2, 6, 3, 7);
  const v128_t pairs01 = wasm_i32x4_add(low01, high01), pairs23 = wasm_i32x4_add(low23, high23);
  return wasm_i32x4_add(wasm_i64x2_shuffle(pairs01, pairs23, 0, 2), wasm_i64x2_shuffle(pairs01, pairs23, 1, 3));
}

struct Products {
  v128_t high = wasm_i32x4_splat(0), low = wasm_i32x4_splat(0);

  void add(const SplitQuery& query, const std::int8_t* row, std::size_t c) noexcept {
    const v128_t bytes = wasm_v128_load(row + c);
    high = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(bytes, wasm_v128_load(query.high + c), high);
    low = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(bytes, wasm_v128_load(query.low + c), low);
  }
  v128_t all() const noexcept { return wasm_i32x4_add(wasm_i32x4_shl(high, 7), low); }
};

// sum q k + 2^13 sum k of four rows. Where the columns are 64, row by row: the query stays in eight registers, and a
// row and its sums fit beside it. Elsewhere four rows share the reading of the query.
template <bool k64Columns>
inline v128_t four_products(const SplitQuery& query, const std::int8_t* row, std::size_t columns) noexcept {
  Products rows[4];
  if constexpr (k64Columns) {
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < 16; ++i) rows[i / 4].add(query, row + i / 4 * 64, i % 4 * 16);
  } else {
#pragma clang loop unroll(disable)
    for (std::size_t c = 0; c < columns; c += 16) {
#pragma clang loop unroll(full)
      for (std::size_t r = 0; r < 4; ++r) rows[r].add(query, row + r * columns, c);
    }
  }
  return sums_of(rows[0].all(), rows[1].all(), rows[2].all(), rows[3].all());
}

template <bool k64Columns>
inline float score_shadows(const SplitQuery& query, float query_scale, const CachedRows& rows, const std::int32_t* sums,
                           std::size_t count, std::size_t columns, float* scores) noexcept {
  const std::size_t width = k64Columns ? 64 : columns, rows_of_page = kMemoryPage / width / 4 * 4;
  const std::int8_t* row = rows.as<std::int8_t>();
  const std::int8_t* const last = row + count * width;
  F32 highest = splat(-kInfinity);
  for (std::size_t j = 0; j < count;) {
    touch_next_page(row, last);
    for (const std::size_t end = std::min(count, j + rows_of_page); j < end; j += 4, row += 4 * width) {
      const v128_t all = four_products<k64Columns>(query, row, width);
      const F32 sum(wasm_f32x4_convert_i32x4(wasm_i32x4_sub(all, wasm_i32x4_shl(wasm_v128_load(sums + j), 13))));
      const F32 score = sum * load(rows.scales + j) * splat(query_scale);
      highest = at_least(highest, score);
      store(scores + j, score);
    }
  }
  alignas(16) float each[4];
  store(each, highest);
  return std::max(std::max(each[0], each[1]), std::max(each[2], each[3]));
}

}  // namespace

HEED_KERNEL float kernel_shadow_scores(const RowQueries& query, const CachedRows& rows, const std::int32_t* sums,
                                       std::size_t count, std::size_t columns, float* scores) noexcept {
  static_assert(kLanes == 4);
  if (columns > kMostColumns) return score_as_bytes(query, rows, count, columns, scores);
  const SplitQuery split(query.whole, columns);
  if (columns == 64) return score_shadows<true>(split, *query.scales, rows, sums, count, columns, scores);
  return score_shadows<false>(split, *query.scales, rows, sums, count, columns, scores);
}

#else

HEED_KERNEL float kernel_shadow_scores(const RowQueries& query, const CachedRows& rows, const std::int32_t*,
                                       std::size_t count, std::size_t columns, float* scores) noexcept {
  return score_as_bytes(query, rows, count, columns, scores);
}

#endif

}  // namespace heed::simd
