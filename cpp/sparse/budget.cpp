#include "sparse/budget.hpp"

#include <cmath>

#include "base/number_text.hpp"

namespace heed {
namespace {

Status wrong(const std::string& what, double value, const char* legal) {
  return Status::fail(ErrorCode::kInvalidArgument, what + " is " + number_text(value) + "; it must be " + legal);
}

}  // namespace

Status validate(const Budget& budget, const std::string& name) {
  const WindowLaw& law = budget.law;
  if ((budget.k != 0) + (budget.mass != 0.0) + (budget.threshold != 0.0) > 1)
    return Status::fail(ErrorCode::kInvalidArgument,
                        name + " has several of k, mass and threshold; it must have one of them, or alpha");
  if (!(budget.mass >= 0.0 && budget.mass <= 1.0))
    return wrong(name + ".mass", budget.mass, "greater than 0 and at most 1");
  if (!(budget.threshold >= 0.0 && budget.threshold < 1.0))
    return wrong(name + ".threshold", budget.threshold, "greater than 0 and less than 1");
  if (budget.k == 0 && !budget.needs_scores()) {
    if (!std::isfinite(law.alpha) || law.alpha <= 0.0) return wrong(name + ".alpha", law.alpha, "a positive number");
    if (!(law.exponent >= 0.0 && law.exponent <= 1.0)) return wrong(name + ".exponent", law.exponent, "from 0 to 1");
  }
  if (law.max != 0 && law.max < law.min)
    return Status::fail(ErrorCode::kInvalidArgument, name + ".max is " + std::to_string(law.max) +
                                                         "; it must be at least " + name + ".min, " +
                                                         std::to_string(law.min));
  return {};
}

}  // namespace heed
