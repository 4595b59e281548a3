// Exact selection of the k best from scores already computed.
//
// kth_best() is a radix select: four rounds over one byte of rank_key() each, every round keeping to the bin that holds
// it. 4 passes of a few operations and 1024 counters, whatever the distribution; no comparison sort, no worst case.
//
// keep_best() works on the hundred or so candidates of a row, where the counters alone would cost more than the rest.
// It looks for a number that separates the k best from the others by counting, and takes the radix select where there
// is none, because scores tie at the cut. Neither moves the scores, so candidates stay in the order of their keys.
//
// count_to_mass() is the radix select with weights in the place of counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/view.hpp"

namespace heed {

/// The k-th best of `count` scores, and how many of the scores equal to it are among the first k.
struct Cut {
  float score;
  std::size_t ties_kept;
};

/// 1 <= k <= count.
Cut kth_best(const float* scores, std::size_t count, std::size_t k) noexcept;

/// A number that exactly k of the scores exceed, 0 < k < count; none where scores tie at the cut, or their spread is
/// not finite. `scores` must have room for whole vectors; no score is NaN.
std::optional<float> separator(float* scores, std::size_t count, std::size_t k) noexcept;

/// Moves the candidates [from) with a score above the limit to places `to` <= from.begin and following, in the order
/// they are in; returns the place after the last.
std::size_t move_above(float* scores, std::uint32_t* indices, Range from, std::size_t to, float limit) noexcept;

/// Keeps the k that rank first of `count` candidates whose indices ascend, in the order they are in. k <= count.
/// Returns the score of the k-th best. `scores` must have room for whole vectors (simd::kLanes); no score is NaN.
float keep_best(float* scores, std::uint32_t* indices, std::size_t count, std::size_t k) noexcept;

/// How many of `count` scores, taken in rank order, it takes for their weights to add up to `wanted`; `count` when all
/// of them do not. Equal scores must have equal weights, none of them negative or NaN. The weights are added in double,
/// by the bytes of their scores.
std::size_t count_to_mass(const float* scores, const float* weights, std::size_t count, double wanted) noexcept;

/// The first min(k, count) in rank order: index into `scores`, and the score. Returns how many.
std::size_t select_top_k(const float* scores, std::size_t count, std::size_t k, std::uint32_t* indices,
                         float* values) noexcept;

}  // namespace heed
