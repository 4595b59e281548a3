#include "simd/softmax_pass.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/compare.hpp"
#include "support/inputs.hpp"

namespace heed {
namespace {

using simd::kPanel;

simd::PanelState fresh() {
  simd::PanelState state;
  state.clear();
  return state;
}

double term_bound(double x) { return double{simd::kExpError} + 3.0 * test::kUnit * (std::abs(x) + 1.0); }

TEST(SoftmaxPass, WeightsAndSumAreThoseOfTheFormula) {
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{7}, simd::kKeyBlock}) {
    const std::vector<float> scores = test::gaussian(count * kPanel, count, 5.0);
    test::Guarded<float> weights(scores);
    simd::PanelState state = fresh();
    alignas(64) float rescale[kPanel];
    ASSERT_TRUE(simd::kernel_softmax(weights.data(), count, state, rescale));
    for (std::size_t lane = 0; lane < kPanel; ++lane) {
      float highest = -simd::kInfinity;
      for (std::size_t j = 0; j < count; ++j) highest = std::max(highest, scores[j * kPanel + lane]);
      ASSERT_EQ(state.reference[lane], highest) << "the first block sets the reference to its maximum";
      double sum = 0.0, bound = 0.0;
      for (std::size_t j = 0; j < count; ++j) {
        const double x = static_cast<double>(scores[j * kPanel + lane]) - static_cast<double>(highest);
        const double w = std::exp(x);
        ASSERT_TRUE(test::within(term_bound(x) * w, &w, &weights[j * kPanel + lane], 1));
        sum += w;
        bound += term_bound(x) * w;
      }
      ASSERT_TRUE(test::within(bound + test::gamma(count) * sum, &sum, &state.sum[lane], 1));
    }
    EXPECT_TRUE(weights.guards_intact());
  }
}

TEST(SoftmaxPass, TheReferenceMovesOnlyBeyondTheSlackAndRescalesWhatWasThere) {
  simd::PanelState state = fresh();
  alignas(64) float rescale[kPanel];
  std::vector<float> block(kPanel, 1.0f);
  ASSERT_TRUE(simd::kernel_softmax(block.data(), 1, state, rescale));
  for (float& x : block) x = 1.0f + 6.9f;
  EXPECT_FALSE(simd::kernel_softmax(block.data(), 1, state, rescale)) << "6.9 is within the slack of 6.93";
  EXPECT_EQ(state.reference[0], 1.0f);
  EXPECT_LT(block[0], 1024.0f);

  const std::vector<float> sums(state.sum, state.sum + kPanel);
  for (float& x : block) x = -3.0f;
  block[2] = 9.0f;  // lane 2 alone
  ASSERT_TRUE(simd::kernel_softmax(block.data(), 1, state, rescale));
  for (std::size_t lane = 0; lane < kPanel; ++lane) {
    const double shift = lane == 2 ? -8.0 : 0.0;
    EXPECT_EQ(state.reference[lane], lane == 2 ? 9.0f : 1.0f);
    if (lane != 2) EXPECT_EQ(rescale[lane], 1.0f) << "a lane that stays is not touched";
    const double factor = std::exp(shift);
    EXPECT_TRUE(test::within(term_bound(shift) * factor, &factor, &rescale[lane], 1));
    const double sum = static_cast<double>(sums[lane]) * factor + std::exp(lane == 2 ? 0.0 : -4.0);
    EXPECT_TRUE(test::within(2.0 * term_bound(8.0) * sum, &sum, &state.sum[lane], 1));
  }
}

TEST(SoftmaxPass, AMaskedKeyWeighsExactlyNothing) {
  simd::PanelState state = fresh();
  alignas(64) float rescale[kPanel];
  std::vector<float> block(3 * kPanel, -simd::kInfinity);
  EXPECT_FALSE(simd::kernel_softmax(block.data(), 3, state, rescale));
  for (const float w : block) EXPECT_EQ(w, 0.0f);
  for (std::size_t lane = 0; lane < kPanel; ++lane) {
    EXPECT_EQ(state.reference[lane], -simd::kInfinity);
    EXPECT_EQ(state.sum[lane], 0.0f);
  }
  // Then one lane sees a key; the others still see none.
  block.assign(2 * kPanel, -simd::kInfinity);
  block[kPanel + 1] = -500.0f;
  ASSERT_TRUE(simd::kernel_softmax(block.data(), 2, state, rescale));
  for (std::size_t lane = 0; lane < kPanel; ++lane) {
    EXPECT_EQ(state.sum[lane], lane == 1 ? 1.0f : 0.0f);
    EXPECT_EQ(block[lane], 0.0f);
    EXPECT_FALSE(std::isnan(rescale[lane]));
  }
}

TEST(SoftmaxPass, NanSpoilsItsOwnLaneOnly) {
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
    simd::PanelState state = fresh();
    alignas(64) float rescale[kPanel];
    std::vector<float> block = test::gaussian(3 * kPanel, 1);
    block[at * kPanel + 3] = NAN;
    simd::kernel_softmax(block.data(), 3, state, rescale);
    for (std::size_t lane = 0; lane < kPanel; ++lane) {
      EXPECT_EQ(std::isnan(state.sum[lane]), lane == 3);
      EXPECT_FALSE(std::isnan(state.reference[lane])) << "NaN never raises a reference";
    }
  }
}

TEST(SoftmaxPass, ScoresOfAnySizeDoNotOverflow) {
  simd::PanelState state = fresh();
  alignas(64) float rescale[kPanel];
  for (const float level : {-1e30f, -1e4f, 0.0f, 1e4f, 3e38f}) {
    std::vector<float> block(2 * kPanel, level);
    simd::kernel_softmax(block.data(), 2, state, rescale);
    for (std::size_t lane = 0; lane < kPanel; ++lane) EXPECT_EQ(state.sum[lane], 2.0f) << level;
  }
}

TEST(Denominator, IsTheSumOfTheSoftmaxAndLeavesTheScores) {
  simd::PanelState a = fresh(), b = fresh();
  alignas(64) float rescale_a[kPanel], rescale_b[kPanel], sum[kPanel];
  for (std::uint64_t round = 0; round < 6; ++round) {
    std::vector<float> scores = test::gaussian(simd::kKeyBlock * kPanel, round, 3.0 * static_cast<double>(round + 1));
    std::vector<float> weights = scores;
    for (float& each : a.sum) each = 0.0f;
    const bool moved = simd::kernel_softmax(weights.data(), simd::kKeyBlock, a, rescale_a);
    const std::vector<float> untouched = scores;
    ASSERT_EQ(simd::kernel_denominator(scores.data(), simd::kKeyBlock, b, rescale_b, sum), moved);
    EXPECT_TRUE(test::same_bits(untouched, scores));
    EXPECT_TRUE(test::same_bits(a.sum, sum, kPanel));
    EXPECT_TRUE(test::same_bits(a.reference, b.reference, kPanel));
    if (moved) EXPECT_TRUE(test::same_bits(rescale_a, rescale_b, kPanel));
    EXPECT_EQ(b.sum[0], 0.0f) << "the state's sum is left alone";
  }
}

}  // namespace
}  // namespace heed
