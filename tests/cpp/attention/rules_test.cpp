// Windows, sinks, masks, softcap, and the ways to keep sums, against the oracle.
#include <gtest/gtest.h>

#include <cmath>

#include "support/exact_checks.hpp"

namespace heed {
namespace {

void expect_reference(const test::Inputs& inputs) { test::expect_exact(inputs, test::attend(inputs)); }

AttentionShape grouped(std::size_t queries, std::size_t keys, bool causal) {
  return {.batch = 1,
          .queries = queries,
          .keys = keys,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 12,
          .value_dim = 7,
          .causal = causal};
}

constexpr std::pair<std::size_t, std::size_t> kLengths[] = {{230, 230}, {70, 300}, {300, 70}};
constexpr Accumulate kWays[] = {Accumulate::kFloat, Accumulate::kCompensated, Accumulate::kDouble};

TEST(AttentionRules, WindowsAndSinksMatchTheReference) {
  for (const auto& [queries, keys] : kLengths)
    for (const bool causal : {false, true})
      for (const auto& [window, sinks] :
           {std::pair<std::size_t, std::size_t>{1, 0}, {5, 0}, {100, 3}, {40, 130}, {400, 2}})
        for (const Accumulate way : kWays) {
          SCOPED_TRACE(::testing::Message() << queries << " queries, " << keys << " keys, window " << window
                                            << ", sinks " << sinks << ", way " << static_cast<int>(way));
          AttentionShape shape = grouped(queries, keys, causal);
          shape.window = window;
          shape.sinks = sinks;
          test::Inputs inputs = test::gaussian_inputs(shape, 2.0);
          inputs.accumulate = way;
          expect_reference(inputs);
        }
}

TEST(AttentionRules, TheVisibleLengthCountsWindowAndSinks) {
  AttentionShape shape = grouped(10, 10, true);
  shape.window = 3;
  shape.sinks = 2;
  const std::size_t expected[] = {1, 2, 3, 4, 5, 5, 5, 5, 5, 5};
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(shape.visible(i), expected[i]) << i;
}

TEST(AttentionRules, MasksMatchTheReference) {
  for (const auto& [queries, keys] : kLengths)
    for (const bool per_head : {false, true})
      for (const bool causal : {false, true})
        for (const Accumulate way : kWays) {
          SCOPED_TRACE(::testing::Message() << queries << " queries, per head " << per_head << ", causal " << causal);
          test::Inputs biased = test::gaussian_inputs(grouped(queries, keys, causal));
          biased.accumulate = way;
          const std::size_t size = (per_head ? 4 : 1) * queries * keys;
          biased.bias = test::gaussian(size, 40, 2.0);
          expect_reference(biased);

          test::Inputs chosen = test::gaussian_inputs(grouped(queries, keys, causal));
          chosen.accumulate = way;
          chosen.allowed.resize(size);
          const CounterRandom random(test::seed(), 41);
          // Row 3 sees nothing at all.
          for (std::size_t i = 0; i < size; ++i)
            chosen.allowed[i] = i / keys % queries != 3 && random.uniform(i) < 0.6 ? 1 : 0;
          expect_reference(chosen);
        }
}

TEST(AttentionRules, ABiasOfMinusInfinityHidesLikeAMask) {
  test::Inputs inputs = test::gaussian_inputs(grouped(50, 50, false));
  inputs.bias.assign(2500, 0.0f);
  for (std::size_t i = 0; i < 50; ++i)
    for (std::size_t j = i + 1; j < 50; ++j) inputs.bias[i * 50 + j] = -simd::kInfinity;
  const test::Inputs causal = test::gaussian_inputs(grouped(50, 50, true));
  const test::Exact by_bias = test::attend(inputs), by_shape = test::attend(causal);
  EXPECT_TRUE(test::same_bits(by_bias.out, by_shape.out));
  EXPECT_TRUE(test::same_bits(by_bias.lse, by_shape.lse));
}

TEST(AttentionRules, SoftcapMatchesTheReference) {
  for (const float cap : {0.5f, 5.0f, 50.0f})
    for (const double sigma : {0.1, 3.0, 300.0})
      for (const Accumulate way : kWays) {
        SCOPED_TRACE(::testing::Message() << "cap " << cap << ", sigma " << sigma);
        test::Inputs inputs = test::gaussian_inputs(grouped(60, 110, true), sigma);
        inputs.softcap = cap;
        inputs.accumulate = way;
        expect_reference(inputs);
      }
}

TEST(AttentionRules, AllOfThemTogetherMatchTheReference) {
  AttentionShape shape = grouped(150, 210, true);
  shape.window = 70;
  shape.sinks = 4;
  test::Inputs inputs = test::gaussian_inputs(shape, 3.0);
  inputs.softcap = 4.0f;
  inputs.bias = test::gaussian(150 * 210, 42);
  expect_reference(inputs);
}

TEST(AttentionRules, WhatARuleHidesCannotSpoilARow) {
  AttentionShape shape = grouped(60, 60, false);
  test::Inputs clean = test::gaussian_inputs(shape);
  clean.allowed.assign(3600, 1);
  for (std::size_t i = 0; i < 60; ++i) clean.allowed[i * 60 + 17] = i == 30 ? 1 : 0;
  for (const Accumulate way : kWays) {
    clean.accumulate = way;
    const test::Exact expected = test::attend(clean);
    for (const bool in_value : {false, true}) {
      test::Inputs spoiled = clean;
      if (in_value)
        spoiled.v.data()[17 * 2 * 7] = NAN;
      else
        spoiled.k.data()[17 * 2 * 12] = NAN;
      const test::Exact actual = test::attend(spoiled);
      for (const reference::Row row : clean.each_row()) {
        if (row.head >= 2) continue;  // the other key head
        const std::size_t at = clean.out_at(row);
        if (row.query == 30)
          EXPECT_TRUE(std::isnan(actual.out[at]));
        else
          EXPECT_TRUE(test::same_bits(&expected.out[at], &actual.out[at], 7)) << row.query;
      }
    }
  }
}

// The mean of n values near 1: every weight is 1 / n, and a plain float sum loses digits as n grows.
TEST(Accumulate, CompensatedAndDoubleDoNotLoseDigitsWithLength) {
  const std::size_t n = 60000;
  std::vector<float> values = test::gaussian(n * 2, 43, 1e-3);
  for (float& v : values) v += 1.0f;
  double mean[2] = {};
  for (std::size_t i = 0; i < n * 2; ++i) mean[i % 2] += static_cast<double>(values[i]) / static_cast<double>(n);
  test::Inputs inputs({.queries = 1, .keys = n, .head_dim = 1, .value_dim = 2}, {0.0f}, std::vector<float>(n, 1.0f),
                      values);
  double error[3];
  for (const Accumulate way : kWays) {
    inputs.accumulate = way;
    const test::Exact actual = test::attend(inputs);
    error[static_cast<int>(way)] = std::max(std::abs(static_cast<double>(actual.out[0]) - mean[0]),
                                            std::abs(static_cast<double>(actual.out[1]) - mean[1]));
  }
  EXPECT_LE(error[1], test::gamma(simd::kKeyBlock));
  EXPECT_LE(error[2], test::kUnit);
  EXPECT_LT(error[2], error[0]);
}

TEST(Accumulate, DoubleIsWithinAFewRoundingsOfTheReference) {
  for (const std::size_t d : {std::size_t{3}, std::size_t{64}, std::size_t{300}}) {
    test::Inputs inputs = test::gaussian_inputs(test::square(130, d, true), 5.0);
    inputs.accumulate = Accumulate::kDouble;
    const test::Exact actual = test::attend(inputs);
    for (const reference::Row row : inputs.each_row()) {
      const std::vector<double> p = reference::softmax(reference::scores(inputs.tensors(), row));
      const std::vector<double> expected = reference::mix(inputs.tensors(), row, p);
      for (std::size_t c = 0; c < d; ++c)
        ASSERT_NEAR(static_cast<double>(actual.out[inputs.out_at(row) + c]), expected[c],
                    test::kUnit * std::abs(expected[c]) + 1e-12);
    }
  }
}

}  // namespace
}  // namespace heed
