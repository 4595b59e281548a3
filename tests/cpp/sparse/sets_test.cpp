// The kept set is exactly the set of the k that rank first, whatever the scores look like.
#include <gtest/gtest.h>

#include <cmath>

#include "support/qkv.hpp"
#include "support/shapes.hpp"
#include "support/topk_checks.hpp"

namespace heed {
namespace {

using test::expect_exact_sets;

void expect_exact_sets_for(const test::Inputs& inputs, const Budget& budget) {
  SCOPED_TRACE(::testing::Message() << "k " << budget.k << ", alpha " << budget.law.alpha << ", n "
                                    << inputs.shape.keys);
  expect_exact_sets(inputs, budget, test::attend_topk(inputs, budget, Estimator::kRaw));
}

TEST(TopKSets, AreExactAtEveryLength) {
  for (const std::size_t n : test::lengths())
    for (const std::size_t k : {std::size_t{1}, std::size_t{7}, std::size_t{64}})
      expect_exact_sets_for(test::gaussian_inputs(test::square(n, 4, true)), {.k = k});
}

// Around the capacity of the candidates, max(k, 96) + k + 96, and around the two sizes of a unit (k = 256).
TEST(TopKSets, AreExactForEveryBudget) {
  const test::Inputs inputs = test::gaussian_inputs({.queries = 40, .keys = 601, .head_dim = 4, .value_dim = 2});
  for (const std::size_t k : test::around({8, 96, 192, 256, 600})) expect_exact_sets_for(inputs, {.k = k});
  expect_exact_sets_for(inputs, {.k = 5000});
}

// From 384 keys on, a sample of 96 to 480 keys goes first and sets a threshold.
TEST(TopKSets, AreExactWithASampleOfEverySize) {
  for (const std::size_t n : {383u, 384u, 385u, 767u, 768u, 1000u, 1919u, 1920u, 2500u})
    for (const std::size_t k : {std::size_t{1}, std::size_t{8}, std::size_t{64}, std::size_t{200}, n / 3, n / 2}) {
      const AttentionShape shape{.queries = 33, .keys = n, .head_dim = 2, .value_dim = 1, .causal = true};
      expect_exact_sets_for(test::gaussian_inputs(shape), {.k = k});
    }
}

TEST(TopKSets, TiesAcrossTheSampleKeepTheLowerIndex) {
  for (const std::size_t d : {std::size_t{1}, std::size_t{2}, std::size_t{8}})
    for (const std::size_t k : {std::size_t{1}, std::size_t{20}, std::size_t{100}, std::size_t{400}}) {
      const AttentionShape shape{.queries = 40, .keys = 2000, .head_dim = d, .value_dim = 1, .causal = true};
      expect_exact_sets_for(test::tied_inputs(shape), {.k = k});
    }
}

// Keys that repeat with the step of the sample: it sees only the best (and promises too much), or only the worst.
TEST(TopKSets, AreExactWhenTheSampleIsUnfair) {
  for (const std::size_t n : {960u, 1920u})  // samples of 192 and 480: every fifth, every fourth
    for (const std::size_t step : {4u, 5u})
      for (const int kind : {0, 1, 2, 3}) {
        std::vector<float> keys = test::gaussian(n, 30, 0.1);
        for (std::size_t j = 0; j < n; ++j) {
          if (j % step == 0) keys[j] += kind % 2 == 0 ? 5.0f : -5.0f;
          if (kind >= 2) keys[j] = std::round(keys[j]);  // the same with ties
        }
        const test::Inputs inputs({.queries = 20, .keys = n, .head_dim = 1, .value_dim = 1},
                                  std::vector<float>(20, 1.0f), keys, test::gaussian(n, 3));
        for (const std::size_t k :
             {std::size_t{1}, std::size_t{8}, std::size_t{60}, std::size_t{150}, std::size_t{190}})
          expect_exact_sets_for(inputs, {.k = k});
      }
}

TEST(TopKSets, FollowTheLawOfEachRowsOwnLength) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(300, 4, true));
  for (const WindowLaw law : {WindowLaw{1.0, 0.5}, WindowLaw{2.0, 0.25}, WindowLaw{0.1, 1.0}, WindowLaw{7.0, 0.0},
                              WindowLaw{1.0, 0.5, 10, 12}, WindowLaw{1.0, 1.0}, WindowLaw{0.01, 0.5, 400}})
    expect_exact_sets_for(inputs, {.k = 0, .law = law});
}

TEST(TopKSets, AreExactForGroupedHeadsBatchesAndUnequalLengths) {
  for (const bool causal : {false, true})
    for (const Layout layout : {Layout::kTokenMajor, Layout::kHeadMajor})
      for (const auto& [queries, keys] : {std::pair<std::size_t, std::size_t>{50, 210}, {210, 50}, {1, 300}}) {
        const AttentionShape shape{.batch = 2,
                                   .queries = queries,
                                   .keys = keys,
                                   .heads = 6,
                                   .kv_heads = 2,
                                   .head_dim = 5,
                                   .value_dim = 3,
                                   .layout = layout,
                                   .causal = causal};
        expect_exact_sets_for(test::gaussian_inputs(shape), {.k = 9});
      }
}

// So many rows that heads are copied apart first, and keys packed once for all; with few keys and many.
TEST(TopKSets, AndEstimatesAreThoseOfRowsAmongManyOthers) {
  for (const bool causal : {false, true})
    for (const double sigma : {1.0, 40.0}) {  // weights relative to 0, and to a reference
      const test::Inputs inputs = test::gaussian_inputs({.batch = 2,
                                                         .queries = 300,
                                                         .keys = 410,
                                                         .heads = 4,
                                                         .kv_heads = 2,
                                                         .head_dim = 8,
                                                         .value_dim = 5,
                                                         .causal = causal},
                                                        sigma);
      for (const Estimator estimator : {Estimator::kRenormalized, Estimator::kRaw, Estimator::kLinear}) {
        const test::Sparse result = test::attend_topk(inputs, {.k = 12}, estimator, 2);
        expect_exact_sets(inputs, {.k = 12}, result);
        test::expect_estimate(inputs, estimator, result);
      }
    }
}

TEST(TopKSets, TiesKeepTheLowerIndex) {
  for (const std::size_t d : {std::size_t{1}, std::size_t{4}, std::size_t{16}})
    for (const std::size_t k : {std::size_t{1}, std::size_t{5}, std::size_t{100}})
      expect_exact_sets_for(test::tied_inputs(test::square(400, d, true)), {.k = k});
}

TEST(TopKSets, EqualScoresKeepTheFirstKeys) {
  const AttentionShape shape = test::square(500, 2);
  const test::Inputs inputs(shape, std::vector<float>(1000, 0.5f), std::vector<float>(1000, 0.25f),
                            test::gaussian(1000, 3));
  const test::Sparse result = test::attend_topk(inputs, {.k = 30});
  for (std::size_t i = 0; i < 500; ++i)
    for (std::uint32_t j = 0; j < 30; ++j) ASSERT_EQ(result.indices[i * 30 + j], j);
}

// Every key beats all before it: the candidates fill in every block and are cut as often as they can be.
TEST(TopKSets, AreExactWhenScoresClimbOrFall) {
  for (const float step : {0.01f, -0.01f, 8.0f}) {
    std::vector<float> keys(700);
    for (std::size_t j = 0; j < keys.size(); ++j) keys[j] = step * static_cast<float>(j);
    const test::Inputs inputs({.queries = 20, .keys = 700, .head_dim = 1, .value_dim = 1}, std::vector<float>(20, 1.0f),
                              keys, test::gaussian(700, 3));
    for (const std::size_t k : {std::size_t{1}, std::size_t{50}, std::size_t{97}, std::size_t{300}})
      expect_exact_sets_for(inputs, {.k = k});
  }
}

// Blocks that climb with ties inside: the threshold is a tied score, and only the strict comparison keeps the order.
TEST(TopKSets, AreExactWhenTheThresholdIsTied) {
  std::vector<float> keys(900);
  for (std::size_t j = 0; j < keys.size(); ++j) keys[j] = static_cast<float>(j / 150);
  const test::Inputs inputs({.queries = 18, .keys = 900, .head_dim = 1, .value_dim = 1}, std::vector<float>(18, 1.0f),
                            keys, test::gaussian(900, 3));
  for (const std::size_t k : {std::size_t{1}, std::size_t{100}, std::size_t{151}, std::size_t{400}})
    expect_exact_sets_for(inputs, {.k = k});
}

TEST(TopKSets, ScoresOfMinusInfinityComeBeforeNan) {
  for (const std::size_t n : {std::size_t{250}, std::size_t{800}}) {
    std::vector<float> keys(n, -simd::kInfinity);
    for (std::size_t j = 0; j < n; j += 3) keys[j] = NAN;
    for (std::size_t j = 0; j < n; j += 40) keys[j + 1] = static_cast<float>(j);
    const test::Inputs inputs({.queries = 250, .keys = n, .head_dim = 1, .value_dim = 1, .causal = true},
                              std::vector<float>(250, 1.0f), keys, test::gaussian(n, 3));
    for (const std::size_t k : {std::size_t{1}, std::size_t{5}, std::size_t{10}, std::size_t{100}, n})
      expect_exact_sets_for(inputs, {.k = k});
  }
}

TEST(TopKSets, AreExactWithNanAndInfinityAmongTheScores) {
  test::Inputs inputs = test::gaussian_inputs(test::square(500, 3, true));
  for (std::size_t j = 5; j < 500; j += 31) inputs.k[j * 3 + 1] = NAN;
  for (std::size_t j = 9; j < 500; j += 77) inputs.k[j * 3] = simd::kInfinity;
  for (std::size_t j = 11; j < 500; j += 50) inputs.k[j * 3 + 2] = -simd::kInfinity;
  inputs.q[200 * 3] = NAN;
  for (const std::size_t k : {std::size_t{1}, std::size_t{16}, std::size_t{470}})
    expect_exact_sets_for(inputs, {.k = k});
}

TEST(TopKSets, AreExactOnRealAttention) {
  for (const int layer : {0, 3, 6})
    for (const std::size_t k : {std::size_t{8}, std::size_t{64}})
      expect_exact_sets_for(test::real_inputs(layer), {.k = k});
}

TEST(WriteOffsets, SaysWhenTheTotalDoesNotFit) {
  const AttentionShape shape{.queries = 2, .keys = std::size_t{1} << 24, .heads = 200, .head_dim = 1, .value_dim = 1};
  std::vector<std::uint32_t> offsets(401);
  EXPECT_FALSE(write_offsets(shape, {.k = std::size_t{1} << 24}, offsets.data()));
  EXPECT_TRUE(write_offsets(shape, {.k = 3}, offsets.data()));
  EXPECT_EQ(offsets[400], 1200u);
}

}  // namespace
}  // namespace heed
