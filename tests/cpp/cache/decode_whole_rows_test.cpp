// Top-k decoding with rules, budgets of probabilities and certificates: against the oracle, a full sort of the cache's
// own scores, and the same rows without a cache.
#include "cache/decode_whole_rows.hpp"

#include <gtest/gtest.h>

#include "support/cached.hpp"
#include "support/certificate_checks.hpp"
#include "support/qkv.hpp"

namespace heed {
namespace {

using simd::RowType;

constexpr Estimator kEstimators[] = {Estimator::kRenormalized, Estimator::kRaw, Estimator::kCompensated,
                                     Estimator::kLinear};

AttentionShape grouped(std::size_t queries, std::size_t keys) {
  AttentionShape shape = test::newest(queries, keys, 12);
  shape.heads = 4;
  shape.kv_heads = 2;
  shape.value_dim = 7;
  return shape;
}

void expect_rows(const test::Inputs& inputs, const CacheTopKOptions& options) {
  const TopKOptions budgets{.budget = options.budget, .head_budgets = options.head_budgets};
  for (const RowType type : test::kRowTypes) {
    SCOPED_TRACE(::testing::Message() << test::name_of(type) << ", estimator " << static_cast<int>(options.estimator));
    KvCache cache = test::filled_cache(inputs, type);
    const test::Sparse result = test::decode_topk<CacheWholeRows>(cache, inputs, options, false);
    test::expect_exact_sets(inputs, budgets, result, test::scores_in(cache, inputs));
    test::expect_estimate(test::as_cached(cache, inputs), options.estimator, result);
    if (testing::Test::HasFatalFailure()) return;
  }
}

void expect_rows_of_all(const test::Inputs& inputs, const Budget& budget) {
  for (const Estimator estimator : kEstimators) expect_rows(inputs, {.budget = budget, .estimator = estimator});
}

std::vector<std::uint8_t> chosen(std::size_t size, std::uint64_t stream) {
  std::vector<std::uint8_t> allowed(size);
  const CounterRandom random(test::seed(), stream);
  for (std::size_t i = 0; i < size; ++i) allowed[i] = random.uniform(i) < 0.6 ? 1 : 0;
  return allowed;
}

/// Every rule that there is, alone and with others.
std::vector<test::Inputs> ruled_inputs(std::size_t queries, std::size_t keys, double sigma) {
  std::vector<test::Inputs> all;
  const auto add = [&](std::size_t window, std::size_t sinks, float softcap) -> test::Inputs& {
    AttentionShape shape = grouped(queries, keys);
    shape.window = window;
    shape.sinks = sinks;
    all.push_back(test::gaussian_inputs(shape, sigma));
    all.back().softcap = softcap;
    return all.back();
  };
  const std::size_t plane = queries * keys;
  add(keys / 3, 0, 0.0f);
  add(keys / 2, 5, 0.0f);
  add(0, 4, 0.0f);
  add(0, 0, 3.0f);
  add(0, 0, 0.0f).allowed = chosen(plane, 41);
  add(0, 0, 0.0f).allowed = chosen(4 * plane, 42);
  add(0, 0, 0.0f).bias = test::gaussian(plane, 43, 2.0);
  test::Inputs& every = add(keys / 2, 3, 4.0f);
  every.bias = test::gaussian(4 * plane, 44);
  for (std::size_t i = 0; i < every.bias.size(); i += 7) every.bias[i] = -simd::kInfinity;
  return all;
}

TEST(CacheWholeRows, KeepsTheShareOfTheRowThatIsAskedFor) {
  for (const std::size_t n : {1u, 63u, 64u, 1025u}) {
    SCOPED_TRACE(n);
    const test::Inputs inputs = test::gaussian_inputs(grouped(1, n), 2.0);
    for (const double mass : {1e-9, 0.5, 0.99, 1.0}) expect_rows(inputs, {.budget = {.mass = mass}});
    for (const double threshold : {1e-30, 0.01, 0.6}) expect_rows(inputs, {.budget = {.threshold = threshold}});
  }
  const test::Inputs inputs = test::gaussian_inputs(grouped(5, 700), 2.0);
  expect_rows_of_all(inputs, {.mass = 0.8});
  expect_rows_of_all(inputs, {.threshold = 0.01});
  expect_rows(inputs, {.budget = {.law = {1.0, 0.5, 30, 60}, .mass = 0.9}});
  expect_rows(inputs, {.budget = {.law = {1.0, 0.5, 9, 0}, .threshold = 0.5}});
}

TEST(CacheWholeRows, EveryHeadMayHaveItsOwnBudget) {
  const test::Inputs inputs = test::gaussian_inputs(grouped(3, 600), 2.0);
  const Budget budgets[] = {{.k = 3}, {.k = 0, .law = {1.0, 0.5}}, {.mass = 0.7}, {.threshold = 0.05}};
  for (const Estimator estimator : kEstimators) expect_rows(inputs, {.estimator = estimator, .head_budgets = budgets});
}

TEST(CacheWholeRows, RulesMatchTheReference) {
  for (const auto& [queries, keys] : {std::pair<std::size_t, std::size_t>{1, 500}, {11, 90}, {40, 20}}) {
    SCOPED_TRACE(::testing::Message() << queries << " queries, " << keys << " tokens");
    std::size_t number = 0;
    for (const test::Inputs& inputs : ruled_inputs(queries, keys, 2.0)) {
      SCOPED_TRACE(::testing::Message() << "rule " << number++);
      expect_rows_of_all(inputs, {.k = 6});
      expect_rows(inputs, {.budget = {.k = 0, .law = {1.0, 0.5}}});
      expect_rows(inputs, {.budget = {.mass = 0.6}});
    }
  }
}

// Pages of the cache begin and end inside windows, and most of them are not seen.
TEST(CacheWholeRows, LooksAtFarPagesOnlyThroughTheWindow) {
  AttentionShape shape = test::newest(3, 5 * kPageTokens + 40, 8);
  shape.window = kPageTokens + 100;
  shape.sinks = 3;
  expect_rows_of_all(test::gaussian_inputs(shape, 2.0), {.k = 30});
}

// What an ordinary scan does without a rule is the same set, and the same numbers to rounding.
TEST(CacheWholeRows, GivesTheRowsOfTheScan) {
  const test::Inputs inputs = test::gaussian_inputs(grouped(9, 1500), 1.5);
  for (const RowType type : test::kRowTypes)
    for (const Estimator estimator : kEstimators) {
      KvCache cache = test::filled_cache(inputs, type);
      const CacheTopKOptions options{.budget = {.k = 21}, .estimator = estimator};
      const test::Sparse whole = test::decode_topk<CacheWholeRows>(cache, inputs, options, false);
      const test::Sparse scan = test::decode_topk<CacheTopK>(cache, inputs, options, false);
      EXPECT_EQ(whole.indices, scan.indices);
      for (std::size_t i = 0; i < whole.out.size(); ++i) ASSERT_NEAR(whole.out[i], scan.out[i], 2e-5);
      for (std::size_t r = 0; r < whole.bound.size(); ++r) {
        ASSERT_NEAR(whole.dropped[r], scan.dropped[r], 2e-6);
        ASSERT_NEAR(whole.bound[r], scan.bound[r], type == RowType::kByte ? 1e-3 : 2e-4);
      }
    }
}

// Scores that are whole numbers are the same in a cache and without one: so are the sets, ties included.
TEST(CacheWholeRows, IsARowOfTheSameCallWithoutACache) {
  for (const std::size_t queries : {1u, 13u}) {
    std::size_t number = 0;
    for (const test::Inputs& rules : ruled_inputs(queries, 300, 1.0)) {
      SCOPED_TRACE(::testing::Message() << queries << " queries, rule " << number++);
      test::Inputs inputs = test::tied_inputs(rules.shape, 2);
      inputs.scale = 0.25f;
      inputs.softcap = rules.softcap;
      inputs.allowed = rules.allowed;
      inputs.bias = rules.bias;
      KvCache cache = test::filled_cache(inputs);
      const Budget budgets[] = {{.k = 7}, {.mass = 0.6}, {.threshold = 0.02}, {.k = 0, .law = {2.0, 0.5}}};
      for (const Estimator estimator : kEstimators) {
        const test::Sparse cached =
            test::decode_topk(cache, inputs, {.estimator = estimator, .head_budgets = budgets}, true);
        const test::Sparse plain =
            test::attend_topk(inputs, TopKOptions{.estimator = estimator, .head_budgets = budgets}, true);
        ASSERT_EQ(cached.indices, plain.indices);
        ASSERT_EQ(cached.offsets, plain.offsets);
        for (std::size_t i = 0; i < cached.out.size(); ++i) ASSERT_NEAR(cached.out[i], plain.out[i], 1e-5);
        for (std::size_t r = 0; r < cached.dropped.size(); ++r) {
          ASSERT_NEAR(cached.dropped[r], plain.dropped[r], 1e-6);
          ASSERT_NEAR(cached.single_gap[r], plain.single_gap[r], 1e-4);
          ASSERT_NEAR(cached.head_aware[r], plain.head_aware[r], 1e-4);
          ASSERT_NEAR(cached.blockwise[r], plain.blockwise[r], 1e-4);
          // A cache's scores are allowed two more roundings.
          ASSERT_NEAR(cached.output_error[r], plain.output_error[r], 1e-3f + 2e-3f * plain.output_error[r]);
        }
      }
    }
  }
}

TEST(CacheWholeRows, GivesTheSameBitsForAnyNumberOfThreads) {
  for (const test::Inputs& inputs : ruled_inputs(11, 2100, 1.0)) {
    KvCache one = test::filled_cache(inputs), more = test::filled_cache(inputs);
    for (const Budget& budget : {Budget{.k = 40}, Budget{.mass = 0.7}}) {
      const test::Sparse a = test::decode_topk(one, inputs, {.budget = budget}, true, 1);
      const test::Sparse b = test::decode_topk(more, inputs, {.budget = budget}, true, 3);
      EXPECT_TRUE(test::same_bits(a.out, b.out));
      EXPECT_TRUE(test::same_bits(a.dropped, b.dropped));
      EXPECT_TRUE(test::same_bits(a.bound, b.bound));
      EXPECT_TRUE(test::same_bits(a.blockwise, b.blockwise));
      EXPECT_TRUE(test::same_bits(a.output_error, b.output_error));
      EXPECT_EQ(a.indices, b.indices);
    }
  }
}

TEST(CacheWholeRows, WhatARowDoesNotSeeCannotReachIt) {
  for (const RowType type : test::kRowTypes)
    for (const float spoiler : {NAN, INFINITY, 3e38f}) {
      SCOPED_TRACE(::testing::Message() << test::name_of(type) << ", " << spoiler);
      AttentionShape shape = test::newest(1, 300, 8);
      test::Inputs clean = test::gaussian_inputs(shape);
      clean.allowed.assign(300, 1);
      clean.allowed[17] = clean.allowed[200] = 0;
      test::Inputs spoiled = clean;
      spoiled.k[17 * 8 + 3] = spoiled.v[200 * 8 + 1] = spoiler;
      for (const Estimator estimator : kEstimators) {
        KvCache a = test::filled_cache(clean, type), b = test::filled_cache(spoiled, type);
        const CacheTopKOptions options{.budget = {.k = 9}, .estimator = estimator};
        const test::Sparse expected = test::decode_topk(a, clean, options, true);
        const test::Sparse actual = test::decode_topk(b, spoiled, options, true);
        EXPECT_TRUE(test::same_bits(expected.out, actual.out));
        EXPECT_TRUE(test::same_bits(expected.dropped, actual.dropped));
        EXPECT_EQ(expected.indices, actual.indices);
        EXPECT_LT(actual.bound[0], 1.0f) << "the norm of a hidden token";
      }
    }
}

TEST(CacheWholeRows, SpoiledTokensSpoilTheRowsThatSeeThem) {
  AttentionShape shape = test::newest(3, 300, 8);
  shape.window = 50;
  for (const RowType type : test::kRowTypes) {
    test::Inputs inputs = test::gaussian_inputs(shape);
    inputs.k[299 * 8 + 3] = NAN;
    KvCache cache = test::filled_cache(inputs, type);
    const test::Sparse result = test::decode_topk(cache, inputs, {.budget = {.mass = 0.5}}, true);
    EXPECT_TRUE(test::none_nan(result.out.data(), 2 * 8));
    EXPECT_TRUE(test::all_nan(result.out.data() + 2 * 8, 8));
    EXPECT_TRUE(std::isnan(result.dropped[2]) && std::isnan(result.bound[2]) && std::isnan(result.blockwise[2]));
  }
}

TEST(CacheWholeRows, RowsThatSeeNothingAreZero) {
  test::Inputs inputs = test::gaussian_inputs(test::newest(5, 3, 4));
  inputs.allowed.assign(15, 1);
  for (std::size_t j = 0; j < 3; ++j) inputs.allowed[4 * 3 + j] = 0;  // the last query; the first two come too early
  KvCache cache = test::filled_cache(inputs);
  for (const Budget& budget : {Budget{.k = 2}, Budget{.mass = 0.5}}) {
    const test::Sparse result = test::decode_topk(cache, inputs, {.budget = budget}, true);
    for (const std::size_t i : {0u, 1u, 4u}) {
      EXPECT_EQ(result.kept[i], 0u);
      for (std::size_t c = 0; c < 4; ++c) EXPECT_EQ(result.out[i * 4 + c], 0.0f);
      for (const auto* all : {&result.dropped, &result.bound, &result.single_gap, &result.output_error})
        EXPECT_EQ((*all)[i], 0.0f);
    }
    EXPECT_NE(result.kept[2], 0u);
  }
}

/// At or above the truth: for what the cache stores and the queries as its scores round them, and for these as they
/// are.
void expect_certificates(const test::Inputs& inputs, const Budget& budget, Estimator estimator) {
  for (const RowType type : test::kRowTypes) {
    SCOPED_TRACE(::testing::Message() << test::name_of(type) << ", estimator " << static_cast<int>(estimator));
    KvCache cache = test::filled_cache(inputs, type);
    const test::Sparse result = test::decode_topk(cache, inputs, {.budget = budget, .estimator = estimator}, true);
    const test::Inputs rounded = test::as_cached(cache, inputs);
    test::expect_certificates(rounded, result, test::scores_in(cache, inputs));
    test::Inputs stored = rounded;
    stored.q = inputs.q;
    stored.scale = inputs.scale;
    test::expect_certificates(stored, result, test::scores_in(cache, inputs));
    if (testing::Test::HasFatalFailure()) return;
  }
}

void expect_certificates_of_all(const test::Inputs& inputs, std::initializer_list<Budget> budgets) {
  for (const Estimator estimator : kEstimators)
    for (const Budget& budget : budgets) expect_certificates(inputs, budget, estimator);
}

TEST(CacheCertificates, HoldOnRandomInputs) {
  for (const double sigma : {0.1, 1.0, 5.0})
    expect_certificates_of_all(test::gaussian_inputs(grouped(3, 300), sigma),
                               {{.k = 1}, {.k = 20}, {.k = 1000}, {.mass = 0.9}, {.threshold = 0.02}});
}

TEST(CacheCertificates, HoldOnClusteredInputs) {
  const std::size_t n = 200, d = 8;
  std::vector<float> centers = test::gaussian(5 * d, 20, 3.0), keys = test::gaussian(n * d, 21, 0.1);
  for (std::size_t i = 0; i < n * d; ++i) keys[i] += centers[i / (40 * d) * d + i % d];  // 40 in a row: boxes matter
  expect_certificates_of_all(test::Inputs(test::newest(4, n, d), test::gaussian(4 * d, 22), keys, keys),
                             {{.k = 4}, {.k = 40}});
}

TEST(CacheCertificates, HoldOnRealAttention) {
  for (const int layer : {0, 3, 6}) {
    const test::Inputs all = test::real_inputs(layer);
    AttentionShape shape = all.shape;
    shape.queries = 12;  // the last ones
    const std::vector<float> q = all.q.values();
    test::Inputs inputs(shape, {q.end() - 12 * 2 * 64, q.end()}, all.k.values(), all.v.values());
    inputs.scale = all.scale;
    expect_certificates(inputs, {.k = 8}, Estimator::kRenormalized);
    expect_certificates(inputs, {.k = 32}, Estimator::kLinear);
    expect_certificates(inputs, {.mass = 0.9}, Estimator::kCompensated);
  }
}

TEST(CacheCertificates, HoldUnderRules) {
  for (const test::Inputs& inputs : ruled_inputs(5, 200, 3.0))
    expect_certificates_of_all(inputs, {{.k = 2}, {.k = 30}});
}

TEST(CacheCertificates, HoldOnLargeScoresCloseTogether) {
  const std::size_t n = 200, d = 8;
  std::vector<float> queries = test::gaussian(2 * d, 25, 0.1), keys = test::gaussian(n * d, 26, 0.4);
  for (float& x : queries) x += 1.0f;
  for (std::size_t i = 0; i < n * d; ++i) keys[i] += i % d == 0 ? 1000.0f : 1000.0f + static_cast<float>(i % d);
  test::Inputs inputs(test::newest(2, n, d), queries, keys, test::gaussian(n * d, 27));
  inputs.scale = 1.0f;
  expect_certificates_of_all(inputs, {{.k = 1}, {.k = 50}, {.k = 200}});
}

TEST(CacheCertificates, HoldOnTiesAndUniformAttention) {
  expect_certificates_of_all(test::tied_inputs(test::newest(5, 100, 3)), {{.k = 5}, {.mass = 0.5}});
  const test::Inputs uniform({.queries = 1, .keys = 1000, .head_dim = 1, .value_dim = 16, .causal = true}, {0.0f},
                             std::vector<float>(1000, 1.0f), test::gaussian(16000, 3));
  expect_certificates_of_all(uniform, {{.k = 1}, {.k = 999}, {.k = 1000}});
}

// A box that is known only by its extremes says more than nothing where its keys are alike.
TEST(CacheCertificates, TheBlockwiseBoundKnowsWhatBoxesHold) {
  test::Inputs inputs = test::gaussian_inputs(test::newest(1, 96, 4));
  inputs.q[0] = 3.0f;
  for (const std::size_t j : {5u, 6u, 7u}) inputs.k[j * 4] = 6.0f;
  for (std::size_t j = 32; j < 96; ++j)
    for (std::size_t c = 0; c < 4; ++c) inputs.k[j * 4 + c] = 0.01f * inputs.k[j * 4 + c] - 0.5f;
  KvCache cache = test::filled_cache(inputs);
  const test::Sparse result = test::decode_topk(cache, inputs, {.budget = {.k = 3}}, true);
  EXPECT_LE(result.blockwise[0], 1.2f * result.dropped[0] + 1e-4f);
  EXPECT_LT(result.blockwise[0], result.head_aware[0]);
}

// Boxes are brought up to date from where they were, whatever came and went in between.
TEST(CacheCertificates, RememberNothingOfWhatWasRewound) {
  const test::Inputs inputs = test::gaussian_inputs(test::newest(1, 300, 8));
  KvCache cache = test::filled_cache(inputs), fresh = test::filled_cache(inputs);
  const CacheTopKOptions options{.budget = {.k = 5}};
  const std::vector<float> outlier(8, 100.0f);
  TaskPool pool;
  ASSERT_TRUE(cache.append(0, outlier.data(), outlier.data(), 1, pool).ok());
  ASSERT_TRUE(cache.boxes().update(cache, 0, pool));
  ASSERT_TRUE(cache.rewind(300).ok());
  const test::Sparse expected = test::decode_topk(fresh, inputs, options, true);
  const test::Sparse actual = test::decode_topk(cache, inputs, options, true);
  EXPECT_TRUE(test::same_bits(expected.blockwise, actual.blockwise));
  EXPECT_TRUE(test::same_bits(expected.bound, actual.bound));
}

// Counted budgets, one for each head, in the searches that know no rules: a head's rows are those of its budget alone.
TEST(CacheTopKSearch, EveryHeadHasItsOwnCountInEverySearch) {
  const test::Inputs inputs = test::gaussian_inputs(grouped(3, 1400), 2.0);
  const Budget budgets[] = {{.k = 3}, {.k = 0, .law = {1.0, 0.5}}, {.k = 50}, {.k = 2000}};
  for (const CacheSearch search :
       {CacheSearch::kExact, CacheSearch::kByte, CacheSearch::kBoxes, CacheSearch::kSketches}) {
    KvCache cache = test::filled_cache(inputs);
    CacheTopKOptions options{.estimator = Estimator::kLinear, .search = search, .sampled = true};
    options.head_budgets = budgets;
    const test::Sparse all = test::decode_topk(cache, inputs, options, false);
    options.head_budgets = nullptr;
    for (std::size_t head = 0; head < 4; ++head) {
      options.budget = budgets[head];
      const test::Sparse alone = test::decode_topk(cache, inputs, options, false);
      for (std::size_t i = 0; i < 3; ++i) {
        const std::size_t r = i * 4 + head;
        SCOPED_TRACE(::testing::Message() << "search " << static_cast<int>(search) << ", row " << r);
        ASSERT_EQ(all.keys_of(r), alone.keys_of(r));
        ASSERT_TRUE(test::same_bits(all.out.data() + r * 7, alone.out.data() + r * 7, 7));
        ASSERT_EQ(all.bound[r], alone.bound[r]);
        ASSERT_EQ(all.dropped[r], alone.dropped[r]);
      }
    }
  }
}

TEST(CacheTopKSearch, ScansWhereOnlyTheScanKnows) {
  const test::Inputs inputs = ruled_inputs(2, 1200, 1.0)[1];
  KvCache cache = test::filled_cache(inputs);
  const test::Sparse expected = test::decode_topk<CacheWholeRows>(cache, inputs, {.budget = {.k = 9}}, false);
  for (const CacheSearch search : {CacheSearch::kByte, CacheSearch::kBoxes, CacheSearch::kSketches})
    EXPECT_TRUE(test::same_bits(expected.out,
                                test::decode_topk(cache, inputs, {.budget = {.k = 9}, .search = search}, false).out));
}

TEST(CacheTopKSearch, BudgetsThatCannotBeAreRefused) {
  const test::Inputs inputs = test::gaussian_inputs(grouped(1, 10));
  KvCache cache = test::filled_cache(inputs);
  TaskPool pool;
  std::vector<float> out(28);
  const Budget budgets[] = {{.k = 3}, {.k = 3}, {.mass = 2.0}, {.k = 3}};
  const CacheTopKSearch job(cache, test::decode_problem(inputs, out.data(), nullptr), {.head_budgets = budgets}, pool);
  EXPECT_FALSE(job.status().ok());
  EXPECT_NE(job.status().detail.find("keep[2]"), std::string::npos) << job.status().detail;
}

}  // namespace
}  // namespace heed
