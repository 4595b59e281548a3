#include "base/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "support/compare.hpp"
#include "support/golden.hpp"
#include "support/seed.hpp"

namespace heed {
namespace {

// golden/random.txt comes from BigInt arithmetic and Math.log: another language must get the same numbers.
TEST(CounterRandom, GivesTheGoldenNumbers) {
  const test::Golden golden("random.txt");
  const std::vector<double>& halves = golden["bits"];  // high and low 32 bits of number i
  const std::vector<double>& normals = golden["normals"];
  const CounterRandom random(42, 7);
  for (std::size_t i = 0; i < halves.size() / 2; ++i) {
    EXPECT_EQ(static_cast<double>(random.bits(i) >> 32), halves[2 * i]);
    EXPECT_EQ(static_cast<double>(random.bits(i) & 0xFFFFFFFFu), halves[2 * i + 1]);
  }
  std::vector<float> filled(normals.size());
  random.fill_normal(0, filled.size(), filled.data());
  for (std::size_t i = 0; i < filled.size(); ++i)
    EXPECT_NEAR(static_cast<double>(filled[i]), normals[i], std::abs(normals[i]) * 1e-7) << i;
}

TEST(CounterRandom, FillsTheSameNumbersInAnyPieces) {
  const CounterRandom random(test::seed(), 3);
  std::vector<float> whole(101), pieces(101);
  random.fill_normal(10, whole.size(), whole.data());
  for (std::size_t i = 0; i < pieces.size();) {
    const std::size_t count = std::min<std::size_t>(1 + i % 4, pieces.size() - i);
    random.fill_normal(10 + i, count, pieces.data() + i);
    i += count;
  }
  EXPECT_TRUE(test::same_bits(whole, pieces));
}

TEST(CounterRandom, StreamsAndSeedsDiffer) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t s = 0; s < 8; ++s)
    for (std::uint64_t stream = 0; stream < 8; ++stream)
      for (std::uint64_t i = 0; i < 8; ++i) seen.insert(CounterRandom(s, stream).bits(i));
  EXPECT_EQ(seen.size(), 512u);
}

// Family "statistical": five standard errors of the moments of n independent normal numbers, and of a uniform mean.
TEST(CounterRandom, HasTheMomentsOfTheNormalDistribution) {
  constexpr std::size_t kCount = 200000;
  const CounterRandom random(test::seed(), 4);
  std::vector<float> x(kCount);
  random.fill_normal(0, kCount, x.data());
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0, neighbors = 0, uniform = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    const double z = static_cast<double>(x[i]);
    m1 += z, m2 += z * z, m3 += z * z * z, m4 += z * z * z * z;
    if (i > 0) neighbors += z * static_cast<double>(x[i - 1]);
    uniform += random.uniform(i);
  }
  const double n = kCount, error = 5.0 / std::sqrt(n);
  EXPECT_NEAR(m1 / n, 0.0, error);
  EXPECT_NEAR(m2 / n, 1.0, error * std::sqrt(2.0));
  EXPECT_NEAR(m3 / n, 0.0, error * std::sqrt(15.0));
  EXPECT_NEAR(m4 / n, 3.0, error * std::sqrt(96.0));
  EXPECT_NEAR(neighbors / n, 0.0, error);
  EXPECT_NEAR(uniform / n, 0.5, error * std::sqrt(1.0 / 12.0));
}

}  // namespace
}  // namespace heed
