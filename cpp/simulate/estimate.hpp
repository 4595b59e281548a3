// A number that was measured once per repeat, or once per row of every repeat: its mean, and the standard error of that
// between the repeats where there are several, otherwise between the rows. Those share their keys: the second kind is
// too small where keys matter.
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
  for (std::size_t repeat = 0; repeat < repeats; ++repeat) sum += pick(repeat);
  sum /= count;  // once, so that the mean of ones is one
  for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
    const double off = pick(repeat) - sum;
    squares += off * off;
  }
  if (repeats < 2) return {sum, std::numeric_limits<double>::quiet_NaN()};
  return {sum, std::sqrt(squares / (count * (count - 1.0)))};
}

/// `pick(repeat, row)` is the number of that row.
template <class Pick>
Estimate over_draws(std::size_t repeats, std::size_t rows, Pick&& pick) noexcept {
  if (repeats < 2) return over_repeats(rows, [&](std::size_t row) { return pick(std::size_t{0}, row); });
  return over_repeats(repeats, [&](std::size_t repeat) {
    return over_repeats(rows, [&](std::size_t row) { return pick(repeat, row); }).mean;
  });
}

/// sum over / sum under, 1 where there is nothing under it; the error to first order, that of the mean of
/// (over - ratio under) / mean under.
template <class Over, class Under>
Estimate ratio_over_draws(std::size_t repeats, std::size_t rows, Over&& over, Under&& under) noexcept {
  const double top = over_draws(repeats, rows, over).mean, bottom = over_draws(repeats, rows, under).mean;
  if (!(bottom > 0.0)) return {1.0, 0.0};
  const double ratio = top / bottom;
  const double error = over_draws(repeats, rows, [&](std::size_t repeat, std::size_t row) {
                         return (over(repeat, row) - ratio * under(repeat, row)) / bottom;
                       }).error;
  return {ratio, error};
}

}  // namespace heed
