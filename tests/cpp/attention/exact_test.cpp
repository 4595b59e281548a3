#include "attention/exact.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/exact_checks.hpp"
#include "support/golden.hpp"
#include "support/shapes.hpp"

namespace heed {
namespace {

struct NamedShape {
  const char* name;
  AttentionShape shape;
};

class ExactAttentionShapes : public ::testing::TestWithParam<NamedShape> {};

TEST_P(ExactAttentionShapes, MatchesTheReference) {
  for (const bool causal : {false, true}) {
    for (const Layout layout : {Layout::kTokenMajor, Layout::kHeadMajor}) {
      AttentionShape shape = GetParam().shape;
      shape.causal = causal;
      shape.layout = layout;
      const test::Inputs inputs = test::gaussian_inputs(shape, 2.0);
      test::expect_exact(inputs, test::attend(inputs));
    }
  }
}

AttentionShape shape(std::size_t batch, std::size_t queries, std::size_t keys, std::size_t heads, std::size_t kv_heads,
                     std::size_t d, std::size_t dv) {
  return {.batch = batch,
          .queries = queries,
          .keys = keys,
          .heads = heads,
          .kv_heads = kv_heads,
          .head_dim = d,
          .value_dim = dv};
}

INSTANTIATE_TEST_SUITE_P(Shapes, ExactAttentionShapes,
                         ::testing::Values(NamedShape{"OneOfEverything", shape(1, 1, 1, 1, 1, 1, 1)},
                                           NamedShape{"HeadsWithOwnKeys", shape(1, 33, 97, 8, 8, 16, 16)},
                                           NamedShape{"HeadsInPairs", shape(2, 97, 97, 8, 4, 16, 16)},
                                           NamedShape{"HeadsShareOneKeyHead", shape(1, 70, 100, 8, 1, 16, 8)},
                                           NamedShape{"SixHeadsOnTwo", shape(3, 45, 45, 6, 2, 12, 20)},
                                           NamedShape{"ValuesWiderThanKeys", shape(1, 40, 60, 2, 1, 8, 145)},
                                           NamedShape{"ValuesNarrowerThanKeys", shape(1, 40, 60, 2, 1, 145, 7)},
                                           NamedShape{"OneQueryManyKeys", shape(1, 1, 600, 4, 2, 64, 64)},
                                           NamedShape{"FewQueriesManyKeys", shape(2, 9, 300, 2, 2, 32, 32)},
                                           NamedShape{"MoreQueriesThanKeys", shape(1, 300, 17, 2, 1, 16, 16)},
                                           NamedShape{"UnitsThatShareBlocks", shape(2, 300, 250, 4, 2, 16, 9)},
                                           NamedShape{"OneKey", shape(1, 50, 1, 2, 2, 8, 8)}),
                         [](const auto& info) { return info.param.name; });

TEST(ExactAttention, MatchesTheReferenceAtEveryLength) {
  for (const std::size_t n : test::lengths()) {
    for (const bool causal : {false, true}) {
      SCOPED_TRACE(::testing::Message() << "n " << n << (causal ? ", causal" : ""));
      const test::Inputs inputs = test::gaussian_inputs(test::square(n, 8, causal));
      test::expect_exact(inputs, test::attend(inputs));
    }
  }
}

// The longest that is promised: 1366 blocks of keys for a few rows, and as many rows as keys with a window, so that the
// oracle can follow; of those a few all over.
TEST(ExactAttention, MatchesTheReferenceAtTheLongestLength) {
  constexpr std::size_t kLongest = 131072;
  for (const bool causal : {false, true}) {
    const test::Inputs inputs = test::gaussian_inputs(
        {.queries = 5, .keys = kLongest, .heads = 2, .kv_heads = 1, .head_dim = 8, .value_dim = 3, .causal = causal},
        3.0);
    test::expect_exact(inputs, test::attend(inputs, 2));
  }
  AttentionShape shape = test::square(kLongest, 4, true);
  shape.window = 40;
  shape.sinks = 3;
  const test::Inputs inputs = test::gaussian_inputs(shape, 3.0);
  const test::Exact result = test::attend(inputs, 2);
  for (const std::size_t query : {std::size_t{0}, std::size_t{41}, std::size_t{1000}, kLongest / 2 + 1, kLongest - 1}) {
    const reference::Row row{0, query, 0};
    const test::RowError error(inputs.tensors(), row);
    const std::vector<double> expected = reference::mix(inputs.tensors(), row, error.p);
    ASSERT_TRUE(test::within(error.output(), expected.data(), result.out.data() + inputs.out_at(row), 4)) << query;
  }
}

TEST(ExactAttention, MatchesTheReferenceAtEveryHeadSize) {
  for (const std::size_t d : test::head_dims()) {
    SCOPED_TRACE(::testing::Message() << "d " << d);
    const test::Inputs inputs = test::gaussian_inputs(test::square(101, d, true), 3.0);
    test::expect_exact(inputs, test::attend(inputs));
  }
}

TEST(ExactAttention, MatchesTheReferenceOnInputsOnPurpose) {
  const AttentionShape shape = test::square(200, 16, true);
  const std::size_t size = 200 * 16;
  const std::vector<float> values = test::gaussian(size, 3);
  const std::vector<float> small = test::gaussian(size, 4, 1e-3);
  std::vector<float> decades = test::gaussian(size, 5), dominated = small, ascending(size, 0.0f), denormal = small;
  for (std::size_t i = 0; i < size; ++i) {
    decades[i] *= static_cast<float>(std::pow(10.0, static_cast<double>(i / 16 % 7) - 3.0));
    denormal[i] *= 1e-37f;
    if (i % 16 == 0) ascending[i] = static_cast<float>(i / 16) * 0.5f;
  }
  for (std::size_t c = 0; c < 16; ++c) dominated[40 * 16 + c] = 3.0f;
  const std::pair<const char*, std::vector<float>> keys[] = {{"all zero", std::vector<float>(size, 0.0f)},
                                                             {"one repeated key", std::vector<float>(size, 0.7f)},
                                                             {"norms across six decades", decades},
                                                             {"one key dominates", dominated},
                                                             {"scores that climb", ascending},
                                                             {"denormal", denormal}};
  for (const auto& [name, k] : keys) {
    SCOPED_TRACE(name);
    std::vector<float> q = test::gaussian(size, 6);
    for (std::size_t i = 0; i < size; i += 16) q[i] = 4.0f + std::abs(q[i]);
    const test::Inputs inputs(shape, q, k, values);
    test::expect_exact(inputs, test::attend(inputs));
  }
}

// Scores of +-10^4: plain e^s overflows, and a score is off by 1e-2.
TEST(ExactAttention, MatchesTheReferenceOnHugeScores) {
  for (const bool causal : {false, true}) {
    test::Inputs inputs = test::gaussian_inputs(test::square(150, 4, causal));
    inputs.scale = 2500.0f;
    test::expect_exact(inputs, test::attend(inputs));
  }
}

TEST(ExactAttention, MatchesTheGoldenCases) {
  const test::Golden golden("attention.txt");
  for (const std::string name : {"plain", "causal", "grouped", "tiny"}) {
    SCOPED_TRACE(name);
    const std::vector<double>& s = golden[name + ".shape"];
    const auto size = [&](int i) { return static_cast<std::size_t>(s[static_cast<std::size_t>(i)]); };
    const test::Inputs inputs = [&] {
      test::Inputs made({.queries = size(0),
                         .keys = size(1),
                         .heads = size(2),
                         .kv_heads = size(3),
                         .head_dim = size(4),
                         .value_dim = size(5),
                         .causal = size(6) != 0},
                        golden.floats(name + ".q"), golden.floats(name + ".k"), golden.floats(name + ".v"));
      made.scale = static_cast<float>(s[7]);
      return made;
    }();
    const test::Exact actual = test::attend(inputs);
    const std::vector<double>&out = golden[name + ".out"], &lse = golden[name + ".lse"];
    ASSERT_EQ(out.size(), actual.out.size());
    ASSERT_EQ(lse.size(), actual.lse.size());
    for (const reference::Row row : inputs.each_row()) {
      const test::RowError error(inputs.tensors(), row);
      const std::size_t at = inputs.out_at(row), r = inputs.shape.row_index(row.batch, row.query, row.head);
      // Nine digits of the file, beside the bound of the family.
      EXPECT_TRUE(test::within(error.output() + 1e-8, &out[at], &actual.out[at], inputs.shape.value_dim));
      EXPECT_TRUE(test::within(error.log_sum(lse[r]) + 1e-8, &lse[r], &actual.lse[r], 1));
    }
  }
}

TEST(ExactAttention, GivesTheSameBitsForEveryNumberOfThreadsAndEveryBatching) {
  for (const bool causal : {false, true}) {
    AttentionShape many = shape(2, 300, 333, 6, 2, 20, 13);
    many.causal = causal;
    const test::Inputs inputs = test::gaussian_inputs(many, 4.0);
    const test::Exact one = test::attend(inputs);
    for (const std::size_t threads : {1u, 2u, 3u}) {
      for (const std::size_t batch : {0u, 1u, 3u}) {
        const test::Exact other = test::attend(inputs, threads, batch);
        EXPECT_TRUE(test::same_bits(one.out, other.out)) << threads << " threads, " << batch << " at a time";
        EXPECT_TRUE(test::same_bits(one.lse, other.lse)) << threads << " threads, " << batch << " at a time";
      }
    }
  }
}

TEST(ExactAttention, TheLogSumExpIsOptional) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(20, 4));
  TaskPool pool;
  test::Guarded<float> out(inputs.out_size());
  ExactAttention job(inputs.problem(out.data(), nullptr), pool);
  ASSERT_TRUE(job.status().ok());
  job.run({0, job.units()});
  EXPECT_TRUE(test::same_bits(test::attend(inputs).out, out.values()));
}

TEST(ExactAttention, GivesItsMemoryBack) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(100, 8));
  const std::size_t before = live_bytes();
  for (int i = 0; i < 20; ++i) test::attend(inputs, 2);
  EXPECT_EQ(live_bytes(), before);
}

}  // namespace
}  // namespace heed
