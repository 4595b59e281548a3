#include <gtest/gtest.h>

#include <cmath>

#include "support/golden.hpp"
#include "theory/gaussian.hpp"
#include "theory/window_law.hpp"

namespace heed {
namespace {

TEST(WindowLaw, RoundsUpButNotWholeNumbers) {
  const auto k = [](double alpha, double exponent, std::size_t n) { return WindowLaw{alpha, exponent}.entries(n); };
  EXPECT_EQ(k(1.0, 0.5, 1024), 32u);
  EXPECT_EQ(k(1.0, 0.5, 1023), 32u);
  EXPECT_EQ(k(1.0, 0.5, 1025), 33u);
  EXPECT_EQ(k(1.0, 1.0 / 3.0, 1000), 10u) << "the power is 9.99...98 in double";
  EXPECT_EQ(k(1.0, 1.0 / 3.0, 64), 4u);
  EXPECT_EQ(k(0.07, 1.0, 100), 7u) << "0.07 * 100 is 7.000000000000001 in double";
  EXPECT_EQ(k(0.55, 1.0, 100), 55u) << "55.00000000000001";
  EXPECT_EQ(k(0.14, 0.5, 2500), 7u) << "7.000000000000001";
  EXPECT_EQ(k(0.7, 1.0, 10), 7u);
  EXPECT_EQ(k(3.0, 0.25, 4096), 24u);
  EXPECT_EQ(k(1.0, 0.001, 1000), 2u) << "1000^(1/1000) is 1.0069";
}

TEST(WindowLaw, IsTheFixedWindowAndDenseAttentionAtTheEnds) {
  for (std::size_t n = 1; n < 300; ++n) {
    EXPECT_EQ((WindowLaw{64.0, 0.0}.entries(n)), std::min<std::size_t>(64, n));
    EXPECT_EQ((WindowLaw{1.0, 1.0}.entries(n)), n);
  }
}

TEST(WindowLaw, StaysBetweenItsLimits) {
  EXPECT_EQ((WindowLaw{1.0, 0.5}.entries(0)), 0u);
  EXPECT_EQ((WindowLaw{1.0, 0.5, 10}.entries(0)), 0u);
  EXPECT_EQ((WindowLaw{1.0, 0.5, 10}.entries(4)), 4u) << "min above n keeps everything";
  EXPECT_EQ((WindowLaw{1.0, 0.5, 10}.entries(50)), 10u);
  EXPECT_EQ((WindowLaw{1.0, 0.5, 0}.entries(50)), 8u) << "min 0 is min 1";
  EXPECT_EQ((WindowLaw{1e-9, 0.5, 0}.entries(50)), 1u);
  EXPECT_EQ((WindowLaw{1.0, 0.5, 1, 20}.entries(10000)), 20u);
  EXPECT_EQ((WindowLaw{1.0, 0.5, 1, 20}.entries(7)), 3u);
  EXPECT_EQ((WindowLaw{1e300, 1.0}.entries(50)), 50u);
}

TEST(WindowLaw, NeverFallsAsTheContextGrows) {
  for (const WindowLaw law :
       {WindowLaw{1.0, 0.5}, WindowLaw{0.3, 0.9}, WindowLaw{5.0, 0.001}, WindowLaw{2.0, 0.5, 9, 40}}) {
    for (std::size_t n = 1; n < 5000; ++n) ASSERT_LE(law.entries(n - 1), law.entries(n)) << n;
  }
}

TEST(WindowLaw, MatchesTheGoldenValues) {
  const test::Golden golden("theory.txt");
  const std::vector<double>& rows = golden["window"];
  ASSERT_GE(rows.size(), 6u * 20u);
  for (std::size_t i = 0; i < rows.size(); i += 6) {
    const WindowLaw law{rows[i + 1], rows[i + 2], static_cast<std::size_t>(rows[i + 3]),
                        static_cast<std::size_t>(rows[i + 4])};
    EXPECT_EQ(static_cast<double>(law.entries(static_cast<std::size_t>(rows[i]))), rows[i + 5])
        << "n " << rows[i] << ", alpha " << rows[i + 1] << ", C " << rows[i + 2];
  }
}

TEST(NormalCdf, MatchesTheGoldenValuesAndItsSymmetry) {
  const test::Golden golden("theory.txt");
  const std::vector<double>& rows = golden["normal"];
  for (std::size_t i = 0; i < rows.size(); i += 2) {
    const double x = rows[i], expected = rows[i + 1];
    EXPECT_NEAR(normal_cdf(x), expected, 1e-8 * expected) << x;  // nine digits of the file
    EXPECT_NEAR(normal_cdf(x) + normal_cdf(-x), 1.0, 1e-15) << x;
  }
  EXPECT_EQ(normal_cdf(0.0), 0.5);
}

// Section 7.1 of the theory, as printed there: four digits.
TEST(GaussianShare, MatchesTheTableOfTheTheory) {
  const double epsilon[] = {1e-2, 1e-3, 1e-4};
  const struct {
    double n, share[3];
  } table[] = {{128, {0.7724, 0.0599, 0.0001}},
               {512, {0.9835, 0.4327, 0.0067}},
               {1024, {0.9976, 0.6998, 0.0376}},
               {4096, {1.0000, 0.9719, 0.3473}},
               {16384, {1.0000, 0.9995, 0.8398}}};
  for (const auto& row : table)
    for (int e = 0; e < 3; ++e)
      EXPECT_NEAR(gaussian_ineffective_share(row.n, epsilon[e], 1.0), row.share[e], 0.5001e-4)
          << row.n << " " << epsilon[e];
}

TEST(GaussianShare, MatchesTheGoldenValues) {
  const test::Golden golden("theory.txt");
  const std::vector<double>& rows = golden["share"];
  ASSERT_GE(rows.size(), 4u * 15u);
  for (std::size_t i = 0; i < rows.size(); i += 4)
    EXPECT_NEAR(gaussian_ineffective_share(rows[i], rows[i + 1], rows[i + 2]), rows[i + 3], 1e-8 * rows[i + 3] + 1e-15)
        << "n " << rows[i] << ", epsilon " << rows[i + 1] << ", sigma " << rows[i + 2];
}

TEST(GaussianShare, IsAStepWithoutSpread) {
  EXPECT_EQ(gaussian_ineffective_share(100.0, 0.009, 0.0), 0.0);
  EXPECT_EQ(gaussian_ineffective_share(100.0, 0.011, 0.0), 1.0);
  EXPECT_EQ(gaussian_ineffective_share(64.0, 0.015625, 0.0), 1.0) << "an entry of exactly epsilon is not above it";
}

TEST(GaussianShare, NeverFallsWithEpsilonOrN) {
  for (const double sigma : {0.5, 1.0, 2.0})
    for (double n = 64; n < 1e5; n *= 1.7)
      for (double epsilon = 1e-5; epsilon < 1.0; epsilon *= 2.0) {
        const double share = gaussian_ineffective_share(n, epsilon, sigma);
        EXPECT_LE(share, gaussian_ineffective_share(n, epsilon * 1.5, sigma));
        EXPECT_LE(share, gaussian_ineffective_share(n * 1.5, epsilon, sigma));
      }
}

}  // namespace
}  // namespace heed
