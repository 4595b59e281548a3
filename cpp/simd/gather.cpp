#include "simd/gather.hpp"

#include "simd/madd.hpp"

namespace heed::simd {
namespace {

// What is summed over the chosen rows: the first with the weights, the second as it is, the third with the scores.
struct Sums {
  float* weighted;
  float* plain;
  float* scored;
};

struct Chosen {
  const std::uint32_t* indices;
  const float* weights;
  const float* scores;
  std::size_t count;
};

// kVectors vectors of columns from column `first`, kSums of the three sums.
template <std::size_t kVectors, int kSums>
inline void gather_columns(const MatrixView<const float>& values, const Chosen& chosen, std::size_t first,
                           const Sums& to) noexcept {
  F32 weighted[kVectors], plain[kVectors], scored[kVectors];
#pragma clang loop unroll(full)
  for (std::size_t v = 0; v < kVectors; ++v) weighted[v] = plain[v] = scored[v] = zero();
  for (std::size_t i = 0; i < chosen.count; ++i) {
    const float* row = values.data + chosen.indices[i] * values.stride + first;
    const F32 w = splat(chosen.weights[i]);
    F32 s = zero();
    if constexpr (kSums > 2) s = splat(chosen.scores[i]);
#pragma clang loop unroll(full)
    for (std::size_t v = 0; v < kVectors; ++v) {
      const F32 x = load(row + v * kLanes);
      weighted[v] = madd(w, x, weighted[v]);
      if constexpr (kSums > 1) plain[v] = plain[v] + x;
      if constexpr (kSums > 2) scored[v] = madd(s, x, scored[v]);
    }
  }
#pragma clang loop unroll(full)
  for (std::size_t v = 0; v < kVectors; ++v) {
    store(to.weighted + first + v * kLanes, weighted[v]);
    if constexpr (kSums > 1) store(to.plain + first + v * kLanes, plain[v]);
    if constexpr (kSums > 2) store(to.scored + first + v * kLanes, scored[v]);
  }
}

template <int kSums>
inline void gather(const MatrixView<const float>& values, const Chosen& chosen, const Sums& to) noexcept {
  constexpr std::size_t kWide = kSums == 1 ? 8 : 4;  // 8 to 12 accumulators
  std::size_t c = 0;
  for (; c + kWide * kLanes <= values.cols; c += kWide * kLanes) gather_columns<kWide, kSums>(values, chosen, c, to);
  for (; c + kLanes <= values.cols; c += kLanes) gather_columns<1, kSums>(values, chosen, c, to);
  for (; c < values.cols; ++c) {
    float weighted = 0.0f, plain = 0.0f, scored = 0.0f;
    for (std::size_t i = 0; i < chosen.count; ++i) {
      const float x = values.data[chosen.indices[i] * values.stride + c];
      weighted += chosen.weights[i] * x;
      plain += x;
      if constexpr (kSums > 2) scored += chosen.scores[i] * x;
    }
    to.weighted[c] = weighted;
    if constexpr (kSums > 1) to.plain[c] = plain;
    if constexpr (kSums > 2) to.scored[c] = scored;
  }
}

}  // namespace

HEED_KERNEL void kernel_gather(const MatrixView<const float>& values, const std::uint32_t* indices,
                               const float* weights, std::size_t count, float* out) noexcept {
  gather<1>(values, {indices, weights, nullptr, count}, {out, nullptr, nullptr});
}

HEED_KERNEL void kernel_gather_with_sum(const MatrixView<const float>& values, const std::uint32_t* indices,
                                        const float* weights, std::size_t count, float* out, float* plain) noexcept {
  gather<2>(values, {indices, weights, nullptr, count}, {out, plain, nullptr});
}

HEED_KERNEL void kernel_gather_with_scores(const MatrixView<const float>& values, const std::uint32_t* indices,
                                           const float* weights, const float* scores, std::size_t count, float* out,
                                           float* plain, float* scored) noexcept {
  gather<3>(values, {indices, weights, scores, count}, {out, plain, scored});
}

HEED_KERNEL void kernel_add_rows(const MatrixView<const float>& values, Range range, double* sum) noexcept {
  for (std::size_t i = range.begin; i < range.end; ++i) {
    const float* row = values.row(i);
    for (std::size_t c = 0; c < values.cols; ++c) sum[c] += static_cast<double>(row[c]);
  }
}

}  // namespace heed::simd
