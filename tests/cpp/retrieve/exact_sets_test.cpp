// The retrievers that promise the exact set keep their promise: what they find is what a full sort finds, whatever the
// keys look like.
#include <gtest/gtest.h>

#include <cmath>

#include "support/qkv.hpp"
#include "support/retrieve.hpp"
#include "support/shapes.hpp"
#include "support/topk_checks.hpp"

namespace heed {
namespace {

class ExactRetriever : public ::testing::TestWithParam<Search> {
 protected:
  static void expect_exact(const test::Inputs& inputs, std::size_t k) {
    SCOPED_TRACE(::testing::Message() << "k " << k << ", n " << inputs.shape.keys << ", d " << inputs.shape.head_dim);
    test::expect_exact_sets(inputs, {.k = k}, test::retrieve_topk(inputs, {.search = GetParam(), .budget = {.k = k}}));
  }
};
INSTANTIATE_TEST_SUITE_P(Searches, ExactRetriever, ::testing::Values(Search::kPages, Search::kInt8));

TEST_P(ExactRetriever, FindsTheBestAtEveryLength) {
  for (const std::size_t n : test::lengths())
    for (const std::size_t k : {std::size_t{1}, std::size_t{7}, std::size_t{64}})
      expect_exact(test::gaussian_inputs(test::square(n, 4, true)), k);
}

TEST_P(ExactRetriever, FindsTheBestAtEveryHeadDimension) {
  for (const std::size_t d : test::head_dims())
    for (const std::size_t k : {std::size_t{3}, std::size_t{40}})
      expect_exact(test::gaussian_inputs({.queries = 20, .keys = 500, .head_dim = d, .value_dim = 2}), k);
}

TEST_P(ExactRetriever, FindsTheBestOfManyKeys) {
  for (const double sigma : {0.2, 1.0, 4.0})
    for (const bool causal : {false, true}) {
      const AttentionShape shape{.queries = 70, .keys = 5000, .head_dim = 64, .value_dim = 2, .causal = causal};
      for (const std::size_t k : {std::size_t{1}, std::size_t{64}, std::size_t{400}})
        expect_exact(test::gaussian_inputs(shape, sigma), k);
    }
}

TEST_P(ExactRetriever, TiesKeepTheLowerIndex) {
  for (const std::size_t d : {std::size_t{1}, std::size_t{4}, std::size_t{16}})
    for (const std::size_t k : {std::size_t{1}, std::size_t{5}, std::size_t{100}})
      expect_exact(test::tied_inputs(test::square(400, d, true)), k);
}

TEST_P(ExactRetriever, ConstantKeysAndZerosKeepTheFirst) {
  for (const float value : {0.0f, 0.25f, -3.0f}) {
    const AttentionShape shape{.queries = 9, .keys = 700, .head_dim = 8, .value_dim = 1};
    const test::Inputs inputs(shape, test::gaussian(72, 1), std::vector<float>(5600, value), test::gaussian(700, 3));
    expect_exact(inputs, 30);
  }
  const AttentionShape shape{.queries = 9, .keys = 700, .head_dim = 8, .value_dim = 1};
  expect_exact({shape, std::vector<float>(72, 0.0f), test::gaussian(5600, 2), test::gaussian(700, 3)}, 30);
}

// Keys around 40 centers, a quarter of them exact copies.
TEST_P(ExactRetriever, FindsTheBestOfClusters) {
  const AttentionShape shape{.queries = 66, .keys = 3000, .head_dim = 16, .value_dim = 1};
  std::vector<float> keys = test::gaussian(test::key_size(shape), 2, 0.05);
  const std::vector<float> centers = test::gaussian(40 * 16, 5);
  for (std::size_t j = 0; j < shape.keys; ++j)
    for (std::size_t c = 0; c < 16; ++c)
      keys[j * 16 + c] = centers[j / 75 * 16 + c] + (j % 4 == 0 ? 0.0f : keys[j * 16 + c]);
  const test::Inputs inputs(shape, test::gaussian(test::query_size(shape), 1), keys, test::gaussian(3000, 3));
  for (const std::size_t k : {std::size_t{1}, std::size_t{20}, std::size_t{75}, std::size_t{500}})
    expect_exact(inputs, k);
}

TEST_P(ExactRetriever, LargeKeysOutlierColumnsAndOffsetsDoNotHideTheBest) {
  const AttentionShape shape{.queries = 40, .keys = 2000, .head_dim = 32, .value_dim = 1};
  test::Inputs huge = test::gaussian_inputs(shape);
  for (std::size_t c = 0; c < 32; ++c) huge.k[777 * 32 + c] *= 1e4f;
  for (std::size_t c = 0; c < 32; ++c) huge.k[3 * 32 + c] *= 1e15f;
  expect_exact(huge, 25);
  test::Inputs column = test::gaussian_inputs(shape);
  for (std::size_t j = 0; j < 2000; ++j) column.k[j * 32 + 5] = 100.0f * column.k[j * 32 + 5] + 300.0f;
  expect_exact(column, 25);
  test::Inputs offset = test::gaussian_inputs(shape);
  for (std::size_t i = 0; i < offset.k.size(); ++i) offset.k[i] += 1000.0f;
  expect_exact(offset, 25);
  test::Inputs six_decades = test::gaussian_inputs(shape);
  for (std::size_t j = 0; j < 2000; ++j)
    for (std::size_t c = 0; c < 32; ++c)
      six_decades.k[j * 32 + c] *= static_cast<float>(std::pow(10.0, static_cast<double>(j % 7) - 3.0));
  expect_exact(six_decades, 25);
}

// The scores lie closer together than the bands of the rounded ones.
TEST_P(ExactRetriever, FindsTheBestOfNearlyEqualScores) {
  const AttentionShape shape{.queries = 20, .keys = 1500, .head_dim = 64, .value_dim = 1};
  test::Inputs inputs = test::gaussian_inputs(shape);
  const std::vector<float> one = test::gaussian(64, 9);
  for (std::size_t i = 0; i < inputs.k.size(); ++i) inputs.k[i] = one[i % 64] + 1e-4f * inputs.k[i];
  expect_exact(inputs, 10);
}

TEST_P(ExactRetriever, FindsTheBestWithNanAndInfinityAround) {
  for (const bool causal : {false, true}) {
    test::Inputs inputs = test::gaussian_inputs(test::square(900, 8, causal));
    for (std::size_t j = 500; j < 900; j += 31) inputs.k[j * 8 + 1] = NAN;
    for (std::size_t j = 600; j < 900; j += 77) inputs.k[j * 8] = simd::kInfinity;
    for (std::size_t j = 700; j < 900; j += 50) inputs.k[j * 8 + 2] = -simd::kInfinity;
    inputs.k[800 * 8] = 1e30f;
    inputs.q[200 * 8] = NAN;
    inputs.q[201 * 8] = simd::kInfinity;
    inputs.q[202 * 8] = 1e30f;
    for (const std::size_t k : {std::size_t{1}, std::size_t{16}, std::size_t{470}}) expect_exact(inputs, k);
  }
}

TEST_P(ExactRetriever, FindsTheBestForGroupedHeadsBatchesAndUnequalLengths) {
  for (const bool causal : {false, true})
    for (const Layout layout : {Layout::kTokenMajor, Layout::kHeadMajor})
      for (const auto& [queries, keys] : {std::pair<std::size_t, std::size_t>{50, 610}, {610, 50}, {1, 700}}) {
        const AttentionShape shape{.batch = 2,
                                   .queries = queries,
                                   .keys = keys,
                                   .heads = 6,
                                   .kv_heads = 2,
                                   .head_dim = 5,
                                   .value_dim = 3,
                                   .layout = layout,
                                   .causal = causal};
        expect_exact(test::gaussian_inputs(shape), 9);
      }
}

// So many rows that heads are copied apart first.
TEST_P(ExactRetriever, FindsTheBestForManyRowsOfSeveralHeads) {
  for (const bool causal : {false, true})
    expect_exact(test::gaussian_inputs({.batch = 2,
                                        .queries = 200,
                                        .keys = 310,
                                        .heads = 4,
                                        .kv_heads = 2,
                                        .head_dim = 16,
                                        .value_dim = 3,
                                        .causal = causal}),
                 9);
}

TEST_P(ExactRetriever, FollowsTheWindowLaw) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(900, 4, true));
  for (const WindowLaw law : {WindowLaw{1.0, 0.5}, WindowLaw{2.0, 0.25}, WindowLaw{0.1, 1.0}}) {
    const Budget budget{.k = 0, .law = law};
    test::expect_exact_sets(inputs, budget, test::retrieve_topk(inputs, {.search = GetParam(), .budget = budget}));
  }
}

TEST_P(ExactRetriever, FindsTheBestOfRealAttention) {
  for (const int layer : {0, 3, 6})
    for (const std::size_t k : {std::size_t{8}, std::size_t{64}}) expect_exact(test::real_inputs(layer), k);
}

TEST_P(ExactRetriever, FindsTheBestInTenThousandSmallCases) {
  const CounterRandom random(test::seed(), 77);
  for (std::size_t i = 0; i < 10000; ++i) {
    const auto draw = [&, n = i * 16](std::size_t which, std::size_t most) {
      return static_cast<std::size_t>(random.uniform(n + which) * static_cast<double>(most));
    };
    const AttentionShape shape{.queries = 1 + draw(0, 12),
                               .keys = 1 + draw(1, 250),
                               .head_dim = 1 + draw(2, 9),
                               .value_dim = 1,
                               .causal = draw(3, 2) == 0};
    test::Inputs inputs = draw(4, 3) == 0 ? test::tied_inputs(shape, 1 + static_cast<int>(draw(5, 3)))
                                          : test::gaussian_inputs(shape, 0.5 + static_cast<double>(draw(6, 5)));
    if (draw(7, 10) == 0) inputs.k[draw(8, inputs.k.size())] = draw(9, 2) == 0 ? NAN : simd::kInfinity;
    if (draw(10, 4) == 0) inputs.k[draw(11, inputs.k.size())] *= 1e6f;
    expect_exact(inputs, 1 + draw(12, shape.keys / 3 + 2));
    if (::testing::Test::HasFailure()) FAIL() << "case " << i;
  }
}

}  // namespace
}  // namespace heed
