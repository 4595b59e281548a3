#include "sparse/row_choice.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "topk/order.hpp"
#include "topk/select.hpp"

namespace heed {
namespace {

std::size_t entries_above(const VisibleRow& row, double threshold) noexcept {
  // Against the reference: beside scores of 1e16 and more the logarithms would be rounded away.
  const double least = std::log(threshold) + std::log(row.sum);
  std::size_t entries = row.sinks;
  for (std::size_t j = row.sinks; j < row.count; ++j) entries += double{row.scores[j]} - row.reference >= least ? 1 : 0;
  return entries;
}

std::size_t entries_for_mass(const VisibleRow& row, double mass) noexcept {
  if (mass == 1.0) return row.count;
  double wanted = mass * row.sum;
  for (std::size_t j = 0; j < row.sinks; ++j) wanted -= double{row.weights[j]};
  return row.sinks + count_to_mass(row.scores + row.sinks, row.weights + row.sinks, row.count - row.sinks, wanted);
}

}  // namespace

std::size_t choose_entries(const VisibleRow& row, const Budget& budget) noexcept {
  if (!budget.needs_scores()) return budget.entries(row.count);
  const bool weighs = row.sum > 0.0 && row.sum < std::numeric_limits<double>::infinity();
  if (!weighs) return budget.limited(0, row.count);
  return budget.limited(budget.mass != 0.0 ? entries_for_mass(row, budget.mass) : entries_above(row, budget.threshold),
                        row.count);
}

void choose_places(const VisibleRow& row, std::size_t entries, std::uint32_t* places) noexcept {
  const std::size_t sinks = std::min(row.sinks, entries);
  for (std::size_t j = 0; j < sinks; ++j) *places++ = static_cast<std::uint32_t>(j);
  if (entries == sinks) return;
  const Cut cut = kth_best(row.scores + sinks, row.count - sinks, entries - sinks);
  const std::uint32_t last = rank_key(cut.score);
  std::size_t ties = cut.ties_kept;
  for (std::size_t j = sinks; j < row.count; ++j) {
    const std::uint32_t key = rank_key(row.scores[j]);
    if (key < last || (key == last && ties == 0)) continue;
    if (key == last) --ties;
    *places++ = static_cast<std::uint32_t>(j);
  }
}

}  // namespace heed
