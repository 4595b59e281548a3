// Outputs, dropped mass and its bound against the oracle.
#include <gtest/gtest.h>

#include <cmath>

#include "support/golden.hpp"
#include "support/qkv.hpp"
#include "support/topk_checks.hpp"

namespace heed {
namespace {

constexpr Estimator kEstimators[] = {Estimator::kRenormalized, Estimator::kRaw, Estimator::kCompensated,
                                     Estimator::kLinear};

void expect_estimates(const test::Inputs& inputs, std::initializer_list<std::size_t> ks) {
  for (const std::size_t k : ks)
    for (const Estimator estimator : kEstimators) {
      SCOPED_TRACE(::testing::Message() << "k " << k << ", estimator " << static_cast<int>(estimator));
      test::expect_estimate(inputs, estimator, test::attend_topk(inputs, {.k = k}, estimator));
    }
}

TEST(TopKEstimators, MatchTheReferenceOnRandomInputs) {
  for (const double sigma : {0.3, 1.0, 4.0})
    expect_estimates(test::gaussian_inputs(test::square(200, 16, true), sigma), {1, 8, 50, 199});
}

TEST(TopKEstimators, MatchTheReferenceForEveryKindOfShape) {
  for (const bool causal : {false, true})
    for (const Layout layout : {Layout::kTokenMajor, Layout::kHeadMajor})
      for (const auto& [queries, keys] : {std::pair<std::size_t, std::size_t>{40, 130}, {300, 41}, {1, 300}}) {
        const AttentionShape shape{.batch = 2,
                                   .queries = queries,
                                   .keys = keys,
                                   .heads = 4,
                                   .kv_heads = 2,
                                   .head_dim = 9,
                                   .value_dim = 35,
                                   .layout = layout,
                                   .causal = causal};
        expect_estimates(test::gaussian_inputs(shape, 2.0), {6});
      }
}

// Tokens around a few centers: many nearly equal scores, and values that depend on the keys.
TEST(TopKEstimators, MatchTheReferenceOnClusteredInputs) {
  const std::size_t n = 240, d = 8;
  std::vector<float> centers = test::gaussian(6 * d, 20, 3.0), keys = test::gaussian(n * d, 21, 0.1);
  for (std::size_t i = 0; i < n * d; ++i) keys[i] += centers[i / d % 6 * d + i % d];
  expect_estimates(test::Inputs(test::square(n, d, true), test::gaussian(n * d, 22), keys, keys), {4, 40, 100});
}

TEST(TopKEstimators, MatchTheReferenceOnRealAttention) {
  for (const int layer : {0, 3, 6}) {
    SCOPED_TRACE(::testing::Message() << "layer " << layer);
    expect_estimates(test::real_inputs(layer), {8, 64});
  }
}

TEST(TopKEstimators, MatchTheReferenceOnHugeScores) {
  test::Inputs inputs = test::gaussian_inputs(test::square(150, 4, true));
  inputs.scale = 2500.0f;
  expect_estimates(inputs, {1, 8});
}

// Scores that climb by more than the slack in every block: the reference moves, and everything summed is rescaled.
TEST(TopKEstimators, MatchTheReferenceWhenTheReferenceKeepsMoving) {
  for (const float step : {0.02f, 0.1f, -0.1f, 1.0f}) {
    std::vector<float> keys(900);
    for (std::size_t j = 0; j < keys.size(); ++j) keys[j] = step * static_cast<float>(j);
    const test::Inputs inputs({.queries = 20, .keys = 900, .head_dim = 1, .value_dim = 3}, test::gaussian(20, 1), keys,
                              test::gaussian(2700, 3));
    expect_estimates(inputs, {1, 30, 300});
  }
}

// Scores around 8000 that differ by about 1: rounding of the scores is what moves the mass, and the bound must know.
TEST(TopKEstimators, MatchTheReferenceOnLargeScoresCloseTogether) {
  const std::size_t n = 300, d = 8;
  std::vector<float> queries = test::gaussian(n * d, 25, 0.1), keys = test::gaussian(n * d, 26, 0.4);
  for (float& x : queries) x += 1.0f;
  for (std::size_t i = 0; i < n * d; ++i) keys[i] += i % d == 0 ? 1000.0f : 1000.0f + static_cast<float>(i % d);
  test::Inputs inputs(test::square(n, d, true), queries, keys, test::gaussian(n * d, 27));
  inputs.scale = 1.0f;
  expect_estimates(inputs, {1, 20, 100});
}

// Dropped scores near to each other and far from 0, which small scores are summed relative to: the line through them is
// taken as flat.
TEST(TopKEstimators, MatchTheReferenceOnDroppedScoresCloseTogether) {
  const AttentionShape shape{.queries = 12, .keys = 40, .head_dim = 4, .value_dim = 3};
  for (std::uint64_t stream = 0; stream < 10; ++stream)
    for (const double width : {0.003, 0.01, 0.018}) {
      SCOPED_TRACE(::testing::Message() << "stream " << stream << ", width " << width);
      std::vector<float> keys = test::gaussian(test::key_size(shape), 4 * stream + 1, width);
      for (float& x : keys) x += 1.0f;
      std::vector<float> queries = test::gaussian(test::query_size(shape), 4 * stream, 0.3);
      for (std::size_t i = 0; i < queries.size(); ++i) queries[i] += static_cast<float>(i / 4) / 3.0f;  // of any size
      expect_estimates({shape, queries, keys, test::gaussian(test::value_size(shape), 4 * stream + 2)}, {1, 7});
    }
}

// A key whose products with values overflow, and queries that do not see its large number.
TEST(TopKEstimators, AreNumbersWhereASumOfKeysTimesValuesOverflows) {
  for (const bool causal : {false, true}) {
    test::Inputs inputs = test::gaussian_inputs(test::square(150, 4, causal));
    inputs.k[4 * 20] = 3e38f;
    inputs.v[4 * 20 + 1] = 2.5f;
    for (std::size_t i = 0; i < 150; ++i) inputs.q[4 * i] = 0.0f;
    expect_estimates(inputs, {1, 8});
  }
}

TEST(TopKEstimators, MatchTheReferenceOnTies) {
  expect_estimates(test::tied_inputs(test::square(200, 4, true), 2), {5, 50});
}

TEST(TopKEstimators, KeepingEverythingIsExactAttention) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(270, 8, true), 2.0);
  const test::Exact exact = test::attend(inputs);
  for (const Estimator estimator : kEstimators) {
    for (const std::size_t k : {std::size_t{270}, std::size_t{10000}}) {
      const test::Sparse all = test::attend_topk(inputs, {.k = k}, estimator);
      for (const reference::Row row : inputs.each_row()) {
        const test::RowError error(inputs.tensors(), row);
        const std::size_t at = inputs.out_at(row);
        const std::vector<double> expected(exact.out.begin() + static_cast<std::ptrdiff_t>(at),
                                           exact.out.begin() + static_cast<std::ptrdiff_t>(at + 8));
        ASSERT_TRUE(test::within(error.output() + error.estimator(k, 1.0), expected.data(), &all.out[at], 8));
        ASSERT_EQ(all.dropped[row.query], 0.0f);
        ASSERT_EQ(all.bound[row.query], 0.0f);
      }
    }
  }
}

// Property 9: compensation is exact when attention is uniform.
TEST(TopKEstimators, CompensationIsExactForUniformAttention) {
  const AttentionShape shape = test::square(300, 4);
  const test::Inputs inputs(shape, std::vector<float>(1200, 1.0f), std::vector<float>(1200, 0.5f),
                            test::gaussian(1200, 3));
  const test::Exact exact = test::attend(inputs);
  for (const std::size_t k : {std::size_t{1}, std::size_t{100}, std::size_t{299}}) {
    const test::Sparse sparse = test::attend_topk(inputs, {.k = k}, Estimator::kCompensated);
    const test::RowError error(inputs.tensors(), {0, 0, 0});
    for (std::size_t i = 0; i < exact.out.size(); ++i)
      ASSERT_NEAR(static_cast<double>(sparse.out[i]), static_cast<double>(exact.out[i]),
                  error.output() + error.estimator(k, 1.0));
    ASSERT_NEAR(static_cast<double>(sparse.dropped[0]), 1.0 - static_cast<double>(k) / 300.0, error.dropped());
  }
}

// Values are the unit vectors, so outputs are rows of weights. The residual of the least-squares line is never longer
// than that of its mean, and the dropped mass is kept: the weights of the dropped keys add up to tau.
TEST(TopKEstimators, TheLineIsNeverFartherFromTheRowThanItsMean) {
  const std::size_t n = 160;
  std::vector<float> unit(n * n, 0.0f);
  for (std::size_t j = 0; j < n; ++j) unit[j * n + j] = 1.0f;
  for (const double sigma : {0.3, 1.0, 3.0}) {
    AttentionShape shape = test::square(n, 16);
    shape.value_dim = n;
    const test::Inputs inputs(shape, test::gaussian(n * 16, 1, sigma), test::gaussian(n * 16, 2), unit);
    const test::Sparse mean = test::attend_topk(inputs, {.k = 8}, Estimator::kCompensated);
    const test::Sparse line = test::attend_topk(inputs, {.k = 8}, Estimator::kLinear);
    for (std::size_t i = 0; i < n; ++i) {
      const test::RowError error(inputs.tensors(), {0, i, 0});
      double of_mean = 0.0, of_line = 0.0, total = 0.0;
      for (std::size_t j = 0; j < n; ++j) {
        of_mean += std::pow(static_cast<double>(mean.out[i * n + j]) - error.p[j], 2.0);
        of_line += std::pow(static_cast<double>(line.out[i * n + j]) - error.p[j], 2.0);
        total += static_cast<double>(line.out[i * n + j]);
      }
      ASSERT_LE(std::sqrt(of_line), std::sqrt(of_mean) + error.estimator(8, 1.0)) << i;
      ASSERT_NEAR(total, 1.0, static_cast<double>(n) * error.estimator(8, 1.0));
    }
  }
}

// The output error of `renormalized` is at most 2 tau max |v|, and tau never rises with k.
TEST(TopKEstimators, TheDroppedMassFallsWithKAndBoundsTheError) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(250, 16), 2.0);
  const test::Exact exact = test::attend(inputs);
  std::vector<float> before(250, 1.0f);
  for (std::size_t k = 1; k <= 250; k += 1 + k / 3) {
    const test::Sparse sparse = test::attend_topk(inputs, {.k = k}, Estimator::kRenormalized);
    for (std::size_t i = 0; i < 250; ++i) {
      const test::RowError error(inputs.tensors(), {0, i, 0});
      ASSERT_LE(static_cast<double>(sparse.dropped[i]), static_cast<double>(before[i]) + error.dropped());
      double worst = 0.0;
      for (std::size_t c = 0; c < 16; ++c)
        worst = std::max(worst, std::abs(static_cast<double>(sparse.out[i * 16 + c] - exact.out[i * 16 + c])));
      const double rounding = error.output() + error.estimator(k, 0.01);
      ASSERT_LE(worst, 2.0 * static_cast<double>(sparse.bound[i]) * error.largest_value + rounding);
    }
    before = sparse.dropped;
  }
}

// Section 7.8 of the theory: scores 2, 1, 0, -1 and k = 2; values are the unit vectors, so that outputs are the rows p.
TEST(TopKEstimators, MatchTheTinyGoldenCase) {
  const test::Golden golden("tiny.txt");
  std::vector<float> unit(16, 0.0f);
  for (std::size_t j = 0; j < 4; ++j) unit[5 * j] = 1.0f;
  test::Inputs inputs({.queries = 1, .keys = 4, .head_dim = 1, .value_dim = 4}, {1.0f}, {2.0f, 1.0f, 0.0f, -1.0f},
                      unit);
  const test::RowError error(inputs.tensors(), {0, 0, 0});
  const std::vector<double>& p = golden["p"];
  EXPECT_TRUE(test::within(error.output() + 1e-8, p.data(), test::attend(inputs).out.data(), 4));
  const char* names[] = {"renormalized", "raw", "compensated", "linear"};
  for (const Estimator estimator : kEstimators) {
    const test::Sparse sparse = test::attend_topk(inputs, {.k = 2}, estimator);
    const std::vector<double>& expected = golden[names[static_cast<int>(estimator)]];
    EXPECT_TRUE(test::within(error.estimator(2, 0.88) + 1e-8, expected.data(), sparse.out.data(), 4));
    EXPECT_NEAR(static_cast<double>(sparse.dropped[0]), golden["tau"][0], error.dropped() + 1e-8);
    EXPECT_EQ(sparse.indices, (std::vector<std::uint32_t>{0, 1}));
  }
}

// Section 3.4: with unit values the renormalized output is p_spar. l1 = 2 tau, and
// tau^2 / k <= ||p_spar - p||^2 <= (tau^2 e^Delta + tau (1 - tau)) / k with Delta the spread of the kept scores.
TEST(TopKEstimators, ObeyTheTwoSidedBoundOfTheRowError) {
  const std::size_t n = 128;
  std::vector<float> unit(n * n, 0.0f);
  for (std::size_t j = 0; j < n; ++j) unit[j * n + j] = 1.0f;
  for (const double sigma : {0.5, 1.0, 3.0}) {
    AttentionShape shape = test::square(n, 16);
    shape.value_dim = n;
    const test::Inputs inputs(shape, test::gaussian(n * 16, 1, sigma), test::gaussian(n * 16, 2), unit);
    const test::Exact exact = test::attend(inputs);
    for (const std::size_t k : {std::size_t{1}, std::size_t{8}, std::size_t{64}}) {
      const test::Sparse sparse = test::attend_topk(inputs, {.k = k}, Estimator::kRenormalized);
      for (std::size_t i = 0; i < n; ++i) {
        const test::RowError error(inputs.tensors(), {0, i, 0});
        double l1 = 0.0, squares = 0.0, low = INFINITY, high = -INFINITY;
        for (std::size_t j = 0; j < n; ++j) {
          const double off = static_cast<double>(sparse.out[i * n + j]) - static_cast<double>(exact.out[i * n + j]);
          l1 += std::abs(off), squares += off * off;
        }
        for (const std::uint32_t j : sparse.keys_of(i)) {
          low = std::min(low, error.scores[j]), high = std::max(high, error.scores[j]);
        }
        const double tau = static_cast<double>(sparse.dropped[i]), count = static_cast<double>(k);
        // Each entry is off by its own relative error; so are the sums.
        const double rounding = 8.0 * (error.mean + test::gamma(simd::kKeyBlock + 4)) / (1.0 - tau);
        ASSERT_NEAR(l1, 2.0 * tau, rounding);
        ASSERT_GE(squares * (1.0 + rounding) + rounding * rounding, tau * tau / count - 2.0 * rounding * tau);
        ASSERT_LE(squares, (tau * tau * std::exp(high - low) + tau * (1.0 - tau)) / count + 2.0 * rounding);
      }
    }
  }
}

}  // namespace
}  // namespace heed
