#include "simd/row_scores.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/cached_vectors.hpp"
#include "simd/madd.hpp"
#include "simd/touch.hpp"

namespace heed::simd {
namespace {

// t of kLanes rows in, their scores out.
inline F32 add_across(F32 (&t)[kLanes]) noexcept {
  xsimd::transpose(t, t + kLanes);
  for (std::size_t width = kLanes; width > 1; width /= 2)
    for (std::size_t i = 0; i < width / 2; ++i) t[i] = t[2 * i] + t[2 * i + 1];
  return t[0];
}

template <class Row>
inline F32 finish(F32 (&t)[kLanes], [[maybe_unused]] const float* rests, [[maybe_unused]] std::size_t query) noexcept {
  const F32 sum = add_across(t);
  if constexpr (sizeof(typename Row::Number) == 2) return sum * splat(rests[query]);
  return sum;
}

// kColumns is the number of columns where it is known when compiling, and 0 elsewhere.
template <std::size_t kQueries, std::size_t kColumns, class Row>
inline void row_sums(const float* queries, const typename Row::Number* row, std::size_t columns,
                     typename Row::Constants k, F32 (&t)[kQueries][kLanes], std::size_t lane) noexcept {
  F32 a[kQueries], b[kQueries];
#pragma clang loop unroll(full)
  for (std::size_t q = 0; q < kQueries; ++q) a[q] = b[q] = zero();
  const auto step = [&](std::size_t c) {
    const F32 low = Row::vector(row + c, k), high = Row::vector(row + c + kLanes, k);
#pragma clang loop unroll(full)
    for (std::size_t q = 0; q < kQueries; ++q) {
      a[q] = madd(load(queries + q * columns + c), low, a[q]);
      b[q] = madd(load(queries + q * columns + c + kLanes), high, b[q]);
    }
  };
  if constexpr (kColumns != 0) {
#pragma clang loop unroll(full)
    for (std::size_t c = 0; c < kColumns; c += 2 * kLanes) step(c);
  } else {
#pragma clang loop unroll(disable)
    for (std::size_t c = 0; c < columns; c += 2 * kLanes) step(c);
  }
#pragma clang loop unroll(full)
  for (std::size_t q = 0; q < kQueries; ++q) t[q][lane] = a[q] + b[q];
}

template <std::size_t kQueries, std::size_t kColumns, class Row>
inline void score_rows(const float* queries, const float* rests, const typename Row::Number* rows, std::size_t count,
                       std::size_t columns, float* scores, std::size_t stride) noexcept {
  const typename Row::Constants k = Row::constants();
  const std::size_t step = kColumns != 0 ? kColumns : columns;
  for (std::size_t j = 0; j < count; j += kLanes) {
    F32 t[kQueries][kLanes];
#pragma clang loop unroll(full)
    for (std::size_t r = 0; r < kLanes; ++r)
      row_sums<kQueries, kColumns, Row>(queries, rows + (j + r) * step, step, k, t, r);
#pragma clang loop unroll(full)
    for (std::size_t q = 0; q < kQueries; ++q) store(scores + q * stride + j, finish<Row>(t[q], rests, q));
  }
}

template <std::size_t kQueries, class Row>
HEED_KERNEL void kernel_score_group(const RowQueries& queries, const typename Row::Number* rows, std::size_t count,
                                    std::size_t columns, float* scores, std::size_t stride) noexcept {
  if (kQueries == 1 && columns == 64 && !Row::kOneByOne)
    return score_rows<kQueries, 64, Row>(queries.floats, queries.rests, rows, count, 64, scores, stride);
  score_rows<kQueries, 0, Row>(queries.floats, queries.rests, rows, count, columns, scores, stride);
}

template <class Row>
inline void score_all(const RowQueries& queries, const CachedRows& rows, std::size_t count, std::size_t columns,
                      float* scores, std::size_t stride) noexcept {
  const auto* const data = rows.as<typename Row::Number>();
  std::size_t q = 0;
  if constexpr (!Row::kOneByOne) {
    for (; q + 4 <= queries.count; q += 4)
      kernel_score_group<4, Row>(queries.from(q, columns), data, count, columns, scores + q * stride, stride);
    for (; q + 2 <= queries.count; q += 2)
      kernel_score_group<2, Row>(queries.from(q, columns), data, count, columns, scores + q * stride, stride);
  }
  for (; q < queries.count; ++q)
    kernel_score_group<1, Row>(queries.from(q, columns), data, count, columns, scores + q * stride, stride);
}

// sum_c query[c] * row[c], exact.
#if defined(__wasm_simd128__)
inline v128_t add_products(v128_t sum, v128_t low, v128_t high, const std::int8_t* row) noexcept {
  const v128_t bytes = wasm_v128_load(row);
  sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(wasm_i16x8_extend_low_i8x16(bytes), low));
  return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(wasm_i16x8_extend_high_i8x16(bytes), high));
}

// Four rows share the reading of the query.
inline F32 byte_sums(const std::int16_t* query, const std::int8_t* const (&row)[kLanes], std::size_t columns) noexcept {
  v128_t s0 = wasm_i32x4_splat(0), s1 = s0, s2 = s0, s3 = s0;
#pragma clang loop unroll(disable)
  for (std::size_t c = 0; c < columns; c += 16) {
    const v128_t low = wasm_v128_load(query + c), high = wasm_v128_load(query + c + 8);
    s0 = add_products(s0, low, high, row[0] + c);
    s1 = add_products(s1, low, high, row[1] + c);
    s2 = add_products(s2, low, high, row[2] + c);
    s3 = add_products(s3, low, high, row[3] + c);
  }
  const v128_t low01 = wasm_i32x4_shuffle(s0, s1, 0, 4, 1, 5), high01 = wasm_i32x4_shuffle(s0, s1, 2, 6, 3, 7);
  const v128_t low23 = wasm_i32x4_shuffle(s2, s3, 0, 4, 1, 5), high23 = wasm_i32x4_shuffle(s2, s3, 2, 6, 3, 7);
  const v128_t pairs01 = wasm_i32x4_add(low01, high01), pairs23 = wasm_i32x4_add(low23, high23);
  return F32(wasm_f32x4_convert_i32x4(
      wasm_i32x4_add(wasm_i64x2_shuffle(pairs01, pairs23, 0, 2), wasm_i64x2_shuffle(pairs01, pairs23, 1, 3))));
}
#else
inline F32 byte_sums(const std::int16_t* query, const std::int8_t* const (&row)[kLanes], std::size_t columns) noexcept {
  alignas(64) float sums[kLanes];
  for (std::size_t r = 0; r < kLanes; ++r) {
    std::int32_t sum = 0;
    for (std::size_t c = 0; c < columns; ++c) sum += std::int32_t{query[c]} * std::int32_t{row[r][c]};
    sums[r] = static_cast<float>(sum);
  }
  return F32::load_aligned(sums);
}
#endif

inline void score_bytes(const std::int16_t* query, float query_scale, const CachedRows& rows, std::size_t count,
                        std::size_t columns, float* scores) noexcept {
  const std::int8_t* const data = rows.as<std::int8_t>();
  for (std::size_t j = 0; j < count; j += kLanes) {
    const std::int8_t* row[kLanes];
    for (std::size_t r = 0; r < kLanes; ++r) row[r] = data + (j + r) * columns;
    store(scores + j, byte_sums(query, row, columns) * load(rows.scales + j) * splat(query_scale));
  }
}

// kLanes listed rows at a time; the last ones repeat the last row.
template <class Sums>
inline void score_listed(std::size_t count, float* scores, Sums&& sums) noexcept {
  for (std::size_t i = 0; i < count; i += kLanes) {
    std::size_t rows[kLanes];
    for (std::size_t r = 0; r < kLanes; ++r) rows[r] = std::min(i + r, count - 1);
    alignas(64) float found[kLanes];
    store(found, sums(rows));
    for (std::size_t r = 0; r < std::min(kLanes, count - i); ++r) scores[i + r] = found[r];
  }
}

template <std::size_t kColumns, class Row>
inline void score_listed_rows(const RowQueries& query, const ListedRows& list, std::size_t count, std::size_t columns,
                              float* scores) noexcept {
  constexpr std::size_t kTogether = 64;
  score_listed(count, scores, [&](const std::size_t* chosen) {
    if (chosen[0] % kTogether == 0)
      touch_rows([&](std::size_t i) { return list.rows[chosen[0] + i]; }, std::min(kTogether, count - chosen[0]),
                 columns * sizeof(typename Row::Number));
    F32 t[1][kLanes];
    for (std::size_t r = 0; r < kLanes; ++r) {
      const auto* const row = reinterpret_cast<const typename Row::Number*>(list.rows[chosen[r]]);
      row_sums<1, kColumns, Row>(query.floats, row, columns, Row::constants(), t, r);
    }
    return finish<Row>(t[0], query.rests, 0);
  });
}

}  // namespace

HEED_KERNEL void kernel_round_query(const float* query, std::size_t columns, std::int32_t largest_number,
                                    std::int16_t* whole, float* scale) noexcept {
  float largest = 0.0f, check = 0.0f;
  for (std::size_t c = 0; c < columns; ++c) {
    largest = std::max(largest, std::abs(query[c]));
    check += query[c] - query[c];
  }
  const auto most = static_cast<float>(largest_number);
  *scale = check == 0.0f ? largest / most : std::numeric_limits<float>::quiet_NaN();
  const float inverse = *scale >= std::numeric_limits<float>::min() ? 1.0f / *scale : 0.0f;
  for (std::size_t c = 0; c < columns; ++c) {
    const float rounded = inverse == 0.0f ? 0.0f : std::nearbyint(query[c] * inverse);
    whole[c] = static_cast<std::int16_t>(std::clamp(rounded, -most, most));
  }
}

HEED_KERNEL void kernel_row_scores(RowType type, const RowQueries& queries, const CachedRows& rows, std::size_t count,
                                   std::size_t columns, float* scores, std::size_t stride) noexcept {
  if (type == RowType::kFloat) return score_all<FloatRow>(queries, rows, count, columns, scores, stride);
  if (type == RowType::kHalf && rows.finite) return score_all<HalfRow>(queries, rows, count, columns, scores, stride);
  if (type == RowType::kHalf) return score_all<CarefulHalfRow>(queries, rows, count, columns, scores, stride);
  for (std::size_t q = 0; q < queries.count; ++q)
    score_bytes(queries.whole + q * columns, queries.scales[q], rows, count, columns, scores + q * stride);
}

HEED_KERNEL void kernel_listed_scores(RowType type, const RowQueries& query, const ListedRows& list, std::size_t count,
                                      std::size_t columns, float* scores) noexcept {
  if (count == 0) return;
  if (type == RowType::kFloat)
    return columns == 64 ? score_listed_rows<64, FloatRow>(query, list, count, 64, scores)
                         : score_listed_rows<0, FloatRow>(query, list, count, columns, scores);
  if (type == RowType::kHalf)
    return list.finite ? score_listed_rows<0, HalfRow>(query, list, count, columns, scores)
                       : score_listed_rows<0, CarefulHalfRow>(query, list, count, columns, scores);
  score_listed(count, scores, [&](const std::size_t* chosen) {
    const std::int8_t* row[kLanes];
    alignas(64) float scales[kLanes];
    for (std::size_t r = 0; r < kLanes; ++r) {
      row[r] = reinterpret_cast<const std::int8_t*>(list.rows[chosen[r]]);
      scales[r] = list.scales[chosen[r]];
    }
    return byte_sums(query.whole, row, columns) * load(scales) * splat(*query.scales);
  });
}

}  // namespace heed::simd
