#include "attention/scores.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/compare.hpp"
#include "support/run.hpp"
#include "support/shapes.hpp"

namespace heed {
namespace {

TEST(ScoreMatrix, HoldsTheDocumentedBits) {
  for (const std::size_t d : test::head_dims()) {
    const test::Inputs inputs = test::gaussian_inputs({.batch = 2,
                                                       .queries = 70,
                                                       .keys = 103,
                                                       .heads = 4,
                                                       .kv_heads = 2,
                                                       .head_dim = d,
                                                       .value_dim = 1,
                                                       .causal = true});
    const std::vector<float> scores = test::look(inputs, 1, 3, Look::kScores);
    for (std::size_t i = 0; i < 70; ++i) {
      const float* q = reference::query_at(inputs.tensors(), {1, i, 3});
      for (std::size_t j = 0; j < 103; ++j) {
        const float* k = reference::key_at(inputs.tensors(), {1, i, 3}, j);
        float sum = 0.0f;
        for (std::size_t c = 0; c < d; ++c) sum = std::fma(inputs.scale * q[c], k[c], sum);
        ASSERT_EQ(scores[i * 103 + j], j < 34 + i ? sum : -simd::kInfinity) << "d " << d << ", " << i << ", " << j;
      }
    }
  }
}

// Family "attention": a probability is a row of values that is 1 at its key.
TEST(ScoreMatrix, WeightsAreTheProbabilities) {
  for (const std::size_t n : test::lengths()) {
    const test::Inputs inputs = test::gaussian_inputs(test::square(n, 8, true), 2.0);
    const std::vector<float> weights = test::look(inputs, 0, 0, Look::kWeights);
    for (std::size_t i = 0; i < n; i += 1 + n / 50) {
      const test::RowError error(inputs.tensors(), {0, i, 0});
      double total = 0.0;
      for (std::size_t j = 0; j < n; ++j) {
        const double expected = j <= i ? error.p[j] : 0.0;
        const double bound = j <= i ? expected * (error.each[j] + error.mean + 4.0 * test::kUnit) + 1e-37 : 0.0;
        ASSERT_TRUE(test::within(bound, &expected, &weights[i * n + j], 1)) << "n " << n << ", " << i << ", " << j;
        total += static_cast<double>(weights[i * n + j]);
      }
      ASSERT_NEAR(total, 1.0, 4.0 * test::kUnit);
    }
  }
}

TEST(ScoreMatrix, RowsWithoutKeysAreZero) {
  const test::Inputs inputs =
      test::gaussian_inputs({.queries = 9, .keys = 4, .head_dim = 3, .value_dim = 3, .causal = true});
  const std::vector<float> weights = test::look(inputs, 0, 0, Look::kWeights);
  const std::vector<float> scores = test::look(inputs, 0, 0, Look::kScores);
  for (std::size_t i = 0; i < 5 * 4; ++i) {
    EXPECT_EQ(weights[i], 0.0f);
    EXPECT_EQ(scores[i], -simd::kInfinity);
  }
  EXPECT_EQ(weights[5 * 4], 1.0f) << "the first row with a key sees one";
}

TEST(ScoreMatrix, NanStaysInItsRow) {
  test::Inputs inputs = test::gaussian_inputs(test::square(40, 4, true));
  inputs.k[20 * 4] = NAN;
  const std::vector<float> weights = test::look(inputs, 0, 0, Look::kWeights);
  for (std::size_t i = 0; i < 40; ++i) {
    if (i < 20)
      EXPECT_TRUE(test::none_nan(&weights[i * 40], 40)) << i;
    else
      EXPECT_TRUE(test::all_nan(&weights[i * 40], i + 1)) << i;
  }
}

TEST(ScoreMatrix, GivesTheSameBitsForEveryNumberOfThreads) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(300, 8, true));
  for (const Look what : {Look::kScores, Look::kWeights}) {
    const std::vector<float> one = test::look(inputs, 0, 0, what, 1);
    EXPECT_TRUE(test::same_bits(one, test::look(inputs, 0, 0, what, 2)));
    EXPECT_TRUE(test::same_bits(one, test::look(inputs, 0, 0, what, 3)));
  }
}

TEST(ScoreMatrix, NamesAHeadThatIsNotThere) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(4, 4));
  TaskPool pool;
  std::vector<float> out(16);
  EXPECT_EQ(ScoreMatrix(inputs.problem(out.data()), 0, 1, Look::kScores, pool).status().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(ScoreMatrix(inputs.problem(out.data()), 1, 0, Look::kScores, pool).status().code,
            ErrorCode::kInvalidArgument);
}

// Properties 3 and 4 of the theory: what the set of effective entries must satisfy.
TEST(ScoreMatrix, AtMostOneOverEpsilonEntriesAreEffective) {
  for (const double sigma : {0.1, 1.0, 4.0}) {
    const test::Inputs inputs = test::gaussian_inputs(test::square(200, 16), sigma);
    const std::vector<float> weights = test::look(inputs, 0, 0, Look::kWeights);
    for (std::size_t i = 0; i < 200; ++i) {
      std::size_t before = 200;
      for (const double epsilon : {1e-4, 1e-3, 1e-2, 0.1, 0.5}) {
        std::size_t effective = 0;
        for (std::size_t j = 0; j < 200; ++j) effective += static_cast<double>(weights[i * 200 + j]) > epsilon ? 1 : 0;
        ASSERT_LE(static_cast<double>(effective), 1.0 / epsilon);
        ASSERT_LE(effective, before) << "never rises with epsilon";
        before = effective;
      }
    }
  }
}

}  // namespace
}  // namespace heed
