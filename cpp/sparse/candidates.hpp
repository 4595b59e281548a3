// The candidates of one row during a top-k scan: scores and key numbers, in two ascending runs. The first run is what a
// sample or an earlier cut left, the second what was appended since.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heed {

struct Candidates {
  float* scores;           // capacity, with room for whole vectors
  std::uint32_t* indices;  // capacity
  std::size_t count;
  std::size_t first_run;
  float* spare_scores;           // capacity, for merging
  std::uint32_t* spare_indices;  // capacity
};

/// Merges the two runs into one.
void order_by_key(Candidates& row) noexcept;

/// Keeps the k that rank first, in order of key, and returns a threshold for later keys: a key may belong to the k best
/// only if its score is above it. All keys that come later have numbers above `all_before`.
float cut_to_best(Candidates& row, std::size_t k, std::uint32_t all_before) noexcept;

}  // namespace heed
