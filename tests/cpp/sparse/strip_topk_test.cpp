// Rows with all their scores in memory: score rules and budgets of probabilities, against the oracle and a full sort.
#include "sparse/strip_topk.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/qkv.hpp"
#include "support/topk_checks.hpp"

namespace heed {
namespace {

constexpr Estimator kEstimators[] = {Estimator::kRenormalized, Estimator::kRaw, Estimator::kCompensated,
                                     Estimator::kLinear};

AttentionShape grouped(std::size_t queries, std::size_t keys, bool causal) {
  return {.batch = 2,
          .queries = queries,
          .keys = keys,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 12,
          .value_dim = 7,
          .causal = causal};
}

void expect_rows(const test::Inputs& inputs, const TopKOptions& options) {
  const test::Sparse result = test::attend_topk(inputs, options, false);
  test::expect_exact_sets(inputs, options, result);
  test::expect_estimate(inputs, options.estimator, result);
}

void expect_rows_of_all(const test::Inputs& inputs, const Budget& budget) {
  for (const Estimator estimator : kEstimators) {
    SCOPED_TRACE(::testing::Message() << "estimator " << static_cast<int>(estimator));
    expect_rows(inputs, {.budget = budget, .estimator = estimator});
  }
}

TEST(StripTopK, GivesTheRowsOfTheScan) {
  for (const bool causal : {false, true}) {
    const test::Inputs inputs = test::gaussian_inputs(grouped(70, 150, causal), 2.0);
    for (const Estimator estimator : kEstimators) {
      const TopKOptions options{.budget = {.k = 9}, .estimator = estimator};
      const test::Sparse strips = test::attend_topk<StripTopK>(inputs, options, false);
      const test::Sparse scan = test::attend_topk<TopKAttention>(inputs, options, false);
      test::expect_estimate(inputs, estimator, strips);
      EXPECT_EQ(strips.indices, scan.indices);
      EXPECT_EQ(strips.kept, scan.kept);
    }
  }
}

TEST(StripTopK, WindowsAndSinksMatchTheReference) {
  for (const auto& [queries, keys] : {std::pair<std::size_t, std::size_t>{130, 130}, {40, 300}, {300, 40}})
    for (const bool causal : {false, true})
      for (const auto& [window, sinks] :
           {std::pair<std::size_t, std::size_t>{1, 0}, {5, 2}, {100, 3}, {40, 130}, {400, 2}, {0, 6}}) {
        SCOPED_TRACE(::testing::Message() << queries << " queries, " << keys << " keys, window " << window << ", sinks "
                                          << sinks << ", causal " << causal);
        AttentionShape shape = grouped(queries, keys, causal);
        shape.batch = 1;
        shape.window = window;
        shape.sinks = sinks;
        const test::Inputs inputs = test::gaussian_inputs(shape, 2.0);
        expect_rows_of_all(inputs, {.k = 4});
        expect_rows(inputs, {.budget = {.k = 0, .law = {1.0, 0.5}}});
        expect_rows(inputs, {.budget = {.mass = 0.8}});
      }
}

TEST(StripTopK, MasksMatchTheReference) {
  for (const bool per_head : {false, true})
    for (const bool causal : {false, true}) {
      SCOPED_TRACE(::testing::Message() << "per head " << per_head << ", causal " << causal);
      test::Inputs biased = test::gaussian_inputs(grouped(50, 110, causal));
      const std::size_t size = (per_head ? 4 : 1) * 50 * 110;
      biased.bias = test::gaussian(size, 40, 2.0);
      for (std::size_t i = 0; i < size; i += 7) biased.bias[i] = -simd::kInfinity;
      expect_rows_of_all(biased, {.k = 6});
      test::Inputs chosen = test::gaussian_inputs(grouped(50, 110, causal));
      chosen.allowed.resize(size);
      const CounterRandom random(test::seed(), 41);
      // Row 3 sees nothing at all.
      for (std::size_t i = 0; i < size; ++i) chosen.allowed[i] = i / 110 % 50 != 3 && random.uniform(i) < 0.6 ? 1 : 0;
      expect_rows_of_all(chosen, {.k = 6});
      expect_rows(chosen, {.budget = {.k = 0, .law = {1.0, 0.5}}});
    }
}

TEST(StripTopK, SoftcapMatchesTheReference) {
  for (const float cap : {0.5f, 5.0f, 50.0f, 3e4f})
    for (const double sigma : {0.1, 3.0, 300.0}) {
      SCOPED_TRACE(::testing::Message() << "cap " << cap << ", sigma " << sigma);
      test::Inputs inputs = test::gaussian_inputs(grouped(40, 110, true), sigma);
      inputs.softcap = cap;
      expect_rows_of_all(inputs, {.k = 6});
    }
}

TEST(StripTopK, AllRulesTogetherMatchTheReference) {
  AttentionShape shape = grouped(150, 210, true);
  shape.window = 70;
  shape.sinks = 4;
  test::Inputs inputs = test::gaussian_inputs(shape, 3.0);
  inputs.softcap = 4.0f;
  inputs.bias = test::gaussian(150 * 210, 42);
  expect_rows_of_all(inputs, {.k = 9});
  expect_rows_of_all(inputs, {.mass = 0.5});
}

// A causal mask is causal attention, a mask of a window a window: same sets, same bits.
TEST(StripTopK, AMaskThatSaysTheSameAsARuleGivesTheSameBits) {
  AttentionShape shape = grouped(60, 60, true);
  shape.window = 20;
  const test::Inputs by_rule = test::gaussian_inputs(shape, 2.0);
  shape.window = 0;
  shape.causal = false;
  test::Inputs by_mask = test::gaussian_inputs(shape, 2.0);
  for (std::size_t i = 0; i < 60; ++i)
    for (std::size_t j = 0; j < 60; ++j) by_mask.allowed.push_back(j <= i && j + 20 > i ? 1 : 0);
  for (const Budget& budget : {Budget{.k = 5}, Budget{.k = 0, .law = {1.0, 0.5}}, Budget{.threshold = 0.05}}) {
    const test::Sparse rule = test::attend_topk(by_rule, {.budget = budget, .estimator = Estimator::kRaw}, false);
    const test::Sparse mask = test::attend_topk(by_mask, {.budget = budget, .estimator = Estimator::kRaw}, false);
    EXPECT_EQ(rule.indices, mask.indices);
    EXPECT_TRUE(test::same_bits(rule.out, mask.out));
    EXPECT_TRUE(test::same_bits(rule.dropped, mask.dropped));
  }
}

TEST(StripTopK, SinksAreKeptFirstAndCounted) {
  AttentionShape shape = test::square(100, 4, true);
  shape.window = 30;
  shape.sinks = 3;
  const test::Inputs inputs = test::gaussian_inputs(shape);
  for (const std::size_t k : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{8}}) {
    const test::Sparse result = test::attend_topk(inputs, {.k = k});
    for (std::size_t i = 0; i < 100; ++i) {
      const std::vector<std::uint32_t> kept = result.keys_of(i);
      ASSERT_EQ(kept.size(), std::min(k, shape.visible(i)));
      for (std::uint32_t j = 0; j < std::min<std::size_t>({3, k, i + 1}); ++j) ASSERT_EQ(kept[j], j);
    }
  }
}

// Sinks that weigh nothing a float can hold: renormalized they are still a mean of their values.
TEST(StripTopK, SinksWithoutWeightAreRenormalizedAmongThemselves) {
  AttentionShape shape{.queries = 1, .keys = 40, .head_dim = 1, .value_dim = 1, .sinks = 2};
  std::vector<float> keys(40, 500.0f), values(40, 7.0f);
  keys[0] = keys[1] = 0.0f, values[0] = 1.0f, values[1] = 2.0f;
  test::Inputs inputs(shape, {1.0f}, keys, values);
  const auto row = [&](Estimator estimator) {
    return test::attend_topk(inputs, TopKOptions{.budget = {.k = 2}, .estimator = estimator}, true);
  };
  EXPECT_EQ(row(Estimator::kRenormalized).out[0], 1.5f);
  EXPECT_GE(row(Estimator::kRenormalized).output_error[0], 5.5f);
  EXPECT_EQ(row(Estimator::kRaw).out[0], 0.0f);
  EXPECT_NEAR(row(Estimator::kLinear).out[0], 7.0f, 1e-5f);
  inputs.k[0] = inputs.k[1] = -simd::kInfinity;
  EXPECT_EQ(row(Estimator::kRenormalized).out[0], 0.0f) << "nothing is kept";
}

// Neither bits nor sets of a row change with what it does not see, be it NaN.
TEST(StripTopK, WhatARuleHidesCannotChangeARow) {
  AttentionShape shape = grouped(60, 60, true);
  shape.batch = 1;
  shape.window = 12;
  shape.sinks = 2;
  test::Inputs clean = test::gaussian_inputs(shape);
  clean.allowed.assign(3600, 1);
  for (std::size_t i = 0; i < 60; ++i) clean.allowed[i * 60 + 17] = i == 20 ? 1 : 0;
  for (const Estimator estimator : kEstimators) {
    const TopKOptions options{.budget = {.k = 5}, .estimator = estimator};
    const test::Sparse expected = test::attend_topk(clean, options, true);
    for (const bool in_value : {false, true}) {
      test::Inputs spoiled = clean;
      if (in_value)
        spoiled.v.data()[17 * 2 * 7] = NAN;
      else
        spoiled.k.data()[17 * 2 * 12] = NAN;
      const test::Sparse actual = test::attend_topk(spoiled, options, true);
      for (const reference::Row row : clean.each_row()) {
        const std::size_t r = shape.row_index(0, row.query, row.head), at = clean.out_at(row);
        if (row.head < 2 && row.query == 20) {
          if (!in_value) {
            EXPECT_TRUE(std::isnan(actual.out[at]) && std::isnan(actual.bound[r]) && std::isnan(actual.single_gap[r]) &&
                        std::isnan(actual.output_error[r]));
          }
          continue;
        }
        ASSERT_TRUE(test::same_bits(&expected.out[at], &actual.out[at], 7)) << row.query;
        ASSERT_EQ(expected.keys_of(r), actual.keys_of(r));
        ASSERT_EQ(expected.bound[r], actual.bound[r]);
        ASSERT_EQ(expected.blockwise[r], actual.blockwise[r]);
        ASSERT_EQ(expected.output_error[r], actual.output_error[r]);
      }
    }
  }
}

TEST(StripTopK, GivesTheSameBitsForEveryNumberOfThreadsAndEveryBatching) {
  AttentionShape shape = grouped(100, 130, true);
  shape.window = 50;
  shape.sinks = 3;
  const test::Inputs inputs = test::gaussian_inputs(shape, 2.0);
  const TopKOptions options{.budget = {.mass = 0.7}};
  const test::Sparse one = test::attend_topk(inputs, options, true);
  for (const std::size_t threads : {1u, 2u, 3u})
    for (const std::size_t batch : {0u, 1u, 3u}) {
      const test::Sparse many = test::attend_topk(inputs, options, true, threads, batch);
      EXPECT_TRUE(test::same_bits(one.out, many.out));
      EXPECT_TRUE(test::same_bits(one.bound, many.bound));
      EXPECT_TRUE(test::same_bits(one.output_error, many.output_error));
      EXPECT_TRUE(test::same_bits(one.blockwise, many.blockwise));
      EXPECT_EQ(one.indices, many.indices);
    }
}

TEST(StripTopK, WithoutKeysOrQueriesOrAnythingToSee) {
  for (const Estimator estimator : kEstimators) {
    const TopKOptions options{.budget = {.mass = 0.5}, .estimator = estimator};
    const test::Inputs none = test::gaussian_inputs({.queries = 20, .keys = 0, .head_dim = 4, .value_dim = 4});
    const test::Sparse result = test::attend_topk(none, options, true);
    for (const float x : result.out) ASSERT_EQ(x, 0.0f);
    for (std::size_t i = 0; i < 20; ++i) {
      ASSERT_EQ(result.kept[i], 0u);
      ASSERT_EQ(result.bound[i], 0.0f);
      ASSERT_EQ(result.output_error[i], 0.0f);
    }
    const test::Inputs no_queries = test::gaussian_inputs({.queries = 0, .keys = 9, .head_dim = 4, .value_dim = 4});
    EXPECT_TRUE(test::attend_topk(no_queries, options, true).out.empty());
    test::Inputs hidden = test::gaussian_inputs(test::square(20, 4));
    hidden.allowed.assign(400, 0);
    const test::Sparse zero = test::attend_topk(hidden, options, true);
    for (const float x : zero.out) ASSERT_EQ(x, 0.0f);
    for (const std::uint32_t kept : zero.kept) ASSERT_EQ(kept, 0u);
    const test::Inputs lowest({.queries = 3, .keys = 50, .head_dim = 1, .value_dim = 2}, {1.0f, 1.0f, 1.0f},
                              std::vector<float>(50, -simd::kInfinity), test::gaussian(100, 3));
    const test::Sparse first = test::attend_topk(lowest, options, true);
    for (const float x : first.out) ASSERT_EQ(x, 0.0f);
    for (std::size_t i = 0; i < 3; ++i) ASSERT_EQ(first.keys_of(i), std::vector<std::uint32_t>{0}) << "the fewest";
  }
}

TEST(StripTopK, GivesItsMemoryBack) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(100, 8));
  const std::size_t before = live_bytes();
  for (int i = 0; i < 10; ++i) test::attend_topk(inputs, {.budget = {.mass = 0.5}}, true, 2);
  EXPECT_EQ(live_bytes(), before);
}

}  // namespace
}  // namespace heed
