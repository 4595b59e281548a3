#include "model/report.hpp"

namespace heed {

Status RunReport::prepare(std::size_t tokens, double* out) {
  const std::size_t rows = tokens * shape_.heads;
  if (!dropped_.resize(rows) || !bound_.resize(rows) || !kept_.resize(rows))
    return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the report of a run");
  rows_ = {dropped_.data(), bound_.data(), kept_.data()};
  out_ = out;
  ready_ = true;
  return {};
}

void RunReport::add_rows(std::size_t layer, std::size_t tokens, std::size_t length,
                         const PolicyTable& policies) noexcept {
  if (out_ == nullptr) return;
  for (std::size_t h = 0; h < shape_.heads; ++h) {
    const AttentionPolicy& policy = policies.at(layer, h);
    const AttentionShape seen{
        .queries = tokens, .keys = length, .causal = true, .window = policy.window, .sinks = policy.sinks};
    double* const sums = out_ + (layer * shape_.heads + h) * kReported;
    for (std::size_t i = 0; i < tokens; ++i) {
      const std::size_t at = h * tokens + i;
      sums[kReportRows] += 1.0;
      sums[kReportSeen] += static_cast<double>(seen.visible(i));
      sums[kReportKept] += static_cast<double>(kept_[at]);
      sums[kReportDropped] += double{dropped_[at]};
      sums[kReportBound] += double{bound_[at]};
    }
  }
}

}  // namespace heed
