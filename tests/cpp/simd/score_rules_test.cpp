#include "simd/score_rules.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "simd/tail_moments.hpp"
#include "support/compare.hpp"
#include "support/inputs.hpp"

namespace heed {
namespace {

using simd::kPanel;

TEST(Softcap, IsCapTimesTanhWithinItsBound) {
  for (const float cap : {0.1f, 1.0f, 30.0f, 1000.0f}) {
    std::vector<float> scores = test::gaussian(50 * kPanel, 1, 3.0 * double{cap});
    scores[0] = 0.0f, scores[1] = 1e30f, scores[2] = -1e30f, scores[3] = simd::kInfinity, scores[4] = NAN;
    const std::vector<float> before = scores;
    simd::kernel_softcap(scores.data(), 50, cap);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (std::isnan(before[i])) {
        EXPECT_TRUE(std::isnan(scores[i]));
        continue;
      }
      const double x = static_cast<double>(before[i]), c = static_cast<double>(cap);
      EXPECT_NEAR(static_cast<double>(scores[i]), c * std::tanh(x / c),
                  4e-7 * c + 4.0 * test::kUnit * std::min(std::abs(x), c));
    }
  }
}

TEST(Bias, AddsEachLanesRow) {
  for (const std::size_t count : {std::size_t{1}, simd::kLanes, simd::kLanes + 1, simd::kKeyBlock}) {
    const std::vector<float> before = test::gaussian(count * kPanel, 1), bias = test::gaussian(kPanel * 600, 2);
    const float* rows[kPanel];
    std::vector<std::uint32_t> keys(count);
    for (std::size_t lane = 0; lane < kPanel; ++lane) rows[lane] = bias.data() + lane * 600;
    for (std::size_t j = 0; j < count; ++j) keys[j] = static_cast<std::uint32_t>(5 * j + 2);
    test::Guarded<float> plain(before), listed(before);
    simd::kernel_add_bias(plain.data(), count, rows);
    simd::kernel_add_bias_listed(listed.data(), count, rows, keys.data());
    for (std::size_t j = 0; j < count; ++j)
      for (std::size_t lane = 0; lane < kPanel; ++lane) {
        const std::size_t at = j * kPanel + lane;
        ASSERT_EQ(plain[at], before[at] + bias[lane * 600 + j]);
        ASSERT_EQ(listed[at], before[at] + bias[lane * 600 + 5 * j + 2]);
      }
    ASSERT_TRUE(plain.guards_intact() && listed.guards_intact());
  }
}

TEST(Disallow, HidesWhereTheMaskIsZeroEvenNaN) {
  std::vector<float> scores = test::gaussian(40 * kPanel, 1);
  scores[kPanel] = NAN;
  std::vector<std::uint8_t> mask(kPanel * 40);
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i % 3 == 1 ? 0 : 1;
  mask[1] = 0;
  const std::uint8_t* rows[kPanel];
  for (std::size_t lane = 0; lane < kPanel; ++lane) rows[lane] = mask.data() + lane * 40;
  test::Guarded<float> hidden(scores);
  simd::kernel_disallow(hidden.data(), 40, rows);
  for (std::size_t j = 0; j < 40; ++j)
    for (std::size_t lane = 0; lane < kPanel; ++lane) {
      const float expected = mask[lane * 40 + j] == 0 ? -simd::kInfinity : scores[j * kPanel + lane];
      ASSERT_TRUE(test::same_bits(&expected, hidden.data() + j * kPanel + lane, 1));
    }
  ASSERT_TRUE(hidden.guards_intact());
}

TEST(Hide, LeavesExactlyWindowAndSinks) {
  simd::LaneVisibility sees;
  for (std::size_t lane = 0; lane < kPanel; ++lane) {
    sees.from[lane] = static_cast<float>(4 + lane);
    sees.end[lane] = static_cast<float>(10 + lane);
  }
  sees.sinks = 3.0f;
  const std::size_t count = 40;
  std::vector<float> scores = test::gaussian(count * kPanel, 1);
  scores[39 * kPanel] = NAN;  // hidden
  std::vector<std::uint32_t> keys(count);
  for (std::size_t j = 0; j < count; ++j) keys[j] = static_cast<std::uint32_t>(j);
  test::Guarded<float> plain(scores), listed(scores);
  simd::kernel_hide(plain.data(), count, sees, 0.0f);
  simd::kernel_hide_listed(listed.data(), count, sees, keys.data());
  for (std::size_t j = 0; j < count; ++j)
    for (std::size_t lane = 0; lane < kPanel; ++lane) {
      const bool seen = j < 10 + lane && (j >= 4 + lane || j < 3);
      ASSERT_EQ(plain[j * kPanel + lane], seen ? scores[j * kPanel + lane] : -simd::kInfinity) << j << " " << lane;
      ASSERT_EQ(listed[j * kPanel + lane], plain[j * kPanel + lane]);
    }
  ASSERT_TRUE(plain.guards_intact() && listed.guards_intact());
}

// Family "reduction": each sum over the block, hidden keys left out.
TEST(TailMoments, AreTheSumsOverTheKeysThatAreSeen) {
  const std::size_t count = simd::kKeyBlock;
  std::vector<float> scores = test::gaussian(count * kPanel, 1, 2.0);
  for (std::size_t i = 0; i < scores.size(); i += 7) scores[i] = -simd::kInfinity;
  simd::PanelState state;
  state.clear();
  alignas(64) float rescale[kPanel];
  simd::BlockMoments moments;
  EXPECT_TRUE(simd::kernel_tail_moments(scores.data(), count, true, state, rescale, moments));
  for (std::size_t lane = 0; lane < kPanel; ++lane) {
    double weight = 0.0, score = 0.0, square = 0.0, product = 0.0, size = 0.0;
    for (std::size_t j = 0; j < count; ++j) {
      const double x = static_cast<double>(scores[j * kPanel + lane]) - static_cast<double>(state.reference[lane]);
      if (!std::isfinite(x)) continue;
      weight += std::exp(x), score += x, square += x * x, product += std::exp(x) * x;
      size += std::abs(std::exp(x) * x);
    }
    const double relative = test::gamma(count) + double{simd::kExpError} + 60.0 * test::kUnit;
    EXPECT_NEAR(static_cast<double>(moments.weight[lane]), weight, relative * weight);
    EXPECT_NEAR(static_cast<double>(moments.score[lane]), score, relative * std::abs(score));
    EXPECT_NEAR(static_cast<double>(moments.square[lane]), square, relative * square);
    EXPECT_NEAR(static_cast<double>(moments.product[lane]), product, relative * size);
  }
}

// Relative to 0 and relative to a reference of 0 are the same numbers, hidden keys and all.
TEST(PlainMoments, AreThoseOfAReferenceOfZero) {
  for (const std::size_t count : {1u, 2u, 95u, 96u})
    for (const bool hidden : {false, true}) {
      std::vector<float> scores = test::gaussian(simd::kKeyBlock * simd::kPanel, 12);
      for (std::size_t i = 0; hidden && i < scores.size(); i += 7) scores[i] = -simd::kInfinity;
      simd::PanelState state;
      state.clear();
      alignas(64) float rescale[simd::kPanel], sum[simd::kPanel];
      simd::BlockMoments plain, expected;
      std::fill_n(state.reference, simd::kPanel, 2.0f);  // so high that nothing moves it
      std::vector<float> above = scores;
      for (float& x : above) x += 2.0f;
      ASSERT_FALSE(simd::kernel_tail_moments(above.data(), count, hidden, state, rescale, expected));
      simd::kernel_plain_moments(scores.data(), count, hidden, plain);
      simd::kernel_plain_denominator(scores.data(), count, sum);
      for (std::size_t lane = 0; lane < simd::kPanel; ++lane) {
        // (x + 2) - 2 rounds twice.
        const float slack = 1e-5f * static_cast<float>(count);
        EXPECT_NEAR(plain.weight[lane], expected.weight[lane], slack * 100.0f);
        EXPECT_NEAR(plain.score[lane], expected.score[lane], slack);
        EXPECT_NEAR(plain.square[lane], expected.square[lane], slack * 10.0f);
        EXPECT_NEAR(plain.product[lane], expected.product[lane], slack * 1000.0f);
        EXPECT_EQ(sum[lane], plain.weight[lane]);
      }
    }
}

}  // namespace
}  // namespace heed
