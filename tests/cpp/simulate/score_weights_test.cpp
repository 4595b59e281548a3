#include "simulate/score_weights.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/seed.hpp"

namespace heed {
namespace {

WeightNorms norms(Weights kind, double shape, std::size_t d, std::uint64_t seed) {
  ScoreWeights weights;
  EXPECT_TRUE(weights.reserve(d));
  weights.begin(kind, shape, d, seed);
  return weights.norms();
}

// Rows of the matrix: project() applied to the unit vectors.
std::vector<double> matrix(const ColumnPanels& panels, std::size_t d) {
  const std::size_t stride = simd::packed_stride(d);
  std::vector<float> from(simd::kKeyBlock * stride), to(from.size()), scores(simd::kKeyBlock * simd::kPanel);
  for (std::size_t i = 0; i < d; ++i) from[i * stride + i] = 1.0f;
  panels.project(from.data(), d, scores.data(), to.data());
  std::vector<double> rows(d * d);
  for (std::size_t i = 0; i < d * d; ++i) rows[i] = double{to[i / d * stride + i % d]};
  return rows;
}

TEST(ScoreWeights, OfAPowerLawHaveItsSingularValues) {
  const std::size_t d = 24;
  for (const double decay : {0.0, 0.5, 1.0, 2.0}) {
    double squares = 0.0;
    for (std::size_t i = 1; i <= d; ++i) squares += std::pow(static_cast<double>(i), -2.0 * decay);
    const WeightNorms found = norms(Weights::kPowerLaw, decay, d, test::seed());
    // Orthogonal factors in floats: an entry is off by 2^-24 of itself.
    EXPECT_NEAR(found.frobenius, std::sqrt(24.0), 1e-5);
    EXPECT_NEAR(found.spectral, std::sqrt(24.0 / squares), 1e-5);
  }
}

TEST(ScoreWeights, AreWhatProjectionApplies) {
  for (const Weights kind : {Weights::kIndependent, Weights::kTied, Weights::kLowRank, Weights::kPowerLaw}) {
    const std::size_t d = 20;
    ScoreWeights weights;
    ASSERT_TRUE(weights.reserve(32));  // room for more than it needs
    weights.begin(kind, 3.0, d, 5);
    const std::vector<double> query = matrix(weights.query(), d), key = matrix(weights.key(), d);
    double squares = 0.0, trace = 0.0;
    for (std::size_t r = 0; r < d; ++r)
      for (std::size_t c = 0; c < d; ++c) {
        double sum = 0.0;
        for (std::size_t i = 0; i < d; ++i) sum += query[r * d + i] * key[c * d + i];
        squares += sum * sum;
        if (r == c) trace += sum;
      }
    const WeightNorms found = weights.norms();
    EXPECT_NEAR(found.frobenius, std::sqrt(squares), 1e-9 * found.frobenius);
    EXPECT_NEAR(found.trace, trace, 1e-9 * found.frobenius * static_cast<double>(d));
    EXPECT_LE(found.spectral, found.frobenius);
    if (kind == Weights::kTied) {
      EXPECT_EQ(query, key);
      EXPECT_NEAR(found.frobenius, std::sqrt(static_cast<double>(d)), 1e-5);
    }
  }
}

// ||W||_2 is the largest singular value: no unit vector is stretched more, and rank 1 has no other.
TEST(ScoreWeights, SpectralNormIsTheLargestStretch) {
  const WeightNorms one = norms(Weights::kLowRank, 1.0, 16, 3);
  EXPECT_NEAR(one.spectral, one.frobenius, 1e-6 * one.frobenius);
  EXPECT_EQ(norms(Weights::kIdentity, 0.0, 9, 3).spectral, 1.0);
  EXPECT_EQ(norms(Weights::kIdentity, 0.0, 9, 3).frobenius, 3.0);
}

// Family "statistical": ||W||_F^2 / d of two independent 64 x 64 Gaussians has mean 1 and standard deviation about
// sqrt(2 / 64 * 2) / 8; ten seeds.
TEST(ScoreWeights, HaveUnitSpreadInTheMean) {
  double mean = 0.0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const WeightNorms found = norms(Weights::kIndependent, 0.0, 64, seed);
    mean += found.frobenius * found.frobenius / 64.0 / 10.0;
  }
  EXPECT_NEAR(mean, 1.0, 0.05);
}

}  // namespace
}  // namespace heed
