// The two register tiles against plain loops. Natively madd() is fused, so the documented order of summation gives the
// bits, not only a bound.
#include <gtest/gtest.h>

#include <cmath>

#include "simd/score_tile.hpp"
#include "simd/value_tile.hpp"
#include "support/compare.hpp"
#include "support/inputs.hpp"
#include "support/shapes.hpp"

namespace heed {
namespace {

using simd::kPanel;

const std::vector<std::size_t>& key_counts() {
  static const std::vector<std::size_t> counts = [] {
    std::vector<std::size_t> all = test::around({simd::kKeyTile, 2 * simd::kKeyTile});
    all.insert(all.end(), {31, 95, 96});
    return all;
  }();
  return counts;
}

TEST(ScoreTile, IsTheDocumentedChainBitForBit) {
  for (const std::size_t d : test::head_dims()) {
    const std::size_t stride = simd::packed_stride(d);
    for (const std::size_t count : key_counts()) {
      const std::size_t readable = round_up(count, simd::kKeyTile);
      const std::vector<float> panel = test::gaussian(d * kPanel, 1), keys = test::gaussian(readable * stride, 2);
      test::Guarded<float> scores(readable * kPanel);
      simd::scores(panel.data(), keys.data(), count, d, scores.data());
      for (std::size_t j = 0; j < count; ++j)
        for (std::size_t lane = 0; lane < kPanel; ++lane) {
          float sum = 0.0f;
          for (std::size_t c = 0; c < d; ++c) sum = std::fma(panel[c * kPanel + lane], keys[j * stride + c], sum);
          ASSERT_EQ(scores[j * kPanel + lane], sum) << "d " << d << ", key " << j << " of " << count;
        }
      ASSERT_TRUE(scores.guards_intact());
    }
  }
}

// Family "reduction", against double: the chain above could be the wrong chain in both places.
TEST(ScoreTile, IsWithinTheBoundOfADotProduct) {
  const std::size_t d = 300, stride = simd::packed_stride(d);
  const std::vector<float> panel = test::gaussian(d * kPanel, 1), keys = test::gaussian(6 * stride, 2);
  std::vector<float> scores(6 * kPanel);
  simd::scores(panel.data(), keys.data(), 6, d, scores.data());
  for (std::size_t j = 0; j < 6; ++j)
    for (std::size_t lane = 0; lane < kPanel; ++lane) {
      double sum = 0.0, magnitude = 0.0;
      for (std::size_t c = 0; c < d; ++c) {
        const double product =
            static_cast<double>(panel[c * kPanel + lane]) * static_cast<double>(keys[j * stride + c]);
        sum += product;
        magnitude += std::abs(product);
      }
      EXPECT_TRUE(test::within(test::gamma(d) * magnitude, &sum, &scores[j * kPanel + lane], 1));
    }
}

TEST(ValueTile, AddsTheRowsInTheOrderOfTheKeys) {
  for (const std::size_t dim : test::head_dims()) {
    const std::size_t columns = round_up(dim, 2), stride = simd::packed_stride(columns);
    for (const std::size_t count : key_counts()) {
      const std::vector<float> weights = test::gaussian(count * kPanel, 3), values = test::gaussian(count * stride, 4);
      const std::vector<float> before = test::gaussian(columns * kPanel, 5);
      test::Guarded<float> out(before);
      simd::add_values(weights.data(), values.data(), count, columns, out.data());
      for (std::size_t c = 0; c < columns; ++c)
        for (std::size_t lane = 0; lane < kPanel; ++lane) {
          float sum = before[c * kPanel + lane];
          for (std::size_t j = 0; j < count; ++j)
            sum = std::fma(weights[j * kPanel + lane], values[j * stride + c], sum);
          ASSERT_EQ(out[c * kPanel + lane], sum) << "columns " << columns << ", keys " << count << ", column " << c;
        }
      ASSERT_TRUE(out.guards_intact());
    }
  }
}

TEST(ValueTile, NoKeysChangeNothing) {
  const std::vector<float> before = test::gaussian(6 * kPanel, 5);
  std::vector<float> out = before;
  simd::add_values(nullptr, nullptr, 0, 6, out.data());
  EXPECT_TRUE(test::same_bits(before, out));
}

// A weight of 0 is what a hidden key has.
TEST(CarefulValues, AWeightOfZeroAddsNothingWhateverTheValue) {
  const std::size_t columns = 6, stride = simd::packed_stride(columns), count = kPanel + 3;
  std::vector<float> weights = test::gaussian(count * kPanel, 6), values = test::gaussian(count * stride, 7);
  const std::vector<float> before = test::gaussian(columns * kPanel, 8);
  for (std::size_t lane = 0; lane < kPanel; ++lane)
    for (std::size_t j = lane; j < count; ++j) weights[j * kPanel + lane] = 0.0f;
  for (std::size_t c = 0; c < columns; ++c) values[(kPanel - 2) * stride + c] = c % 2 == 0 ? NAN : INFINITY;
  test::Guarded<float> out(before);
  simd::kernel_values_careful(weights.data(), values.data(), count, columns, stride, out.data());
  for (std::size_t c = 0; c < columns; ++c)
    for (std::size_t lane = 0; lane < kPanel; ++lane) {
      float sum = before[c * kPanel + lane];
      for (std::size_t j = 0; j < lane; ++j) sum = std::fma(weights[j * kPanel + lane], values[j * stride + c], sum);
      if (lane == kPanel - 1) {
        ASSERT_FALSE(std::isfinite(out[c * kPanel + lane])) << "the last lane sees the key that is not finite";
      } else {
        ASSERT_EQ(out[c * kPanel + lane], sum) << "column " << c << ", lane " << lane;
      }
    }
  ASSERT_TRUE(out.guards_intact());
}

TEST(CompensatedAddition, KeepsWhatRoundingTakes) {
  const std::size_t columns = 4, size = columns * kPanel;
  std::vector<float> out(size, 1.0f), low(size, 0.0f);
  for (int i = 0; i < 1000; ++i) {
    std::vector<float> part(size, 1e-8f);  // lost one by one: half an ulp of 1 is 6e-8
    simd::kernel_add_compensated(part.data(), columns, out.data(), low.data());
    ASSERT_EQ(part, std::vector<float>(size, 0.0f));
  }
  for (std::size_t i = 0; i < size; ++i)
    ASSERT_NEAR(static_cast<double>(out[i]) - 1.0 + static_cast<double>(low[i]), 1000.0 * double{1e-8f}, 1e-10);
}

TEST(Rescale, MultipliesEveryColumnByTheFactorOfItsLane) {
  const std::vector<float> before = test::gaussian(5 * kPanel, 9), factor = test::gaussian(kPanel, 10);
  test::Guarded<float> out(before);
  simd::kernel_rescale(factor.data(), 5, out.data());
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i], before[i] * factor[i % kPanel]);
  EXPECT_TRUE(out.guards_intact());
}

}  // namespace
}  // namespace heed
