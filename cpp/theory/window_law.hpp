// The dynamic window: how many entries of a row to keep at context length n.
//
//   k = clamp(ceil(alpha n^C - 1e-9), max(1, min), n)
//
// Source: section 7 of arXiv 2404.02690 proposes k = alpha n^C with alpha > 0 and 0 < C < 1; the rounding and the clamp
// are ours. The 1e-9 keeps products that are whole numbers in exact arithmetic from being rounded up.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace heed {

struct WindowLaw {
  double alpha;
  double exponent;  // C
  std::size_t min = 1;
  std::size_t max = 0;  // 0: no limit

  /// 0 for n = 0, otherwise 1 .. n.
  std::size_t entries(std::size_t n) const noexcept {
    if (n == 0) return 0;
    const double most = static_cast<double>(max == 0 ? n : std::min(max, n));
    const double wanted = std::ceil(alpha * std::pow(static_cast<double>(n), exponent) - 1e-9);
    const double least = std::min(static_cast<double>(std::max<std::size_t>(1, min)), most);
    // In this order NaN, which only an invalid law gives, becomes `most`: the cast is always defined.
    return static_cast<std::size_t>(std::max(least, std::min(most, wanted)));
  }
};

}  // namespace heed
