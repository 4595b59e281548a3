#include "simd/row_filter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/inputs.hpp"
#include "support/shapes.hpp"

namespace heed {
namespace {

using simd::kPanel;

std::size_t above(const std::vector<float>& scores, std::size_t lane, float threshold) {
  std::size_t count = 0;
  for (std::size_t j = lane; j < scores.size(); j += kPanel) count += scores[j] > threshold ? 1 : 0;
  return count;
}

TEST(SampleThreshold, IsExceededByAtLeastTheWantedNumberAndNotManyMore) {
  for (const std::size_t count : {std::size_t{96}, std::size_t{480}}) {
    const std::vector<float> scores = test::gaussian(count * kPanel, count, 3.0);
    alignas(64) float wanted[kPanel], threshold[kPanel];
    for (std::size_t lane = 0; lane < kPanel; ++lane) wanted[lane] = 2.5f * static_cast<float>(lane + 1);
    simd::kernel_sample_threshold(scores.data(), count, wanted, threshold);
    for (std::size_t lane = 0; lane < kPanel; ++lane) {
      const std::size_t exceed = above(scores, lane, threshold[lane]);
      EXPECT_GE(static_cast<float>(exceed), wanted[lane]) << "lane " << lane;
      // The last interval is 2^-9 of a range of about 7 deviations; the density is at most 0.4 a deviation.
      EXPECT_LE(static_cast<double>(exceed),
                static_cast<double>(wanted[lane]) + 4.0 + 0.02 * static_cast<double>(count));
    }
  }
}

// Where the wanted number cannot be had, the threshold is the lowest score or less; never NaN.
TEST(SampleThreshold, IsANumberWhateverTheScores) {
  std::vector<float> scores(96 * kPanel, 1.0f);
  for (std::size_t j = 0; j < 96; ++j) {
    scores[j * kPanel + 1] = -simd::kInfinity;
    scores[j * kPanel + 2] = j % 2 == 0 ? simd::kInfinity : -simd::kInfinity;
    scores[j * kPanel + 3] = j % 3 == 0 ? NAN : static_cast<float>(j);
    scores[j * kPanel + 4] = NAN;
    scores[j * kPanel + 5] = j % 2 == 0 ? 3e38f : -3e38f;
  }
  alignas(64) float wanted[kPanel], threshold[kPanel];
  std::fill_n(wanted, kPanel, 10.0f);
  simd::kernel_sample_threshold(scores.data(), 96, wanted, threshold);
  for (std::size_t lane = 0; lane < kPanel; ++lane) ASSERT_FALSE(std::isnan(threshold[lane])) << "lane " << lane;
  EXPECT_EQ(threshold[0], 1.0f);
  EXPECT_GE(above(scores, 3, threshold[3]), 10u);
  EXPECT_GE(above(scores, 5, threshold[5]), 10u);
}

TEST(CountRow, CountsWhatExceedsEachThreshold) {
  for (std::size_t count = 0; count < 40; ++count) {
    std::vector<float> x = test::whole_numbers(count, count, 3);
    x.resize(round_up(count, simd::kLanes), -simd::kInfinity);
    const simd::Above counted = simd::kernel_count_row(x.data(), count, -2.0f, 0.0f, 2.5f);
    const auto expected = [&](float t) {
      return static_cast<std::size_t>(std::count_if(x.begin(), x.end(), [t](float each) { return each > t; }));
    };
    EXPECT_EQ(counted.low, expected(-2.0f));
    EXPECT_EQ(counted.middle, expected(0.0f));
    EXPECT_EQ(counted.high, expected(2.5f));
    EXPECT_EQ(simd::kernel_row_max(x.data(), count),
              count == 0 ? -simd::kInfinity : *std::max_element(x.begin(), x.end()));
  }
}

TEST(RowMin, IsTheSmallestOfItsNumbersAndOfNoOthers) {
  for (const std::size_t n : test::around({simd::kLanes, 2 * simd::kLanes, 4 * simd::kLanes})) {
    const test::Guarded<float> x(test::gaussian(n, 5));
    EXPECT_EQ(simd::kernel_row_min(x.data(), n), *std::min_element(x.data(), x.data() + n)) << n;
  }
  EXPECT_EQ(simd::kernel_row_min(nullptr, 0), simd::kInfinity);
}

}  // namespace
}  // namespace heed
