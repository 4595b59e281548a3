// The mean of an even sample of a head's keys, in float. A constant added to every key moves all scores of a row alike
// and so never changes which keys are best: taken off before keys are rounded or hashed, it costs no precision.
//
// Keys that are not finite, or so large that their squares overflow, take no part.
#pragma once

#include "base/view.hpp"

namespace heed {

/// Squares of what is below this, and products of two such norms, stay far inside the range of float.
inline constexpr double kLargestNorm = 1e18;

inline constexpr std::size_t kCenterSample = 1024;

/// `center` has keys.cols numbers.
void find_center(const MatrixView<const float>& keys, float* center) noexcept;

}  // namespace heed
