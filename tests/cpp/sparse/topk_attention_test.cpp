// What top-k attention promises beside sets and sums: threads, numbers that are not finite, options, errors.
#include "sparse/topk_attention.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "sparse/dropped_mass.hpp"
#include "support/compare.hpp"
#include "support/run.hpp"

namespace heed {
namespace {

void expect_same(const test::Sparse& a, const test::Sparse& b) {
  EXPECT_TRUE(test::same_bits(a.out, b.out));
  EXPECT_TRUE(test::same_bits(a.dropped, b.dropped));
  EXPECT_TRUE(test::same_bits(a.bound, b.bound));
  EXPECT_EQ(a.kept, b.kept);
  EXPECT_EQ(a.indices, b.indices);
}

TEST(TopKAttention, GivesTheSameBitsForEveryNumberOfThreadsAndEveryBatching) {
  for (const bool causal : {false, true}) {
    const test::Inputs inputs = test::gaussian_inputs({.batch = 2,
                                                       .queries = 300,
                                                       .keys = 310,
                                                       .heads = 4,
                                                       .kv_heads = 2,
                                                       .head_dim = 12,
                                                       .value_dim = 7,
                                                       .causal = causal},
                                                      3.0);
    for (const std::size_t k : {std::size_t{16}, std::size_t{280}}) {
      for (const Estimator estimator : {Estimator::kCompensated, Estimator::kLinear}) {
        const test::Sparse one = test::attend_topk(inputs, {.k = k}, estimator);
        for (const std::size_t threads : {1u, 2u, 3u})
          for (const std::size_t batch : {0u, 1u, 3u}) {
            SCOPED_TRACE(::testing::Message() << threads << " threads, " << batch << " at a time, k " << k);
            expect_same(one, test::attend_topk(inputs, {.k = k}, estimator, threads, batch));
          }
      }
    }
  }
}

TEST(TopKAttention, TheOptionalResultsChangeNothing) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(100, 6, true));
  TaskPool pool;
  test::Guarded<float> out(inputs.out_size());
  TopKAttention job(inputs.problem(out.data()), {.budget = {.k = 9}}, pool);
  ASSERT_TRUE(job.status().ok());
  job.run({0, job.units()});
  EXPECT_TRUE(test::same_bits(test::attend_topk(inputs, {.k = 9}).out, out.values()));
}

TEST(TopKAttention, AHeadAmongOthersIsTheSameAsAlone) {
  const test::Inputs all = test::gaussian_inputs(
      {.queries = 60, .keys = 60, .heads = 4, .kv_heads = 4, .head_dim = 6, .value_dim = 6, .causal = true});
  AttentionShape shape = test::square(60, 6, true);
  std::vector<float> q, k, v;
  for (std::size_t i = 0; i < 60; ++i)
    for (std::size_t c = 0; c < 6; ++c) {
      q.push_back(all.q[(i * 4 + 3) * 6 + c]), k.push_back(all.k[(i * 4 + 3) * 6 + c]),
          v.push_back(all.v[(i * 4 + 3) * 6 + c]);
    }
  const test::Sparse many = test::attend_topk(all, {.k = 5});
  const test::Inputs alone(shape, q, k, v);
  const test::Sparse one = test::attend_topk(alone, {.k = 5});
  for (std::size_t i = 0; i < 60; ++i) {
    ASSERT_EQ(many.keys_of(i * 4 + 3), one.keys_of(i));
    ASSERT_TRUE(test::same_bits(&one.out[i * 6], &many.out[(i * 4 + 3) * 6], 6));
    ASSERT_EQ(many.dropped[i * 4 + 3], one.dropped[i]);
  }
}

class TopKNotFinite : public ::testing::TestWithParam<float> {};

// A row that does not see the number keeps its set, and everything else: bit for bit for NaN, to rounding for infinity,
// which raises the reference of its panel.
TEST_P(TopKNotFinite, SpoilsOnlyTheRowsThatSeeIt) {
  for (const Estimator estimator : {Estimator::kRenormalized, Estimator::kRaw, Estimator::kCompensated}) {
    for (const std::size_t spoiled : {3u, 95u, 150u, 260u, 299u}) {
      const test::Inputs clean = test::gaussian_inputs(
          {.queries = 300, .keys = 300, .heads = 4, .kv_heads = 2, .head_dim = 8, .value_dim = 6, .causal = true});
      const test::Sparse expected = test::attend_topk(clean, {.k = 7}, estimator);
      test::Inputs bad_key = clean, bad_value = clean;
      bad_key.k[(spoiled * 2 + 1) * 8 + 2] = GetParam();
      bad_value.v[(spoiled * 2 + 1) * 6 + 2] = GetParam();
      const test::Sparse key = test::attend_topk(bad_key, {.k = 7}, estimator);
      const test::Sparse value = test::attend_topk(bad_value, {.k = 7}, estimator);
      for (const reference::Row row : clean.each_row()) {
        const std::size_t r = clean.shape.row_index(row.batch, row.query, row.head);
        SCOPED_TRACE(::testing::Message() << "key " << spoiled << ", query " << row.query << ", head " << row.head);
        if (row.head < 2 || row.query < spoiled) {
          const test::RowError error(clean.tensors(), row);
          const double rounding = std::isnan(GetParam()) ? 0.0 : 2.0 * error.estimator(7, 0.1);
          const std::vector<double> near(&expected.out[r * 6], &expected.out[r * 6] + 6);
          ASSERT_TRUE(test::within(rounding, near.data(), &key.out[r * 6], 6));
          ASSERT_TRUE(test::within(rounding, near.data(), &value.out[r * 6], 6));
          ASSERT_NEAR(expected.dropped[r], key.dropped[r], rounding);
          ASSERT_NEAR(expected.bound[r], key.bound[r], rounding);
          ASSERT_EQ(expected.keys_of(r), key.keys_of(r));
        } else if (std::isnan(GetParam())) {
          ASSERT_TRUE(test::all_nan(&key.out[r * 6], 6));
          ASSERT_TRUE(std::isnan(key.dropped[r]) && std::isnan(key.bound[r]));
          if (estimator == Estimator::kCompensated && row.query >= 7) {
            ASSERT_TRUE(std::isnan(value.out[r * 6 + 2]));
          }
          ASSERT_EQ(expected.dropped[r], value.dropped[r]) << "values have no part in the mass";
        }
      }
    }
  }
}

// The bound of a row depends on what the row sees: a huge key later on does not widen it.
TEST(TopKAttention, TheBoundDoesNotLookAhead) {
  const test::Inputs clean = test::gaussian_inputs(test::square(200, 8, true));
  test::Inputs huge = clean;
  for (std::size_t c = 0; c < 8; ++c) huge.k[180 * 8 + c] = 1e5f;
  const test::Sparse expected = test::attend_topk(clean, {.k = 7}), actual = test::attend_topk(huge, {.k = 7});
  for (std::size_t i = 0; i < 160; ++i) ASSERT_EQ(actual.bound[i], expected.bound[i]) << i;
  EXPECT_GT(actual.bound[180], actual.dropped[180]);
}

INSTANTIATE_TEST_SUITE_P(Numbers, TopKNotFinite, ::testing::Values(NAN, INFINITY, -INFINITY));

TEST(TopKAttention, ARowOfMinusInfinityIsZero) {
  const test::Inputs inputs({.queries = 3, .keys = 50, .head_dim = 1, .value_dim = 2}, {1.0f, 1.0f, 1.0f},
                            std::vector<float>(50, -simd::kInfinity), test::gaussian(100, 3));
  const test::Sparse result = test::attend_topk(inputs, {.k = 4});
  for (const float x : result.out) EXPECT_EQ(x, 0.0f);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(result.dropped[i], 0.0f);
    EXPECT_EQ(result.keys_of(i), (std::vector<std::uint32_t>{0, 1, 2, 3})) << "lowest index first";
  }
}

TEST(TopKAttention, WithoutKeysOrQueries) {
  const test::Inputs no_keys = test::gaussian_inputs({.queries = 20, .keys = 0, .head_dim = 4, .value_dim = 4});
  const test::Sparse result = test::attend_topk(no_keys, {.k = 4});
  for (const float x : result.out) ASSERT_EQ(x, 0.0f);
  for (std::size_t i = 0; i < 20; ++i) {
    ASSERT_EQ(result.kept[i], 0u);
    ASSERT_EQ(result.bound[i], 0.0f);
  }
  const test::Inputs no_queries = test::gaussian_inputs({.queries = 0, .keys = 9, .head_dim = 4, .value_dim = 4});
  EXPECT_TRUE(test::attend_topk(no_queries, {.k = 4}).out.empty());
}

TEST(TopKAttention, GivesItsMemoryBack) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(100, 8));
  const std::size_t before = live_bytes();
  for (int i = 0; i < 20; ++i) test::attend_topk(inputs, {.k = 5}, Estimator::kCompensated, 2);
  EXPECT_EQ(live_bytes(), before);
}

TEST(Budget, SaysWhatIsWrong) {
  EXPECT_TRUE(validate(Budget{.k = 3}).ok());
  EXPECT_TRUE(validate(Budget{.k = 0, .law = {1.0, 0.5}}).ok());
  EXPECT_TRUE(validate(Budget{.k = 0, .law = {1.0, 0.0, 3, 3}}).ok());
  EXPECT_TRUE(validate(Budget{.k = 0, .law = {1.0, 1.0}}).ok());
  for (const WindowLaw law :
       {WindowLaw{0.0, 0.5}, WindowLaw{-1.0, 0.5}, WindowLaw{NAN, 0.5}, WindowLaw{INFINITY, 0.5}, WindowLaw{1.0, -0.1},
        WindowLaw{1.0, 1.1}, WindowLaw{1.0, NAN}, WindowLaw{1.0, 0.5, 5, 4}}) {
    const Status status = validate(Budget{.k = 0, .law = law});
    EXPECT_EQ(status.code, ErrorCode::kInvalidArgument) << law.alpha << " " << law.exponent;
    EXPECT_NE(status.detail.find("keep."), std::string::npos) << status.detail;
  }
  const test::Inputs inputs = test::gaussian_inputs(test::square(10, 4));
  TaskPool pool;
  std::vector<float> out(40);
  for (const double alpha : {-1.0, static_cast<double>(NAN)})
    EXPECT_EQ(TopKAttention(inputs.problem(out.data()), {.budget = {.k = 0, .law = {alpha, 0.5}}}, pool).status().code,
              ErrorCode::kInvalidArgument);
}

TEST(DroppedMass, TheBoundCoversTheErrorItStates) {
  const RowSums sums{.all = 10.0, .kept = 9.0, .visible = 100, .entries = 5, .moves = 3, .score_error = 1e-4};
  const DroppedMass mass = dropped_mass(sums);
  EXPECT_FLOAT_EQ(mass.value, 0.1f);
  // Z / (Z_H + Z_T e^(2 delta)) for the scores, and 2 eta for the sums: both must be inside.
  EXPECT_GE(static_cast<double>(mass.bound), 1.0 - 9.0 / (9.0 + std::exp(2e-4)));
  EXPECT_LT(mass.bound, 0.1002f);
  RowSums worse = sums;
  worse.score_error = 1e-3;
  EXPECT_GT(dropped_mass(worse).bound, mass.bound);
  worse = sums;
  worse.moves = 100;
  EXPECT_GT(dropped_mass(worse).bound, mass.bound);
}

// With enough moves of the reference nothing can be said about the sums: the bound is 1, never below the value.
TEST(DroppedMass, TheBoundIsNeverBelowTheValue) {
  for (const std::size_t moves : {0u, 1000u, 30000u, 61000u, 70000u, 1000000u}) {
    for (const double kept : {0.0, 5.0, 10.0, 10.001}) {
      const DroppedMass mass = dropped_mass({.all = 10.0,
                                             .kept = kept,
                                             .visible = std::size_t{1} << 24,
                                             .entries = 5,
                                             .moves = moves,
                                             .score_error = 0.0});
      ASSERT_GE(mass.bound, mass.value) << moves << " moves, " << kept << " kept";
      ASSERT_LE(mass.bound, 1.0f);
      ASSERT_GE(mass.value, 0.0f);
    }
  }
}

TEST(DroppedMass, SpecialRows) {
  EXPECT_EQ(dropped_mass({.all = 10.0, .kept = 9.9, .visible = 5, .entries = 5}).bound, 0.0f) << "nothing is dropped";
  EXPECT_EQ(dropped_mass({.all = 0.0, .kept = 0.0, .visible = 5, .entries = 2}).bound, 0.0f) << "no key has weight";
  EXPECT_TRUE(std::isnan(dropped_mass({.all = NAN, .kept = 1.0, .visible = 5, .entries = 2}).bound));
  EXPECT_TRUE(std::isnan(dropped_mass({.all = NAN, .kept = 1.0, .visible = 5, .entries = 2}).value));
}

}  // namespace
}  // namespace heed
