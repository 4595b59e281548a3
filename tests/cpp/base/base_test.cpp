#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

#include "base/buffer.hpp"
#include "base/checked_math.hpp"
#include "base/half.hpp"
#include "base/number_text.hpp"
#include "support/compare.hpp"

namespace heed {
namespace {

TEST(CheckedProduct, SaysWhenItDoesNotFit) {
  const std::size_t most = SIZE_MAX;
  EXPECT_TRUE(checked_product({}).fits);
  EXPECT_EQ(checked_product({}).value, 1u);
  EXPECT_EQ(checked_product({3, 5, 7}).value, 105u);
  EXPECT_TRUE(checked_product({most, 1}).fits);
  EXPECT_TRUE(checked_product({most / 2, 2}).fits);
  EXPECT_FALSE(checked_product({most / 2 + 1, 2}).fits);
  EXPECT_FALSE(checked_product({most, most, 3}).fits);
  EXPECT_TRUE(checked_product({0, most, most}).fits) << "nothing times anything is nothing";
}

TEST(NumberText, HasTheDecimalsThatAreNeeded) {
  EXPECT_EQ(number_text(0.5), "0.5");
  EXPECT_EQ(number_text(-3.0), "-3");
  EXPECT_EQ(number_text(12.000001), "12.000001");
  EXPECT_EQ(number_text(0.9999999), "1");
  EXPECT_EQ(number_text(-INFINITY), "-1e15 or more");
  EXPECT_EQ(number_text(NAN), "NaN");
}

TEST(RoundUp, GivesTheNextMultiple) {
  EXPECT_EQ(round_up(0, 16), 0u);
  EXPECT_EQ(round_up(1, 16), 16u);
  EXPECT_EQ(round_up(16, 16), 16u);
  EXPECT_EQ(round_up(17, 6), 18u);
}

TEST(Buffer, IsAlignedAndGivesEverythingBack) {
  const std::size_t before = live_bytes();
  {
    Buffer<float> buffer;
    for (const std::size_t size : {1u, 15u, 16u, 17u, 1000u, 3u}) {
      ASSERT_TRUE(buffer.resize(size));
      EXPECT_EQ(buffer.size(), size);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % kAlignment, 0u);
      std::memset(buffer.data(), 1, size * sizeof(float));
      EXPECT_GE(live_bytes() - before, size * sizeof(float));
    }
    Buffer<float> other = std::move(buffer);
    EXPECT_EQ(other.size(), 3u);
    EXPECT_EQ(buffer.data(), nullptr);  // NOLINT(bugprone-use-after-move): what is left is promised
    ASSERT_TRUE(other.resize(0));
    EXPECT_EQ(other.size(), 0u);
    EXPECT_EQ(live_bytes(), before);
    ASSERT_TRUE(other.resize(100));
  }
  EXPECT_EQ(live_bytes(), before);
}

TEST(Buffer, IsCountedRightOnEveryThread) {
  const std::size_t before = live_bytes();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 20000; ++i) EXPECT_TRUE(Buffer<float>().resize(64));
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(live_bytes(), before);
}

TEST(Buffer, ReportsWhatCannotBeHad) {
  Buffer<double> buffer;
  ASSERT_TRUE(buffer.resize(4));
  EXPECT_FALSE(buffer.resize(SIZE_MAX / 4)) << "the bytes wrap";
  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_EQ(allocate(SIZE_MAX), nullptr);
}

// Every half there is, against the definition of the format.
TEST(WidenHalf, IsExactForAllHalves) {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const int exponent = (half >> 10) & 31, fraction = half & 1023;
    const float sign = (half & 0x8000u) != 0 ? -1.0f : 1.0f;
    float expected;
    if (exponent == 31)
      expected = fraction != 0 ? NAN : sign * INFINITY;
    else if (exponent == 0)
      expected = sign * std::ldexp(static_cast<float>(fraction), -24);
    else
      expected = sign * std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
    const float actual = widen_half(half);
    ASSERT_TRUE(test::same_bits(&expected, &actual, 1)) << "half " << bits;
  }
}

}  // namespace
}  // namespace heed
