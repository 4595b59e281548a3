// What a set of kept keys costs that is not the set of the k best.
//
//   missed        sum of p over keys of the k best that were not found
//   substituted   sum of p over keys that were found and are not among the k best
//   tau'          = tau + missed - substituted, the dropped mass of the set that was found    DERIVED, exact
//   l2^2          = (tau' / (1 - tau'))^2 sum_(found) p^2 + sum_(not found) p^2, as in sorted_row.hpp
#pragma once

#include "simulate/ranked_row.hpp"

namespace heed {

struct SelectionError {
  double recall = 0.0;  // of the k best
  double missed = 0.0, substituted = 0.0;
  double dropped = 0.0;  // tau', summed over the keys that were not found
  double l2 = 0.0;

  /// Of `count` ranks, each once; 1 <= k <= row.size(), and at least one key found. `marks`: room for row.size(), zero,
  /// and zero again afterwards.
  static SelectionError of(const RankedRow& row, std::size_t k, const std::uint32_t* ranks, std::size_t count,
                           std::uint8_t* marks) noexcept;
};

}  // namespace heed
