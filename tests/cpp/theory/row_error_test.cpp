#include "theory/row_error.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.hpp"
#include "support/seed.hpp"
#include "theory/concentration.hpp"
#include "theory/necessity.hpp"
#include "theory/sufficiency.hpp"

namespace heed {
namespace {

// s = [2, 1, 0, -1], k = 2: six printed digits.
TEST(RowError, MatchesTheTinyCase) {
  const double scores[] = {2.0, 1.0, 0.0, -1.0};
  const RowError row = row_error(scores, 4, 2);
  const double half = 0.5001e-6;
  EXPECT_NEAR(row.dropped, 0.119203, half);
  EXPECT_NEAR(row.l1, 0.238406, half);
  EXPECT_NEAR(row.l2, 0.131316, half);
  EXPECT_NEAR(row.l_infinity, 0.087144, half);
  EXPECT_NEAR(row.divergence, 0.126928, half);
  EXPECT_NEAR(row.chi_squared, 0.135335, half);
  EXPECT_NEAR(row.single_gap, 0.268941, half);
  EXPECT_NEAR(row.head_aware, 0.165189, half);
  EXPECT_NEAR(row.entropy, 0.947537, half);
  EXPECT_NEAR(row.participation, 2.086111, half);
  EXPECT_NEAR(row.l2_bounds.lower, 0.084289, half);
  EXPECT_NEAR(row.l2_bounds.upper, 0.267973, half);
}

struct Drawn {
  std::vector<double> scores;  // sorted
  std::size_t k;
};

Drawn draw(std::size_t which) {
  const CounterRandom random(test::seed(), 900 + which);
  const auto n = static_cast<std::size_t>(2 + random.bits(0) % 63);
  std::vector<float> normal(n);
  random.fill_normal(100, n, normal.data());
  const double spread[] = {0.1, 1.0, 3.0, 20.0};
  Drawn drawn{{}, 1 + static_cast<std::size_t>(random.bits(1) % n)};
  for (const float x : normal) {
    // Every third row has many ties.
    const double score = spread[which % 4] * double{x};
    drawn.scores.push_back(which % 3 == 0 ? std::round(score) : score);
  }
  std::sort(drawn.scores.rbegin(), drawn.scores.rend());
  return drawn;
}

// The identities of the header against the definitions, written out over the two rows of probabilities.
TEST(RowError, IdentitiesHoldTo1e12) {
  for (std::size_t which = 0; which < 2000; ++which) {
    const auto [scores, k] = draw(which);
    const std::size_t n = scores.size();
    std::vector<double> p(n), spar(n, 0.0);
    double z = 0.0, zh = 0.0;
    for (std::size_t j = n; j-- > 0;) z += p[j] = std::exp(scores[j] - scores[0]);
    for (std::size_t j = k; j-- > 0;) zh += p[j];
    double l1 = 0.0, l2 = 0.0, most = 0.0, kl = 0.0, chi = 0.0, entropy = 0.0, square = 0.0, tau = 0.0;
    for (std::size_t j = n; j-- > 0;) {
      if (j < k) spar[j] = p[j] / zh;
      if (j >= k) tau += p[j] / z;
      p[j] /= z;
      const double difference = std::fabs(spar[j] - p[j]);
      l1 += difference;
      l2 += difference * difference;
      most = std::max(most, difference);
      if (spar[j] > 0.0) kl += spar[j] * std::log(spar[j] / p[j]);
      chi += p[j] > 0.0 ? (spar[j] - p[j]) * (spar[j] - p[j]) / p[j] : 0.0;
      if (p[j] > 0.0) entropy -= p[j] * std::log(p[j]);
      square += p[j] * p[j];
    }
    const RowError row = row_error(scores.data(), n, k);
    const double eps = 1e-12;
    EXPECT_NEAR(row.dropped, tau, eps * tau) << which;
    EXPECT_NEAR(row.l1, l1, eps) << which;
    EXPECT_NEAR(row.l2, std::sqrt(l2), eps) << which;
    EXPECT_NEAR(row.l_infinity, most, eps) << which;
    EXPECT_NEAR(row.divergence, kl, eps) << which;
    EXPECT_NEAR(row.chi_squared, chi, eps * std::max(1.0, chi)) << which;
    EXPECT_NEAR(row.entropy, entropy, eps * std::max(1.0, entropy)) << which;
    EXPECT_NEAR(row.participation, 1.0 / square, eps / square) << which;
    EXPECT_NEAR(kept_divergence(row.dropped), row.divergence, eps) << which;
    EXPECT_NEAR(kept_chi_squared(row.dropped), row.chi_squared, eps * std::max(1.0, chi)) << which;
  }
}

TEST(RowError, EveryBoundHoldsOnEveryRow) {
  for (std::size_t which = 0; which < 2000; ++which) {
    const auto [scores, k] = draw(which);
    const auto n = static_cast<double>(scores.size()), keep = static_cast<double>(k);
    const RowError row = row_error(scores.data(), scores.size(), k);
    if (k == scores.size()) {
      EXPECT_EQ(row.dropped, 0.0);
      EXPECT_EQ(row.l2, 0.0);
      continue;
    }
    const double up = 1.0 + 1e-12;
    EXPECT_LE(row.dropped, row.head_aware * up) << which;
    EXPECT_LE(row.head_aware, row.single_gap * up) << which;
    EXPECT_LE(row.l2_bounds.lower, row.l2 * up) << which;
    EXPECT_LE(row.l2, row.l2_bounds.upper * up) << which;
    EXPECT_LE(row.l2, row_error_limit(keep, scores[0] - scores[k - 1]) * up) << which;
    EXPECT_LE(row_error_at_least(row.dropped, keep), row.l2 * up) << which;
    EXPECT_LE(dropped_at_least(n, keep, scores.front() - scores.back()), row.dropped * up) << which;
    EXPECT_LE(row.l2 / std::sqrt(n), matrix_norm_limit(n)) << which;
    // Two blocks of dropped keys, each with its exact maximum.
    const std::size_t middle = (k + scores.size()) / 2;
    double log_kept = 0.0, rest = 0.0;
    for (std::size_t j = 0; j < k; ++j) log_kept += std::exp(scores[j] - scores[0]);
    if (middle > k) rest += static_cast<double>(middle - k) * std::exp(scores[k] - scores[0]);
    rest += static_cast<double>(scores.size() - middle) * std::exp(scores[middle] - scores[0]);
    const double blockwise = blockwise_bound(std::log(log_kept), std::log(rest));
    EXPECT_LE(row.dropped, blockwise * up) << which;
    EXPECT_LE(blockwise, row.head_aware * up) << which;
  }
}

TEST(Certificates, AreZeroWhereNothingIsDropped) {
  EXPECT_EQ(single_gap_bound(8, 8, 0.0), 0.0);
  EXPECT_EQ(head_aware_bound(8, 9, 0.0, 0.0), 0.0);
  EXPECT_EQ(blockwise_bound(1.0, -HUGE_VAL), 0.0);
  EXPECT_EQ(single_gap_bound(8, 2, HUGE_VAL), 0.0);
  EXPECT_EQ(single_gap_bound(8, 0, 0.0), 1.0);
}

// Independent N(0, 1) scores, n = 4096, k = 64: the single gap says 0.984 where 0.876 is dropped.
TEST(Certificates, TheSingleGapSaysLittleOnRandomScores) {
  std::vector<float> normal(4096);
  CounterRandom(test::seed(), 31).fill_normal(0, normal.size(), normal.data());
  std::vector<double> scores(normal.begin(), normal.end());
  std::sort(scores.rbegin(), scores.rend());
  const RowError row = row_error(scores.data(), scores.size(), 64);
  EXPECT_NEAR(row.dropped, 0.876, 0.03);
  EXPECT_GT(row.single_gap, 0.98);
  EXPECT_LT(row.head_aware, row.single_gap);
}

TEST(Certificates, TheScoreErrorBoundIsMetByItsWorstCase) {
  for (const double error : {1e-3, 0.1, 1.0, 3.0}) {
    // Two groups; the one that gains holds 1 / (1 + e^error).
    const double p = 1.0 / (1.0 + std::exp(error));
    const double gained = p * std::exp(error) / (p * std::exp(error) + (1 - p) * std::exp(-error));
    EXPECT_NEAR(gained - p, score_error_bound(error), 1e-15) << error;
    EXPECT_EQ(score_error_span_bound(2.0 * error), score_error_bound(error));
  }
  for (std::size_t which = 0; which < 500; ++which) {
    const auto [scores, k] = draw(which);
    const CounterRandom random(test::seed(), 5000 + which);
    double z = 0.0, moved_z = 0.0, variation = 0.0, least = 1.0, most = -1.0;
    std::vector<double> error(scores.size());
    for (std::size_t j = 0; j < scores.size(); ++j) {
      error[j] = 0.7 * (2.0 * random.uniform(j) - 1.0);
      least = std::min(least, error[j]);
      most = std::max(most, error[j]);
      z += std::exp(scores[j] - scores[0]);
      moved_z += std::exp(scores[j] - scores[0] + error[j]);
    }
    for (std::size_t j = 0; j < scores.size(); ++j) {
      const double p = std::exp(scores[j] - scores[0]);
      variation += 0.5 * std::fabs(p / z - p * std::exp(error[j]) / moved_z);
    }
    EXPECT_LE(variation, score_error_bound(0.7)) << which;
    EXPECT_LE(variation, score_error_span_bound(most - least) * (1 + 1e-12) + 1e-15) << which;
  }
}

TEST(Concentration, TheBoundIsKeptByBoundedInputs) {
  // Rademacher rows times a vector: Hoeffding's case. 1 - delta of all experiments; here none of 200 x 4096 may exceed.
  const double n = 64, delta = 1e-4;
  const double factor = concentration_factor(n, delta);
  EXPECT_NEAR(factor, std::sqrt(2.0 * std::log(2.0 * n * n / delta)), 1e-12);
  EXPECT_TRUE(concentrates_at_radius(n, delta, factor * factor));
  EXPECT_FALSE(concentrates_at_radius(n, delta, 0.99 * factor * factor));
  EXPECT_NEAR(gaussian_input_bound(100, 64, 0.01), std::sqrt(2.0 * std::log(2.0 * 6400 / 0.01)), 1e-12);
}

TEST(Sufficiency, TheMassThresholdSeparatesRisingFromFallingErrors) {
  EXPECT_NEAR(row_error_rate(0.5, 0.1), 0.2, 1e-15);
  EXPECT_LT(row_error_rate(0.1, 0.2), 0.0);
  EXPECT_NEAR(mass_exponent(0.5), 0.75, 1e-15);
  EXPECT_EQ(mass_exponent(1.1), 0.0);
}

}  // namespace
}  // namespace heed
