#include "cache/topk_options.hpp"

#include <algorithm>

namespace heed {

bool CacheTopKOptions::needs_scores(std::size_t heads) const noexcept {
  for (std::size_t head = 0; head < heads; ++head)
    if (budget_of(head).needs_scores()) return true;
  return false;
}

std::size_t CacheTopKOptions::most_entries(std::size_t heads, std::size_t tokens) const noexcept {
  std::size_t most = 0;
  for (std::size_t head = 0; head < heads; ++head) most = std::max(most, budget_of(head).entries(tokens));
  return most;
}

Status validate(const CacheTopKOptions& options, std::size_t heads) {
  return validate(TopKOptions{.budget = options.budget, .head_budgets = options.head_budgets}, heads);
}

bool needs_whole_rows(const DecodeProblem& problem, const CacheTopKOptions& options) noexcept {
  const bool ruled = problem.window != 0 || problem.sinks != 0 || problem.softcap != 0.0 || !problem.mask.empty();
  return ruled || options.certificates.wanted() || options.only_count || options.needs_scores(problem.heads);
}

}  // namespace heed
