// What a search that skips scores finds for one row of a cache.
#pragma once

#include "cache/decode_scores.hpp"
#include "topk/select.hpp"

namespace heed {

/// Whose tokens are looked for.
struct RowOfCache {
  const DecodeScores& scores;
  std::size_t layer, g, row;
  std::size_t visible;
};

struct FoundTokens {
  float* scores;           // of the best that were found, ascending by token
  std::uint32_t* tokens;   // likewise
  std::uint64_t* packed;   // working space for as many as are scored
  std::size_t wanted = 0;  // at most `visible`
  std::size_t count = 0;
  /// At least the sum of e^(s - best) over the visible tokens that were not kept, best the highest score kept; infinity
  /// where nothing is known, NaN when a score that was formed is not a number.
  double rest = 0.0;
  double known = 0.0;                 // the part of that sum of tokens whose scores were formed
  double highest = -simd::kInfinity;  // no score that was not kept exceeds it; infinity where nothing is known
  std::size_t scored = 0;             // scores that were formed
};

/// The `found.wanted` that rank first of `count` scored tokens, in any order. Returns where the cut is. None
/// may be NaN.
Cut take_best(const float* scores, const std::uint32_t* tokens, std::size_t count, FoundTokens& found) noexcept;

}  // namespace heed
