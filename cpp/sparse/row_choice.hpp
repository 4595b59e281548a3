// Which keys one row keeps, when all its scores lie in memory.
//
// Sinks, the first keys of a row, are kept before all others; then the keys that rank first (topk/order.hpp). A budget
// that speaks of probabilities is decided on the computed scores s_j and weights w_j = e^(s_j - reference), floats,
// with Z = sum_j w_j in double:
//
//   threshold   sinks, and every key with s_j >= reference + ln(threshold Z)
//   mass        sinks, and the fewest others in rank order that bring the sum of weights to mass Z; all for mass = 1
//
// then cut to the budget's limits, best first. So keys with equal scores are treated alike, but for those at a limit or
// at the last step of `mass`, where the lower index wins. A row without weight, or with a NaN score, keeps as few as
// its limits allow.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sparse/budget.hpp"

namespace heed {

/// The keys that a row sees, in ascending order; the first `sinks` of them are sinks.
struct VisibleRow {
  const float* scores;
  const float* weights;
  std::size_t count;
  std::size_t sinks;
  double sum;        // Z
  double reference;  // the largest score, 0 for none
};

std::size_t choose_entries(const VisibleRow& row, const Budget& budget) noexcept;

/// Writes the places in `row` of the `entries` keys that are kept, ascending.
void choose_places(const VisibleRow& row, std::size_t entries, std::uint32_t* places) noexcept;

}  // namespace heed
