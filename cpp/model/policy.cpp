#include "model/policy.hpp"

#include <cmath>

namespace heed {
namespace {

// Anything may come; what is not a size becomes one that validate() refuses or that means nothing.
std::size_t size_from(double x) noexcept { return x > 0.0 ? static_cast<std::size_t>(std::fmin(x, 4294967295.0)) : 0; }

}  // namespace

bool AttentionPolicy::operator==(const AttentionPolicy& o) const noexcept {
  if (exact != o.exact || window != o.window || sinks != o.sinks) return false;
  return exact || (budget.k == o.budget.k && budget.law.alpha == o.budget.law.alpha &&
                   budget.law.exponent == o.budget.law.exponent && budget.law.min == o.budget.law.min &&
                   budget.law.max == o.budget.law.max && budget.mass == o.budget.mass &&
                   budget.threshold == o.budget.threshold && estimator == o.estimator && search == o.search);
}

Status validate(const AttentionPolicy& policy, const std::string& name) {
  if (policy.exact) return {};
  if (static_cast<std::size_t>(policy.estimator) > static_cast<std::size_t>(Estimator::kLinear))
    return Status::fail(ErrorCode::kInvalidArgument, name + ": there is no estimator of that number");
  if (static_cast<std::size_t>(policy.search) > static_cast<std::size_t>(ModelSearch::kByte))
    return Status::fail(ErrorCode::kInvalidArgument, name + ": there is no search of that number");
  return validate(policy.budget, name);
}

AttentionPolicy read_policy(const double* n) noexcept {
  AttentionPolicy policy;
  policy.exact = n[0] != 0.0;
  policy.window = size_from(n[1]);
  policy.sinks = size_from(n[2]);
  policy.budget.k = size_from(n[3]);
  policy.budget.law = {n[4], n[5], size_from(n[6]), size_from(n[7])};
  policy.budget.mass = n[8];
  policy.budget.threshold = n[9];
  policy.estimator = static_cast<Estimator>(static_cast<int>(size_from(n[10])));
  policy.search = static_cast<ModelSearch>(static_cast<int>(size_from(n[11])));
  return policy;
}

}  // namespace heed
