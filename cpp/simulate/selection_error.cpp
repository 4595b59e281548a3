#include "simulate/selection_error.hpp"

#include <cmath>

namespace heed {

SelectionError SelectionError::of(const RankedRow& row, std::size_t k, const std::uint32_t* ranks, std::size_t count,
                                  std::uint8_t* marks) noexcept {
  SelectionError error;
  std::size_t found = 0;
  double kept = 0.0, kept_squares = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    const double p = row.probability(ranks[i]);
    marks[ranks[i]] = 1;
    kept += p;
    kept_squares += p * p;
    if (ranks[i] < k)
      ++found;
    else
      error.substituted += p;
  }
  double dropped_squares = 0.0;
  for (std::size_t rank = row.size(); rank-- > 0;) {
    if (marks[rank] != 0) {
      marks[rank] = 0;
      continue;
    }
    const double p = row.probability(rank);
    error.dropped += p;
    dropped_squares += p * p;
    if (rank < k) error.missed += p;
  }
  const double factor = error.dropped / kept;
  error.recall = static_cast<double>(found) / static_cast<double>(k);
  error.l2 = std::sqrt(factor * factor * kept_squares + dropped_squares);
  return error;
}

}  // namespace heed
