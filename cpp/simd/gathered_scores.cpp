#include "simd/gathered_scores.hpp"

#include <algorithm>

#include "simd/madd.hpp"

namespace heed::simd {
namespace {

// Vectors of keys side by side: one chain alone waits for each of its multiply-adds.
constexpr std::size_t kTogether = 2;

inline void add_square(const float* query, const float* const* rows, std::size_t c, F32& sums) noexcept {
  F32 square[kLanes];
#pragma clang loop unroll(full)
  for (std::size_t lane = 0; lane < kLanes; ++lane) square[lane] = load(rows[lane] + c);
  xsimd::transpose(square, square + kLanes);
#pragma clang loop unroll(full)
  for (std::size_t i = 0; i < kLanes; ++i) sums = madd(splat(query[c + i]), square[i], sums);
}

}  // namespace

HEED_KERNEL void kernel_gathered_scores(const float* query, const MatrixView<const float>& keys,
                                        const std::uint32_t* indices, std::size_t count, float* scores) noexcept {
  constexpr std::size_t kKeys = kTogether * kLanes;
  const std::size_t d = keys.cols, whole = d / kLanes * kLanes;
  for (std::size_t j = 0; j < count; j += kKeys) {
    const float* rows[kKeys];
    for (std::size_t i = 0; i < kKeys; ++i) rows[i] = keys.data + indices[std::min(j + i, count - 1)] * keys.stride;
    F32 sums[kTogether];
#pragma clang loop unroll(full)
    for (std::size_t t = 0; t < kTogether; ++t) sums[t] = zero();
#pragma clang loop unroll(disable)
    for (std::size_t c = 0; c < whole; c += kLanes) {
#pragma clang loop unroll(full)
      for (std::size_t t = 0; t < kTogether; ++t) add_square(query, rows + t * kLanes, c, sums[t]);
    }
    for (std::size_t c = whole; c < d; ++c) {
      for (std::size_t t = 0; t < kTogether; ++t) {
        alignas(64) float column[kLanes];
        for (std::size_t lane = 0; lane < kLanes; ++lane) column[lane] = rows[t * kLanes + lane][c];
        sums[t] = madd(splat(query[c]), load(column), sums[t]);
      }
    }
    for (std::size_t t = 0; t < kTogether && j + t * kLanes < count; ++t) store(scores + j + t * kLanes, sums[t]);
  }
}

}  // namespace heed::simd
