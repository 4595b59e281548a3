#include "theory/gaussian.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "theory/effective_entries.hpp"

namespace heed {
namespace {

TEST(NormalQuantile, InvertsTheDistributionFunctionToTheLastDigits) {
  for (double x = -37.0; x <= 8.0; x += 0.0625) {
    const double p = normal_cdf(x);
    // Phi(x) is known to a few units in the last place; the quantile sees them divided by the density.
    const double density = std::exp(-0.5 * x * x) / std::sqrt(2.0 * M_PI);
    const double tolerance = 8.0 * 0x1p-53 * (p / density + std::fabs(x) + 1.0);
    EXPECT_NEAR(normal_quantile(p), x, tolerance) << x;
    EXPECT_NEAR(normal_tail_quantile(p), -x, tolerance) << x;
  }
  EXPECT_EQ(normal_quantile(0.5), 0.0);
  EXPECT_EQ(normal_quantile(0.0), -HUGE_VAL);
  EXPECT_EQ(normal_quantile(1.0), HUGE_VAL);
  EXPECT_TRUE(std::isnan(normal_quantile(-1e-9)));
  EXPECT_TRUE(std::isnan(normal_quantile(NAN)));
  EXPECT_TRUE(std::isfinite(normal_quantile(5e-324)));
}

TEST(NormalTail, KeepsItsDigitsWhereTheFunctionIsOne) {
  EXPECT_NEAR(normal_tail(10.0) / 7.61985302416052606597e-24, 1.0, 1e-14);  // Abramowitz and Stegun, 26.2
  EXPECT_EQ(normal_cdf(10.0), 1.0);
}

// |S_eps| / n and k_eff as printed, for sigma = 1.
TEST(GaussianEntries, MatchThePrintedCounts) {
  const struct {
    double n, epsilon, effective, precision;
  } table[] = {{128, 1e-2, 29.1, 0.05},    {128, 1e-3, 120.3, 0.05},   {128, 1e-4, 128.0, 0.05},
               {512, 1e-2, 8.43, 0.005},   {512, 1e-3, 290.4, 0.05},   {512, 1e-4, 508.6, 0.05},
               {1024, 1e-2, 2.41, 0.005},  {1024, 1e-3, 307.4, 0.05},  {1024, 1e-4, 985.5, 0.05},
               {4096, 1e-2, 0.052, 5e-4},  {4096, 1e-3, 115.0, 0.05},  {4096, 1e-4, 2673, 0.5},
               {16384, 1e-2, 0.000, 5e-4}, {16384, 1e-3, 8.03, 0.005}, {16384, 1e-4, 2624, 0.5}};
  for (const auto& row : table) {
    const double effective = gaussian_effective_entries(row.n, row.epsilon, 1.0);
    EXPECT_NEAR(effective, row.effective, 1.0001 * row.precision) << row.n << " " << row.epsilon;
    EXPECT_NEAR(effective + row.n * gaussian_ineffective_share(row.n, row.epsilon, 1.0), row.n, 1e-9);
    EXPECT_LE(effective, effective_limit(row.n, row.epsilon)) << "no row has more";
  }
}

TEST(GaussianKeep, MatchesThePrintedShares) {
  const struct {
    double sigma, share[3], precision[3];
  } table[] = {{1, {0.611, 0.7405, 0.908}, {5e-4, 5e-5, 5e-4}},
               {2, {0.236, 0.361, 0.628}, {5e-4, 5e-4, 5e-4}},
               {3, {0.043, 0.088, 0.250}, {5e-4, 5e-4, 5e-4}},
               {4, {0.0033, 0.0093, 0.047}, {5e-5, 5e-5, 5e-4}}};
  const double dropped[] = {0.1, 0.05, 0.01};
  for (const auto& row : table) {
    for (int i = 0; i < 3; ++i) {
      EXPECT_NEAR(gaussian_keep_share(dropped[i], row.sigma), row.share[i], 1.0001 * row.precision[i])
          << row.sigma << " " << dropped[i];
    }
  }
}

TEST(GaussianKeep, InvertsTheDroppedMass) {
  for (const double sigma : {0.3, 1.0, 2.0, 4.0}) {
    for (const double dropped : {0.9, 0.5, 0.1, 0.01, 1e-6}) {
      const double k = 1e6 * gaussian_keep_share(dropped, sigma);
      EXPECT_NEAR(gaussian_dropped_mass(1e6, k, sigma) / dropped, 1.0, 1e-10) << sigma << " " << dropped;
    }
  }
  EXPECT_EQ(gaussian_dropped_mass(100, 100, 2.0), 0.0);
  EXPECT_EQ(gaussian_dropped_mass(100, 0, 2.0), 1.0);
  EXPECT_EQ(gaussian_row_error(100, 100, 2.0), 0.0);
}

// The closed forms against what they describe: quantiles of the normal distribution in place of random scores.
TEST(GaussianErrors, AgreeWithARowOfQuantiles) {
  const std::size_t n = 200'000;
  for (const double sigma : {0.5, 1.0, 1.5}) {
    for (const std::size_t k : {200u, 2000u, 50'000u}) {
      double z = 0.0, kept = 0.0, kept_square = 0.0, rest_square = 0.0;
      for (std::size_t j = 0; j < n; ++j) {
        const double weight =
            std::exp(sigma * normal_tail_quantile((static_cast<double>(j) + 0.5) / static_cast<double>(n)));
        z += weight;
        (j < k ? kept_square : rest_square) += weight * weight;
        if (j < k) kept += weight;
      }
      const double tau = 1.0 - kept / z;
      const double l2 = std::sqrt(tau * tau / ((1 - tau) * (1 - tau)) * kept_square + rest_square) / z;
      const auto count = static_cast<double>(n), keep = static_cast<double>(k);
      // The row has no scores beyond its last quantile; the closed forms count these shares of the sums there.
      const double last = normal_tail_quantile(0.5 / count);
      const double mass_beyond = normal_tail(last - sigma), square_beyond = normal_tail(last - 2.0 * sigma);
      EXPECT_NEAR(gaussian_dropped_mass(count, keep, sigma) / tau, 1.0, mass_beyond + 1e-5) << sigma << " " << k;
      const double in_odds = mass_beyond / (1.0 - tau);
      EXPECT_NEAR(gaussian_row_error(count, keep, sigma) / l2, 1.0, square_beyond + in_odds) << sigma << " " << k;
    }
  }
}

TEST(EffectiveEntries, CountsWhatExceedsEpsilonInSize) {
  const double u[] = {0.5, -0.3, 0.1, 0.1, 0.0};
  EXPECT_EQ(count_effective(u, 5, 0.1), 2u) << "an entry of exactly epsilon is ineffective";
  EXPECT_EQ(count_effective(u, 5, 0.0), 4u);
  EXPECT_EQ(effective_limit(1000, 0.01), 100.0);
  EXPECT_EQ(effective_limit(50, 0.01), 50.0);
  EXPECT_NEAR(largest_probability(1000, 2.0), std::exp(2.0) / 1000, 1e-18);
  EXPECT_EQ(largest_probability(10, 5.0), 1.0);
}

}  // namespace
}  // namespace heed
