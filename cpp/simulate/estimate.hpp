// A number that was measured once per repeat: its mean, and the standard error of that between the repeats.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace heed {

struct Estimate {
  double mean, error;  // the error of one repeat is NaN: not known
};

/// `pick(repeat)` is the number of that repeat.
template <class Pick>
Estimate over_repeats(std::size_t repeats, Pick&& pick) noexcept {
  double sum = 0.0, squares = 0.0;
  const auto count = static_cast<double>(repeats);
  for (std::size_t repeat = 0; repeat < repeats; ++repeat) sum += pick(repeat) / count;
  for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
    const double off = pick(repeat) - sum;
    squares += off * off;
  }
  if (repeats < 2) return {sum, std::numeric_limits<double>::quiet_NaN()};
  return {sum, std::sqrt(squares / (count * (count - 1.0)))};
}

}  // namespace heed
