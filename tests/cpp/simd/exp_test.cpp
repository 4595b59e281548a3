#include "simd/exp.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "simd/softmax_pass.hpp"
#include "support/compare.hpp"
#include "support/guarded.hpp"

namespace heed {
namespace {

float exp_of(float x) {
  alignas(64) float lanes[simd::kLanes];
  simd::store(lanes, simd::exp(simd::splat(x), simd::exp_constants()));
  return lanes[0];
}

// Family "elementwise": kExpError + 2 u |x|, as the header promises. Every 499th float of the range, both signs.
TEST(Exp, IsWithinItsBoundOverTheWholeRange) {
  double worst = 0.0;
  float worst_at = 0.0f;
  for (const std::uint32_t sign : {0u, 0x80000000u}) {
    const auto last = std::bit_cast<std::uint32_t>(sign == 0 ? 88.0f : 87.68f);
    for (std::uint32_t magnitude = 0; magnitude <= last; magnitude += 499) {
      const float x = std::bit_cast<float>(magnitude | sign);
      const double expected = std::exp(static_cast<double>(x));
      const double bound = double{simd::kExpError} + 2.0 * test::kUnit * std::abs(static_cast<double>(x));
      const double ratio = std::abs(static_cast<double>(exp_of(x)) - expected) / expected / bound;
      if (!(ratio <= worst)) worst = ratio, worst_at = x;
    }
  }
  EXPECT_LE(worst, 1.0) << "at x = " << worst_at;
  EXPECT_GT(worst, 0.2) << "the stated bound is not the bound of this function";
}

// Close to zero the bound is the polynomial's alone.
TEST(Exp, IsWithinItsBoundAroundEveryPowerOfTwo) {
  for (int n = -126; n <= 126; ++n) {
    for (int half = 0; half < 2; ++half) {
      const auto edge = static_cast<float>((n + 0.5 * half) * std::log(2.0));
      float x = edge;
      for (int step = 0; step < 50; ++step) x = std::nextafter(x, -1000.0f);
      for (int step = 0; step < 100; ++step, x = std::nextafter(x, 1000.0f)) {
        if (x > 88.0f || x < -87.68f) continue;
        const double expected = std::exp(static_cast<double>(x));
        const double bound = double{simd::kExpError} + 2.0 * test::kUnit * std::abs(static_cast<double>(x));
        ASSERT_LE(std::abs(static_cast<double>(exp_of(x)) - expected), bound * expected) << "x = " << x;
      }
    }
  }
}

TEST(Exp, OfZeroIsExactlyOne) {
  EXPECT_EQ(exp_of(0.0f), 1.0f);
  EXPECT_EQ(exp_of(-0.0f), 1.0f);
}

TEST(Exp, IsExactlyZeroBelowItsRange) {
  for (const float x : {-87.70f, -88.0f, -100.0f, -1e3f, -1e10f, -std::numeric_limits<float>::max(), -simd::kInfinity})
    EXPECT_EQ(exp_of(x), 0.0f) << x;
  EXPECT_GT(exp_of(-87.6f), 0.0f);
}

TEST(Exp, OfNanIsNan) {
  EXPECT_TRUE(std::isnan(exp_of(NAN)));
  EXPECT_TRUE(std::isnan(exp_of(-NAN)));
}

TEST(Exp, NeverFallsAsXGrowsAcrossAStep) {
  // Where 2^n changes, the polynomial on the left and on the right must meet within the bound; more than two roundings
  // of descent would reorder weights.
  for (int n = -20; n < 3; ++n) {
    float x = static_cast<float>((n + 0.5) * std::log(2.0)) - 1e-5f;
    float before = exp_of(x);
    for (int i = 0; i < 2000; ++i) {
      x = std::nextafter(x, 100.0f);
      const float now = exp_of(x);
      ASSERT_GE(static_cast<double>(now), static_cast<double>(before) * (1.0 - 2.0 * double{simd::kExpError})) << x;
      before = now;
    }
  }
}

// Each lane on its own.
TEST(Exp, LanesDoNotMix) {
  alignas(64) float x[simd::kLanes], y[simd::kLanes];
  for (std::size_t i = 0; i < simd::kLanes; ++i) x[i] = -1.5f * static_cast<float>(i);
  x[1] = NAN;
  x[2] = -simd::kInfinity;
  simd::store(y, simd::exp(simd::load(x), simd::exp_constants()));
  for (std::size_t i = 0; i < simd::kLanes; ++i) {
    const float alone = exp_of(x[i]);
    EXPECT_TRUE(test::same_bits(&alone, y + i, 1)) << "lane " << i;
  }
}

TEST(ExpRow, WritesItsElementsAndNothingElse) {
  for (std::size_t count = 0; count <= 3 * simd::kLanes + 1; ++count) {
    test::Guarded<float> row(count);
    std::vector<float> expected(count);
    for (std::size_t i = 0; i < count; ++i) {
      row[i] = -0.37f * static_cast<float>(i);
      expected[i] = exp_of(row[i] - 1.25f);
    }
    simd::exp_row(row.data(), count, 1.25f);
    EXPECT_TRUE(test::same_bits(expected, row.values())) << count;
    EXPECT_TRUE(row.guards_intact()) << count;
  }
}

}  // namespace
}  // namespace heed
