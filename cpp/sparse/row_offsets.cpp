#include "sparse/row_offsets.hpp"

#include "sparse/topk_options.hpp"

namespace heed {
namespace {

// entries(row) for rows 0, 1, ...
template <class Entries>
bool write_totals(std::size_t rows, std::uint32_t* offsets, Entries&& entries) noexcept {
  std::uint64_t total = 0;
  *offsets++ = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    total += entries(row);
    if (total > UINT32_MAX) return false;
    *offsets++ = static_cast<std::uint32_t>(total);
  }
  return true;
}

}  // namespace

bool entries_known(const AttentionProblem& problem, const TopKOptions& options) noexcept {
  if (problem.shape.queries == 0) return true;
  if (!problem.mask.empty()) return false;
  for (std::size_t head = 0; head < problem.shape.heads; ++head)
    if (options.budget_of(head).needs_scores()) return false;
  return true;
}

bool write_offsets(const AttentionProblem& problem, const TopKOptions& options, std::uint32_t* offsets) noexcept {
  const AttentionShape& shape = problem.shape;
  return write_totals(shape.batch * shape.queries * shape.heads, offsets, [&](std::size_t row) {
    return options.budget_of(row % shape.heads).entries(shape.visible(row / shape.heads % shape.queries));
  });
}

bool write_offsets(const AttentionShape& shape, const Budget& budget, std::uint32_t* offsets) noexcept {
  return write_offsets(AttentionProblem{.shape = shape}, TopKOptions{.budget = budget}, offsets);
}

bool write_offsets(const std::uint32_t* kept, std::size_t rows, std::uint32_t* offsets) noexcept {
  return write_totals(rows, offsets, [&](std::size_t row) { return kept[row]; });
}

}  // namespace heed
