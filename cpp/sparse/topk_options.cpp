#include "sparse/topk_options.hpp"

namespace heed {

Status validate(const TopKOptions& options, std::size_t heads) {
  if (options.head_budgets == nullptr) return validate(options.budget);
  for (std::size_t head = 0; head < heads; ++head) {
    Status status = validate(options.head_budgets[head], "keep[" + std::to_string(head) + "]");
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace heed
