#include "sparse/budget.hpp"

#include <cmath>

namespace heed {

Status validate(const Budget& budget) {
  if (budget.k != 0) return {};
  const WindowLaw& law = budget.law;
  if (!std::isfinite(law.alpha) || law.alpha <= 0.0)
    return Status::fail(ErrorCode::kInvalidArgument,
                        "keep.alpha is " + std::to_string(law.alpha) + "; it must be a positive number");
  if (!(law.exponent >= 0.0 && law.exponent <= 1.0))
    return Status::fail(ErrorCode::kInvalidArgument,
                        "keep.exponent is " + std::to_string(law.exponent) + "; it must be from 0 to 1");
  if (law.max != 0 && law.max < law.min)
    return Status::fail(ErrorCode::kInvalidArgument, "keep.max is " + std::to_string(law.max) +
                                                         "; it must be at least keep.min, " + std::to_string(law.min));
  return {};
}

}  // namespace heed
