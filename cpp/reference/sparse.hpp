// The oracle for top-k rows: from the probabilities p of a row and the set H that it keeps, with T all the others,
//
//   tau = sum_T p_j     renormalized p_j / (1 - tau) on H     raw p_j on H     compensated p_j on H, tau / |T| on T
//   linear p_j on H, and on T the least-squares line of p in the scores s
//
// Each estimator is a row of weights; mix() of attention.hpp turns weights into an output.
#pragma once

#include <cstdint>
#include <vector>

namespace heed::reference {

/// tau, summed over the dropped entries themselves so that a small one keeps its digits.
double dropped_mass(const std::vector<double>& p, const std::vector<std::uint32_t>& kept);

std::vector<double> renormalized(const std::vector<double>& p, const std::vector<std::uint32_t>& kept);
std::vector<double> raw(const std::vector<double>& p, const std::vector<std::uint32_t>& kept);
std::vector<double> compensated(const std::vector<double>& p, const std::vector<std::uint32_t>& kept);

/// p_j ~ level + slope (s_j - mean) over the dropped keys; a flat line for fewer than two, or where all scores are
/// equal.
struct Line {
  double level = 0.0, slope = 0.0, mean = 0.0, spread = 0.0;  // spread: sum (s_j - mean)^2
};
Line fit_line(const std::vector<double>& p, const std::vector<double>& scores, const std::vector<std::uint32_t>& kept);

std::vector<double> linear(const std::vector<double>& p, const std::vector<double>& scores,
                           const std::vector<std::uint32_t>& kept);

}  // namespace heed::reference
