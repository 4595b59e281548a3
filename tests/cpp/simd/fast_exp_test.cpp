#include "simd/fast_exp.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/compare.hpp"
#include "support/guarded.hpp"
#include "support/inputs.hpp"

namespace heed {
namespace {

float fast_exp_of(float x) {
  std::vector<float> row(simd::kLanes, x);
  return static_cast<float>(simd::kernel_fast_exp_sum(row.data(), 1));
}

TEST(FastExp, IsWithinItsBoundOverItsRangeAndCancelsOnAverage) {
  double worst = 0.0, mean = 0.0;
  constexpr int kSteps = 800000;
  for (int i = 0; i <= kSteps; ++i) {
    const float x = simd::kFastExpRange * static_cast<float>(2.0 * i / kSteps - 1.0);
    const double error = static_cast<double>(fast_exp_of(x)) / std::exp(static_cast<double>(x)) - 1.0;
    worst = std::max(worst, std::abs(error));
    mean += error / kSteps;
  }
  EXPECT_LE(worst, static_cast<double>(simd::kFastExpError));
  EXPECT_GT(worst, 0.9 * static_cast<double>(simd::kFastExpError)) << "the bound is not the bound of this function";
  EXPECT_LT(std::abs(mean), 1e-3);
}

TEST(FastExp, OfWhatIsFarBelowIsZero) {
  EXPECT_EQ(fast_exp_of(-simd::kInfinity), 0.0f);
  EXPECT_EQ(fast_exp_of(-1e6f), 0.0f);
  EXPECT_EQ(fast_exp_of(-89.0f), 0.0f);
}

// The kept terms are taken out of the sum over all: they must be the same terms, not similar ones.
TEST(FastExp, ABlockIsTheSumOfTheRowsTerms) {
  for (const std::size_t count : {std::size_t{1}, std::size_t{5}, simd::kKeyBlock}) {
    const test::Guarded<float> scores(test::gaussian(count * simd::kPanel, count, 4.0));
    alignas(64) float sums[simd::kPanel];
    simd::kernel_fast_denominator(scores.data(), count, sums);
    for (std::size_t lane = 0; lane < simd::kPanel; ++lane) {
      double expected = 0.0;
      for (std::size_t j = 0; j < count; ++j)
        expected += static_cast<double>(fast_exp_of(scores[j * simd::kPanel + lane]));
      EXPECT_TRUE(test::within(test::gamma(count) * expected, &expected, &sums[lane], 1));
    }
  }
}

TEST(FastExp, ARowAddsUpItsOwnNumbersOnly) {
  std::vector<float> row(3 * simd::kLanes, simd::kFastExpRange);
  for (std::size_t count = 1; count <= 2 * simd::kLanes; ++count) {
    for (std::size_t i = 0; i < count; ++i) row[i] = 0.25f * static_cast<float>(i % 7);
    double expected = 0.0;
    for (std::size_t i = 0; i < count; ++i) expected += static_cast<double>(fast_exp_of(row[i]));
    EXPECT_EQ(simd::kernel_fast_exp_sum(row.data(), count), expected);
  }
}

}  // namespace
}  // namespace heed
