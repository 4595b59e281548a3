// The error families and their bounds. Every tolerance of the suite comes from here; tests/README.md derives the
// formulas. u = 2^-24, gamma_n = n u / (1 - n u).
//
//   exact        equality, bit for bit; NaN equals NaN
//   elementwise  exp: a relative error
//   reduction    a sum of n products: gamma_n sum |a_i b_i|
//   attention    RowError below
//   statistical  so many standard errors, seed fixed
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "reference/attention.hpp"
#include "simd/block.hpp"
#include "simd/exp.hpp"
#include "simd/softmax_pass.hpp"

namespace heed::test {

inline constexpr double kUnit = 0x1p-24;

inline double gamma(std::size_t n) {
  const double nu = static_cast<double>(n) * kUnit;
  return nu / (1.0 - nu);
}

/// Family "exact".
inline ::testing::AssertionResult same_bits(const float* expected, const float* actual, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const bool both_nan = std::isnan(expected[i]) && std::isnan(actual[i]);
    if (!both_nan && std::bit_cast<std::uint32_t>(expected[i]) != std::bit_cast<std::uint32_t>(actual[i]))
      return ::testing::AssertionFailure() << "element " << i << " is " << actual[i] << ", not " << expected[i];
  }
  return ::testing::AssertionSuccess();
}

inline ::testing::AssertionResult same_bits(const std::vector<float>& expected, const std::vector<float>& actual) {
  if (expected.size() != actual.size()) return ::testing::AssertionFailure() << "the sizes differ";
  return same_bits(expected.data(), actual.data(), expected.size());
}

/// |actual - expected| <= bound for `count` numbers. NaN is never within.
inline ::testing::AssertionResult within(double bound, const double* expected, const float* actual, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = static_cast<double>(actual[i]);
    if (number == expected[i]) continue;  // infinities too
    const double error = std::abs(number - expected[i]);
    if (!(error <= bound))
      return ::testing::AssertionFailure() << "element " << i << " is " << actual[i] << ", expected " << expected[i]
                                           << " within " << bound << ", off by " << error;
  }
  return ::testing::AssertionSuccess();
}

inline bool all_nan(const float* x, std::size_t count) {
  return std::all_of(x, x + count, [](float each) { return std::isnan(each); });
}
inline bool none_nan(const float* x, std::size_t count) {
  return std::none_of(x, x + count, [](float each) { return std::isnan(each); });
}

/// Family "attention". How far the computed weights of one row can be from the exact ones, relative to the latter:
/// `each` per key, and their mean under the probabilities. Also delta, the largest error of a score.
struct RowError {
  std::vector<double> scores, p, each;
  double mean = 0.0, delta = 0.0, largest_value = 0.0;
  std::size_t blocks = 0;

  RowError(const reference::Tensors& t, reference::Row row) : scores(reference::scores(t, row)) {
    p = reference::softmax(scores);
    each.resize(p.size());
    blocks = (p.size() + simd::kKeyBlock - 1) / simd::kKeyBlock;
    if (p.empty()) return;
    const double highest = *std::max_element(scores.begin(), scores.end());
    const float* q = reference::query_at(t, row);
    for (std::size_t j = 0; j < p.size(); ++j) {
      const float* k = reference::key_at(t, row, j);
      double products = 0.0;
      for (std::size_t c = 0; c < t.head_dim; ++c)
        products += std::abs(static_cast<double>(q[c]) * static_cast<double>(k[c]));
      // Softcap's slope is at most 1, its own error 4e-7 of the cap; adding a bias rounds once.
      const double score_error = gamma(t.head_dim + 2) * std::abs(t.scale) * products + 4e-7 * t.softcap +
                                 (t.bias != nullptr && std::isfinite(scores[j]) ? kUnit * std::abs(scores[j]) : 0.0);
      delta = std::max(delta, score_error);
      const double below = highest - scores[j];
      // Scores far below the maximum have weights that underflow: all of the weight is the error.
      each[j] = below > 80.0 ? 1.0
                             : std::expm1(score_error) +
                                   static_cast<double>(blocks + 1) * (double{simd::kExpError} + 2.0 * kUnit) +
                                   3.0 * kUnit * (below + 3.0 * double{simd::kSlack});
      mean += p[j] * each[j];
      const float* v = reference::value_at(t, row, j);
      for (std::size_t c = 0; c < t.value_dim; ++c)
        largest_value = std::max(largest_value, std::abs(static_cast<double>(v[c])));
    }
  }

  /// Of the output: 2 max|V| E / (1 - E) for the weights, and the sums over n weighted values and n weights.
  double output() const {
    return largest_value * (2.0 * mean / (1.0 - mean) + 2.0 * gamma(p.size()) + gamma(simd::kKeyBlock + blocks + 4));
  }

  /// Of the log-sum-exp: the relative error of the sum, and two roundings of the result.
  double log_sum(double lse) const {
    return mean / (1.0 - mean) + gamma(simd::kKeyBlock + blocks + 2) + 4.0 * kUnit * (std::abs(lse) + 10.0) + delta;
  }

  /// Of the dropped mass 1 - Z_H / Z.
  double dropped() const { return 2.0 * (mean + gamma(simd::kKeyBlock)) / (1.0 - mean) + kUnit; }

  /// Of the linear tail, beside what `estimator` says. The line is the projection of p on {1, s}: an error of p moves
  /// it by no more than itself in the 2-norm; an error delta of the scores moves the regressor; and the sums of squares
  /// are known to gamma of a block, which the fit divides by the share of the squares that is spread.
  double line(std::size_t dropped_keys, double slope, double spread, double squares) const {
    const auto n = static_cast<double>(dropped_keys);
    const double condition = spread > 0.0 ? squares / spread : 0.0;
    const double rounding = 16.0 * gamma(simd::kKeyBlock + blocks) * condition;
    return largest_value *
           (std::sqrt(n) * (2.0 * mean + dropped()) + std::abs(slope) * std::sqrt(n * spread) * rounding +
            std::abs(slope) * n * (2.0 * delta + rounding * kUnit));
  }

  /// Of an estimator's output: relative errors of the kept weights and of their denominator, the sum over them and over
  /// their values, and the mean of the dropped values times the error of tau.
  double estimator(std::size_t kept, double kept_mass) const {
    return estimator_with((mean + gamma(simd::kKeyBlock)) / kept_mass, kept);
  }

  /// The same for `renormalized`, from the errors of the kept weights alone: also for rows that keep little of the
  /// mass.
  double renormalized(const std::vector<std::uint32_t>& kept) const {
    double kept_mass = 0.0, kept_error = 0.0;
    for (const std::uint32_t j : kept) kept_mass += p[j], kept_error += p[j] * each[j];
    return estimator_with(kept_error / kept_mass + gamma(simd::kKeyBlock), kept.size());
  }

  double estimator_with(double relative, std::size_t kept) const {
    return largest_value * (2.0 * relative / (1.0 - relative) + 3.0 * gamma(kept + 4) + dropped() + 8.0 * kUnit);
  }
};

}  // namespace heed::test
