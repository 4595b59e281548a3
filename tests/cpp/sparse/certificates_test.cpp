// Certificates hold: on every row of every input they are at or above the truth, which is computed in double.
#include "sparse/certificates.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/certificate_checks.hpp"
#include "support/golden.hpp"
#include "support/qkv.hpp"

namespace heed {
namespace {

constexpr Estimator kEstimators[] = {Estimator::kRenormalized, Estimator::kRaw, Estimator::kCompensated,
                                     Estimator::kLinear};

void expect_certificates(const test::Inputs& inputs, const TopKOptions& options) {
  const test::Sparse result = test::attend_topk(inputs, options, true);
  SCOPED_TRACE(::testing::Message() << "estimator " << static_cast<int>(options.estimator));
  test::expect_certificates(inputs, result, test::ScoresWithoutCache(inputs));
}

void expect_certificates_of_all(const test::Inputs& inputs, std::initializer_list<Budget> budgets) {
  for (const Estimator estimator : kEstimators)
    for (const Budget& budget : budgets) expect_certificates(inputs, {.budget = budget, .estimator = estimator});
}

TEST(Certificates, HoldOnRandomInputs) {
  for (const double sigma : {0.1, 1.0, 5.0})
    expect_certificates_of_all(test::gaussian_inputs(test::square(140, 12, true), sigma),
                               {{.k = 1}, {.k = 20}, {.k = 1000}, {.mass = 0.9}, {.threshold = 0.02}});
}

TEST(Certificates, HoldOnClusteredInputs) {
  const std::size_t n = 200, d = 8;
  std::vector<float> centers = test::gaussian(5 * d, 20, 3.0), keys = test::gaussian(n * d, 21, 0.1);
  for (std::size_t i = 0; i < n * d; ++i) keys[i] += centers[i / (40 * d) * d + i % d];  // 40 in a row: pages matter
  expect_certificates_of_all(test::Inputs(test::square(n, d), test::gaussian(n * d, 22), keys, keys),
                             {{.k = 4}, {.k = 40}});
}

TEST(Certificates, HoldOnRealAttention) {
  for (const int layer : {0, 3, 6}) {
    test::Inputs inputs = test::real_inputs(layer);
    expect_certificates(inputs, {.budget = {.k = 8}, .estimator = Estimator::kRenormalized});
    expect_certificates(inputs, {.budget = {.k = 32}, .estimator = Estimator::kLinear});
  }
}

TEST(Certificates, HoldOnTies) {
  expect_certificates_of_all(test::tied_inputs(test::square(100, 3, true)), {{.k = 5}, {.mass = 0.5}});
}

TEST(Certificates, HoldOnHugeScores) {
  for (const float scale : {1e4f, -1e4f, 1e8f}) {
    test::Inputs inputs = test::gaussian_inputs(test::square(90, 4, true));
    inputs.scale = scale;
    expect_certificates_of_all(inputs, {{.k = 1}, {.k = 8}});
  }
}

// Scores around 8000 that differ by about 1: rounding of the scores is what moves the row.
TEST(Certificates, HoldOnLargeScoresCloseTogether) {
  const std::size_t n = 200, d = 8;
  std::vector<float> queries = test::gaussian(n * d, 25, 0.1), keys = test::gaussian(n * d, 26, 0.4);
  for (float& x : queries) x += 1.0f;
  for (std::size_t i = 0; i < n * d; ++i) keys[i] += i % d == 0 ? 1000.0f : 1000.0f + static_cast<float>(i % d);
  test::Inputs inputs(test::square(n, d, true), queries, keys, test::gaussian(n * d, 27));
  inputs.scale = 1.0f;
  expect_certificates_of_all(inputs, {{.k = 1}, {.k = 50}, {.k = 199}, {.k = 200}});
}

// Equal scores without rounding: what is left is the arithmetic of the output.
TEST(Certificates, HoldOnUniformAttention) {
  const test::Inputs inputs({.queries = 4, .keys = 1000, .head_dim = 1, .value_dim = 16}, std::vector<float>(4, 0.0f),
                            std::vector<float>(1000, 1.0f), test::gaussian(16000, 3));
  expect_certificates_of_all(inputs, {{.k = 1}, {.k = 999}, {.k = 1000}});
}

// Softcap and bias round scores by a part of themselves, not of the product.
TEST(Certificates, HoldUnderALargeSoftcapAndALargeBias) {
  test::Inputs capped = test::gaussian_inputs(test::square(150, 1), 2.0);
  capped.softcap = 3e4f;
  expect_certificates_of_all(capped, {{.k = 4}, {.k = 149}, {.k = 150}});
  test::Inputs biased = test::gaussian_inputs(test::square(150, 1), 2.0);
  biased.bias = test::gaussian(150 * 150, 40);
  for (float& b : biased.bias) b += 30000.0f;
  expect_certificates_of_all(biased, {{.k = 4}, {.k = 149}, {.k = 150}});
}

// Where a key of every page is kept every dropped key is known, and the bound by blocks is the mass.
TEST(Certificates, TheBlockwiseBoundLooksIntoPagesWithAKeptKey) {
  test::Inputs inputs = test::gaussian_inputs(test::square(96, 4));
  for (std::size_t i = 0; i < 96; ++i) inputs.q[i * 4] = 3.0f;
  for (const std::size_t j : {5u, 40u, 70u}) inputs.k[j * 4] = 6.0f;
  const test::Sparse all = test::attend_topk(inputs, {.budget = {.k = 3}}, true);
  for (std::size_t i = 0; i < 96; ++i) {
    ASSERT_EQ(all.keys_of(i), (std::vector<std::uint32_t>{5, 40, 70}));
    ASSERT_NEAR(static_cast<double>(all.blockwise[i]), static_cast<double>(all.dropped[i]), 1e-4);
  }
  // Keys that hardly differ within their page: a page's bound is near what its keys weigh.
  for (std::size_t j = 32; j < 96; ++j)
    for (std::size_t c = 0; c < 4; ++c) inputs.k[j * 4 + c] = 0.01f * inputs.k[j * 4 + c] - 0.5f;
  const test::Sparse one = test::attend_topk(inputs, {.budget = {.k = 3}}, true);
  for (std::size_t i = 0; i < 96; ++i) ASSERT_LE(one.blockwise[i], 1.2f * one.dropped[i] + 1e-4f);
}

TEST(Certificates, HoldWithOneDominantKey) {
  test::Inputs inputs = test::gaussian_inputs(test::square(150, 4));
  for (std::size_t i = 0; i < 150; ++i) inputs.q[i * 4] = 5.0f;
  for (const float strength : {2.0f, 10.0f, 40.0f}) {
    inputs.k[70 * 4] = strength;
    expect_certificates_of_all(inputs, {{.k = 1}, {.k = 3}});
  }
}

// Equal values: whatever the weights, every estimator but raw returns that value, and its certificate knows.
TEST(Certificates, HoldOnConstantValuesAndSayThatTheyAreHarmless) {
  test::Inputs inputs = test::gaussian_inputs(test::square(120, 6, true), 2.0);
  std::fill_n(inputs.v.data(), inputs.v.size(), 3.0f);
  expect_certificates_of_all(inputs, {{.k = 4}});
  for (const Estimator estimator : {Estimator::kRenormalized, Estimator::kCompensated, Estimator::kLinear}) {
    const test::Sparse result =
        test::attend_topk(inputs, TopKOptions{.budget = {.k = 4}, .estimator = estimator}, true);
    for (std::size_t i = 0; i < 120; ++i) ASSERT_LE(result.output_error[i], 0.05f) << i;
  }
}

TEST(Certificates, HoldUnderWindowsSinksMasksAndSoftcap) {
  AttentionShape shape = test::square(130, 6, true);
  shape.window = 70;
  shape.sinks = 5;
  test::Inputs inputs = test::gaussian_inputs(shape, 3.0);
  expect_certificates_of_all(inputs, {{.k = 2}, {.k = 9}});
  inputs.softcap = 3.0f;
  expect_certificates_of_all(inputs, {{.k = 9}});
  inputs.bias = test::gaussian(130 * 130, 40, 3.0);
  for (std::size_t i = 0; i < inputs.bias.size(); i += 5) inputs.bias[i] = i % 2 == 0 ? -simd::kInfinity : -1e9f;
  expect_certificates_of_all(inputs, {{.k = 9}});
  inputs.bias.clear();
  inputs.allowed.assign(130 * 130, 1);
  for (std::size_t i = 0; i < inputs.allowed.size(); i += 3) inputs.allowed[i] = 0;
  expect_certificates_of_all(inputs, {{.k = 9}});
}

// A bias of -1e9 is how some hide keys: its rounding, of keys without weight, must not widen the bound.
TEST(Certificates, AHugeNegativeBiasDoesNotWidenThem) {
  test::Inputs inputs = test::gaussian_inputs(test::square(100, 6), 2.0);
  inputs.bias.assign(10000, 0.0f);
  for (std::size_t i = 0; i < 10000; i += 3) inputs.bias[i] = -1e9f;
  const test::Sparse result = test::attend_topk(inputs, {.budget = {.k = 12}}, true);
  for (std::size_t i = 0; i < 100; ++i) {
    ASSERT_LE(result.bound[i], result.dropped[i] + 1e-4f);
    ASSERT_LE(result.logit_error[i], 1e-4f);
  }
}

// The certificate of the output is never above the usual forms around the same center, but for rounding.
TEST(Certificates, TheOutputErrorIsAtMostTheUsualForms) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(150, 8), 2.0);
  for (const Estimator estimator : kEstimators) {
    const test::Sparse result =
        test::attend_topk(inputs, TopKOptions{.budget = {.k = 10}, .estimator = estimator}, true);
    for (std::size_t i = 0; i < 150; ++i) {
      const test::SeenRow seen(inputs.tensors(), {0, i, 0});
      const std::vector<std::uint32_t> kept = result.keys_of(i);
      const double tau = reference::dropped_mass(seen.p, kept);
      const reference::Line line = reference::fit_line(seen.p, seen.scores, kept);
      double largest = 0.0, farthest = 0.0, variance = 0.0, squares = 0.0, residual = 0.0;
      for (std::uint32_t j = 0; j < 150; ++j) {
        double norm = 0.0, distance = 0.0;
        for (std::size_t c = 0; c < 8; ++c) {
          const double v = static_cast<double>(inputs.v[j * 8 + c]);
          norm += v * v, distance += std::pow(v - static_cast<double>(result.out[i * 8 + c]), 2.0);
        }
        largest = std::max(largest, std::sqrt(norm)), variance += seen.p[j] * distance;
        if (std::binary_search(kept.begin(), kept.end(), j)) continue;
        farthest = std::max(farthest, std::sqrt(distance)), squares += distance;
        residual += std::pow(seen.p[j] - line.level - line.slope * (seen.scores[j] - line.mean), 2.0);
      }
      const double form = estimator == Estimator::kRaw ? tau * largest
                          : estimator == Estimator::kRenormalized
                              ? std::min(2.0 * tau * largest, std::sqrt(tau / (1.0 - tau) * variance))
                          : estimator == Estimator::kCompensated ? 2.0 * tau * farthest
                                                                 : std::sqrt(residual * squares);
      ASSERT_LE(static_cast<double>(result.output_error[i]), form * 1.01 + 1e-3 * largest) << i;
    }
  }
}

TEST(Certificates, MatchTheTinyGoldenCase) {
  const test::Golden golden("tiny.txt");
  const RowEvidence row{.visible = 4,
                        .entries = 2,
                        .kept_weight = 1.0 + std::exp(-1.0),
                        .lowest_kept = -1.0,
                        .highest_dropped = -2.0,
                        .score_error = 0.0};
  EXPECT_NEAR(static_cast<double>(single_gap_bound(row)), golden["singleGap"][0], 1e-6);
  EXPECT_NEAR(static_cast<double>(head_aware_bound(row)), golden["headAware"][0], 1e-5);
  EXPECT_GE(static_cast<double>(head_aware_bound(row)), golden["headAware"][0]);
  // With every dropped key known, the bound by blocks is tau itself.
  EXPECT_NEAR(static_cast<double>(blockwise_bound(row, std::exp(-2.0) + std::exp(-3.0))), golden["tau"][0], 1e-5);
  test::Inputs inputs({.queries = 1, .keys = 4, .head_dim = 1, .value_dim = 4}, {1.0f}, {2.0f, 1.0f, 0.0f, -1.0f},
                      std::vector<float>(16, 1.0f));
  const test::Sparse result = test::attend_topk(inputs, {.budget = {.k = 2}}, true);
  EXPECT_NEAR(static_cast<double>(result.single_gap[0]), golden["singleGap"][0], 1e-5);
  EXPECT_NEAR(static_cast<double>(result.head_aware[0]), golden["headAware"][0], 1e-4);
}

// Two groups, shifted by +D and -D, the first holding 1 / (1 + e^D) of the mass: the bound is reached.
TEST(Certificates, TheLogitErrorIsSharp) {
  for (const double shift : {0.01, 0.5, 2.0}) {
    const double p = 1.0 / (1.0 + std::exp(shift));
    const double after = p * std::exp(shift) / (p * std::exp(shift) + (1.0 - p) * std::exp(-shift));
    EXPECT_NEAR(static_cast<double>(logit_error_bound(shift)), after - p, 1e-6);
    EXPECT_GE(static_cast<double>(logit_error_bound(shift)), after - p);
  }
}

// Each allowance by itself: what it stands for, and not much more.
TEST(Certificates, CountEveryRounding) {
  const double delta = 0.1, up = std::exp(delta), down = std::exp(-delta);
  const RowEvidence row{.visible = 10,
                        .entries = 3,
                        .kept_weight = 2.0,
                        .lowest_kept = -1.0,
                        .highest_dropped = -2.0,
                        .score_error = delta};
  const double dropped = 7.0 * std::exp(-2.0) * up, head = dropped / (dropped + 2.0 * down);
  const double gap = 1.0 / (1.0 + 3.0 / 7.0 * std::exp(1.0 - 2.0 * delta)), blocks = 0.5 / (0.5 + 2.0 * down);
  for (const auto& [bound, exact] : {std::pair{head_aware_bound(row), std::min(head, gap)},
                                     {single_gap_bound(row), gap},
                                     {blockwise_bound(row, 0.5), blocks},
                                     {static_cast<float>(weight_above(0.3, delta)), 0.3 * up}}) {
    EXPECT_GE(static_cast<double>(bound), exact);
    EXPECT_LE(static_cast<double>(bound), exact * 1.0001);
  }
  const double sums = test::gamma(96) * 3.0 * 2.0, scores = 2.0 * std::tanh(0.05) * 5.0, weights = 2.0 * 1e-3 * 5.0;
  for (const auto& [evidence, exact] :
       {std::pair{OutputEvidence{.largest_value = 3.0, .absolute_weight = 2.0, .chain = 96}, sums},
        {OutputEvidence{.score_error = delta, .radius = 5.0}, scores},
        {OutputEvidence{.weight_error = 1e-3, .radius = 5.0}, weights},
        {OutputEvidence{.residual = 0.7}, 0.7}}) {
    EXPECT_GE(static_cast<double>(output_error_bound(evidence)), exact);
    EXPECT_LE(static_cast<double>(output_error_bound(evidence)), exact * 1.1);
  }
}

TEST(Certificates, RowsWithoutEvidenceGetTheWidestBound) {
  RowEvidence row{.visible = 10, .entries = 3, .kept_weight = 2.0, .lowest_kept = -1.0, .highest_dropped = -2.0};
  EXPECT_EQ(blockwise_bound(row, INFINITY), 1.0f);
  EXPECT_EQ(blockwise_bound(row, NAN), 1.0f);
  row.score_error = 1e9;
  EXPECT_EQ(single_gap_bound(row), 1.0f);
  EXPECT_EQ(head_aware_bound(row), 1.0f);
  EXPECT_EQ(logit_error_bound(1e9), 1.0f);
  EXPECT_EQ(logit_error_bound(NAN), 1.0f);
  row = {.visible = 10, .entries = 3, .kept_weight = 2.0, .lowest_kept = -1.0, .highest_dropped = -1e30};
  EXPECT_GT(single_gap_bound(row), 0.0f) << "something was dropped";
  row = {.visible = 3, .entries = 3, .kept_weight = 2.0};
  EXPECT_EQ(single_gap_bound(row), 0.0f);
  EXPECT_EQ(head_aware_bound(row), 0.0f);
  EXPECT_EQ(blockwise_bound(row, 0.0), 0.0f);
  EXPECT_TRUE(std::isinf(output_error_bound({.residual = NAN})));
  EXPECT_TRUE(std::isinf(output_error_bound({.largest_value = 1.0, .absolute_weight = 1.0, .chain = 1u << 24})));
}

// A value that is not finite and dropped: nothing can be said, and the certificate says so.
TEST(Certificates, AValueThatIsNotFiniteLeavesNoBound) {
  test::Inputs inputs = test::gaussian_inputs(test::square(40, 4));
  inputs.v[17 * 4 + 1] = NAN;
  for (const Estimator estimator : kEstimators) {
    const test::Sparse result =
        test::attend_topk(inputs, TopKOptions{.budget = {.k = 3}, .estimator = estimator}, true);
    for (std::size_t i = 0; i < 40; ++i) ASSERT_TRUE(std::isinf(result.output_error[i])) << i;
  }
}

}  // namespace
}  // namespace heed
