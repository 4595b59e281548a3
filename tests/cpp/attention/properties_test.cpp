// What must hold of attention whatever the numbers: invariances, and how far a number that is not finite may reach.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/compare.hpp"
#include "support/run.hpp"

namespace heed {
namespace {

// Both sides are computed: twice the bound of the family.
void expect_close(const test::Inputs& inputs, const std::vector<float>& a, const std::vector<float>& b) {
  for (const reference::Row row : inputs.each_row()) {
    const test::RowError error(inputs.tensors(), row);
    const std::size_t at = inputs.out_at(row);
    const std::vector<double> expected(a.begin() + static_cast<std::ptrdiff_t>(at),
                                       a.begin() + static_cast<std::ptrdiff_t>(at + inputs.shape.value_dim));
    ASSERT_TRUE(test::within(2.0 * error.output(), expected.data(), &b[at], expected.size())) << "query " << row.query;
  }
}

TEST(ExactAttention, OneVectorAddedToEveryKeyChangesNothing) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(130, 8), 2.0);
  std::vector<float> shifted = inputs.k.values();
  for (std::size_t i = 0; i < shifted.size(); ++i) shifted[i] += 0.25f * static_cast<float>(i % 8);
  const test::Inputs moved(inputs.shape, inputs.q.values(), shifted, inputs.v.values());
  expect_close(moved, test::attend(inputs).out, test::attend(moved).out);
}

TEST(ExactAttention, PermutingKeysWithTheirValuesChangesNothing) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(250, 8), 2.0);
  std::vector<std::size_t> order(250);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const CounterRandom random(test::seed(), 9);
  for (std::size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[random.bits(i) % (i + 1)]);
  std::vector<float> k(250 * 8), v(250 * 8);
  for (std::size_t j = 0; j < 250; ++j) {
    std::copy_n(inputs.k.data() + order[j] * 8, 8, k.data() + j * 8);
    std::copy_n(inputs.v.data() + order[j] * 8, 8, v.data() + j * 8);
  }
  const test::Inputs permuted(inputs.shape, inputs.q.values(), k, v);
  expect_close(permuted, test::attend(inputs).out, test::attend(permuted).out);
}

TEST(ExactAttention, PermutingQueriesPermutesRows) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(100, 8), 2.0);
  std::vector<float> q = inputs.q.values();
  for (std::size_t i = 0; i < 50; ++i) std::swap_ranges(&q[i * 8], &q[i * 8] + 8, &q[(99 - i) * 8]);
  const test::Inputs turned(inputs.shape, q, inputs.k.values(), inputs.v.values());
  std::vector<float> out = test::attend(turned).out;
  for (std::size_t i = 0; i < 50; ++i) std::swap_ranges(&out[i * 8], &out[i * 8] + 8, &out[(99 - i) * 8]);
  expect_close(inputs, test::attend(inputs).out, out);
}

TEST(ExactAttention, BothLayoutsGiveTheSameBits) {
  AttentionShape s{.batch = 2, .queries = 37, .keys = 41, .heads = 4, .kv_heads = 2, .head_dim = 6, .value_dim = 5};
  const test::Inputs token = test::gaussian_inputs(s);
  const auto turn = [](const std::vector<float>& from, std::size_t batch, std::size_t n, std::size_t heads,
                       std::size_t d) {
    std::vector<float> to(from.size());
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t h = 0; h < heads; ++h)
          std::copy_n(&from[((b * n + i) * heads + h) * d], d, &to[((b * heads + h) * n + i) * d]);
    return to;
  };
  s.layout = Layout::kHeadMajor;
  const test::Inputs head(s, turn(token.q.values(), 2, 37, 4, 6), turn(token.k.values(), 2, 41, 2, 6),
                          turn(token.v.values(), 2, 41, 2, 5));
  const test::Exact a = test::attend(token), b = test::attend(head);
  EXPECT_TRUE(test::same_bits(turn(a.out, 2, 37, 4, 5), b.out));
  EXPECT_TRUE(test::same_bits(a.lse, b.lse)) << "the log-sum-exp is (batch, queries, heads) in both layouts";
}

TEST(ExactAttention, ACausalRowIsTheSameQueryOverItsOwnKeys) {
  const test::Inputs causal = test::gaussian_inputs(test::square(120, 8, true), 2.0);
  const std::vector<float> rows = test::attend(causal).out;
  for (const std::size_t i : {0u, 1u, 16u, 95u, 96u, 119u}) {
    AttentionShape s = test::square(i + 1, 8);
    s.queries = 1;
    const test::Inputs alone(s, {causal.q.data() + i * 8, causal.q.data() + (i + 1) * 8},
                             {causal.k.data(), causal.k.data() + (i + 1) * 8},
                             {causal.v.data(), causal.v.data() + (i + 1) * 8});
    const std::vector<float> row = test::attend(alone).out;
    expect_close(
        alone,
        {rows.begin() + static_cast<std::ptrdiff_t>(i * 8), rows.begin() + static_cast<std::ptrdiff_t>(i * 8 + 8)},
        row);
  }
}

TEST(ExactAttention, WithoutKeysEveryRowIsZero) {
  for (const bool causal : {false, true}) {
    const test::Inputs inputs = test::gaussian_inputs(
        {.queries = 20, .keys = 0, .heads = 2, .kv_heads = 2, .head_dim = 4, .value_dim = 4, .causal = causal});
    const test::Exact result = test::attend(inputs);
    for (const float x : result.out) ASSERT_EQ(x, 0.0f);
    for (const float x : result.lse) ASSERT_EQ(x, -simd::kInfinity);
  }
}

TEST(ExactAttention, WithoutQueriesThereIsNothingToDo) {
  const test::Inputs inputs = test::gaussian_inputs({.queries = 0, .keys = 5, .head_dim = 4, .value_dim = 4});
  EXPECT_TRUE(test::attend(inputs).out.empty());
}

class NotFinite : public ::testing::TestWithParam<float> {};

// A key, value or query that is not finite reaches the rows that see it and no other. NaN changes no bit of the others;
// an infinite score raises the reference of its panel, and may change how the others in it round.
TEST_P(NotFinite, SpoilsOnlyTheRowsThatSeeIt) {
  for (const std::size_t spoiled : {3u, 100u, 195u, 299u}) {
    const AttentionShape s{
        .queries = 300, .keys = 300, .heads = 4, .kv_heads = 2, .head_dim = 8, .value_dim = 6, .causal = true};
    const test::Inputs clean = test::gaussian_inputs(s);
    const std::vector<float> expected = test::attend(clean).out;
    test::Inputs bad_key = clean, bad_value = clean, bad_query = clean;
    bad_key.k[(spoiled * 2 + 1) * 8 + 2] = GetParam();
    bad_value.v[(spoiled * 2 + 1) * 6 + 2] = GetParam();
    bad_query.q[(spoiled * 4 + 2) * 8 + 2] = GetParam();
    const std::vector<float> key = test::attend(bad_key).out, value = test::attend(bad_value).out,
                             query = test::attend(bad_query).out;
    for (const reference::Row row : clean.each_row()) {
      const float* want = &expected[clean.out_at(row)];
      SCOPED_TRACE(::testing::Message() << "key " << spoiled << ", query " << row.query << ", head " << row.head);
      const test::RowError error(clean.tensors(), row);
      const std::vector<double> near(want, want + 6);
      const auto unspoiled = [&](const std::vector<float>& out) {
        const float* actual = &out[clean.out_at(row)];
        return std::isnan(GetParam()) ? test::same_bits(want, actual, 6)
                                      : test::within(2.0 * error.output(), near.data(), actual, 6);
      };
      const bool sees = row.head >= 2 && row.query >= spoiled;
      if (!sees) {
        ASSERT_TRUE(unspoiled(key));
        ASSERT_TRUE(unspoiled(value));
      } else if (std::isnan(GetParam())) {
        ASSERT_TRUE(test::all_nan(&key[clean.out_at(row)], 6));
        const float* columns = &value[clean.out_at(row)];
        for (std::size_t c = 0; c < 6; ++c) ASSERT_EQ(std::isnan(columns[c]), c == 2) << "column " << c;
      } else {
        ASSERT_FALSE(std::isfinite(value[clean.out_at(row) + 2]));
      }
      if (row.head != 2 || row.query != spoiled) {
        ASSERT_TRUE(unspoiled(query));
      } else if (std::isnan(GetParam())) {
        ASSERT_TRUE(test::all_nan(&query[clean.out_at(row)], 6));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Numbers, NotFinite, ::testing::Values(NAN, INFINITY, -INFINITY));

TEST(AttentionProblem, SaysWhatIsWrong) {
  const auto code = [](auto&& change) {
    AttentionProblem problem{test::square(4, 4), nullptr, nullptr, nullptr, nullptr, nullptr, 1.0f};
    change(problem);
    return validate(problem);
  };
  EXPECT_TRUE(code([](auto&) {}).ok());
  for (std::size_t AttentionShape::* size :
       {&AttentionShape::heads, &AttentionShape::kv_heads, &AttentionShape::head_dim, &AttentionShape::value_dim,
        &AttentionShape::batch})
    EXPECT_EQ(code([&](auto& p) { p.shape.*size = 0; }).code, ErrorCode::kInvalidArgument);
  const Status heads = code([](auto& p) { p.shape.heads = 6, p.shape.kv_heads = 4; });
  EXPECT_EQ(heads.code, ErrorCode::kShapeMismatch);
  EXPECT_NE(heads.detail.find("heads is 6 and kvHeads is 4"), std::string::npos);
  EXPECT_EQ(code([](auto& p) { p.scale = NAN; }).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([](auto& p) { p.scale = INFINITY; }).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([](auto& p) { p.shape.queries = SIZE_MAX / 8; }).code, ErrorCode::kShapeMismatch);
  EXPECT_EQ(code([](auto& p) { p.shape.value_dim = SIZE_MAX / 8; }).code, ErrorCode::kShapeMismatch);
  EXPECT_EQ(code([](auto& p) { p.shape.keys = (1u << 24) + 1; }).code, ErrorCode::kUnsupported);
  EXPECT_TRUE(code([](auto& p) { p.shape.keys = 1u << 24; }).ok());
}

}  // namespace
}  // namespace heed
