// Top-k decoding: the kept set against a full sort of the cache's own scores, the rest against the oracle.
#include <gtest/gtest.h>

#include "support/cached.hpp"
#include "support/shapes.hpp"
#include "support/topk_checks.hpp"

namespace heed {
namespace {

using simd::RowType;

constexpr Estimator kEstimators[] = {Estimator::kRenormalized, Estimator::kRaw, Estimator::kCompensated,
                                     Estimator::kLinear};

/// Family "exact".
void expect_sets(const KvCache& cache, const test::Inputs& inputs, const Budget& budget, const test::Sparse& result) {
  for (const reference::Row row : inputs.each_row()) {
    const std::size_t visible = inputs.shape.end(row.query), r = row.query * inputs.shape.heads + row.head;
    std::vector<float> scores = test::cached_scores(cache, inputs, row.query, row.head);
    scores.resize(visible);
    std::vector<std::uint32_t> expected = reference::first_k(scores, budget.entries(visible));
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(result.kept[r], expected.size());
    ASSERT_EQ(result.keys_of(r), expected) << "query " << row.query << ", head " << row.head;
  }
}

/// Bounds hold, and the estimate is no farther from the truth than the bound says it may be.
void expect_screened_mass(const test::Inputs& inputs, const test::Sparse& result) {
  const auto logit = [](double tau) { return std::log(tau) - std::log1p(-tau); };
  for (const reference::Row row : inputs.each_row()) {
    const test::RowError error(inputs.tensors(), row);
    const std::size_t r = row.query * inputs.shape.heads + row.head;
    if (error.p.empty()) continue;
    const double tau = reference::dropped_mass(error.p, result.keys_of(r));
    ASSERT_GE(double{result.bound[r]}, tau) << "the certificate is wrong";
    ASSERT_GE(result.bound[r], result.dropped[r]);
    if (tau < 1e-6 || result.bound[r] >= 1.0f) continue;
    const double slack = logit(double{result.bound[r]}) - logit(double{result.dropped[r]});
    ASSERT_LE(logit(double{result.dropped[r]}) - logit(tau), slack + 1e-4);
  }
}

void expect_topk(const test::Inputs& inputs, const Budget& budget) {
  for (const RowType type : test::kRowTypes) {
    KvCache cache = test::filled_cache(inputs, type);
    const test::Inputs rounded = test::as_cached(cache, inputs);
    for (const Estimator estimator : kEstimators) {
      for (const CacheSearch search : {CacheSearch::kExact, CacheSearch::kByte}) {
        SCOPED_TRACE(::testing::Message() << test::name_of(type) << ", estimator " << static_cast<int>(estimator)
                                          << ", search " << static_cast<int>(search));
        const test::Sparse result = test::decode_topk(cache, inputs, budget, estimator, search);
        expect_sets(cache, inputs, budget, result);
        expect_screened_mass(rounded, result);
        // The band is in all but the renormalized rows, which need only the kept scores.
        if (search == CacheSearch::kExact || type == RowType::kByte) {
          test::expect_estimate(rounded, estimator, result);
        } else if (estimator == Estimator::kRenormalized) {
          const test::Sparse exact = test::decode_topk(cache, inputs, budget, estimator, CacheSearch::kExact);
          for (std::size_t i = 0; i < result.out.size(); ++i) ASSERT_NEAR(result.out[i], exact.out[i], 2e-5);
        }
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(CacheTopK, KeepsTheBestAtEveryLength) {
  for (const std::size_t n : {1u, 2u, 7u, 64u, 65u, 1023u, 1024u, 1025u, 2500u}) {
    SCOPED_TRACE(n);
    expect_topk(test::gaussian_inputs(test::newest(1, n, 16)), {.k = 5});
  }
}

TEST(CacheTopK, KeepsAsManyAsTheBudgetSays) {
  const test::Inputs inputs = test::gaussian_inputs(test::newest(1, 2300, 16), 2.0);
  for (const std::size_t k : {1u, 8u, 64u, 700u, 2300u, 5000u}) expect_topk(inputs, {.k = k});
  expect_topk(inputs, {.k = 0, .law = {1.5, 0.5}});
}

TEST(CacheTopK, ServesManyQueriesOfManyHeads) {
  AttentionShape shape = test::newest(11, 1300, 12);
  shape.heads = 6;
  shape.kv_heads = 2;
  shape.value_dim = 7;
  expect_topk(test::gaussian_inputs(shape), {.k = 9});
}

TEST(CacheTopK, BreaksTiesByIndex) {
  for (const int most : {1, 2}) {
    AttentionShape shape = test::newest(2, 2200, 6);
    expect_topk(test::tied_inputs(shape, most), {.k = 33});
  }
}

TEST(CacheTopK, FindsTheSetAmongOutliers) {
  AttentionShape shape = test::newest(1, 2500, 16);
  test::Inputs inputs = test::gaussian_inputs(shape);
  for (std::size_t t = 0; t < shape.keys; t += 97) {
    for (std::size_t c = 0; c < 16; ++c) inputs.k[t * 16 + c] *= t % 2 == 0 ? 40.0f : 1e-4f;
    inputs.k[t * 16 + t % 16] *= 25.0f;
  }
  for (const RowType type : {RowType::kFloat, RowType::kHalf}) {
    KvCache cache = test::filled_cache(inputs, type);
    for (const std::size_t k : {3u, 60u, 300u}) {
      const Budget budget{.k = k};
      expect_sets(cache, inputs, budget, test::decode_topk(cache, inputs, budget, Estimator::kRaw, CacheSearch::kByte));
    }
  }
}

// The best keys are those that the sample looks at, or all that it does not look at: its threshold lets through too few
// keys, or far too many.
TEST(CacheTopK, FindsTheSetWhereTheSampleMisleads) {
  const std::size_t n = 4096, d = 16;
  for (const bool sampled : {true, false}) {
    test::Inputs inputs = test::gaussian_inputs(test::newest(1, n, d));
    for (std::size_t t = 0; t < n; ++t)
      if ((t % 8 == 0) == sampled)
        for (std::size_t c = 0; c < d; ++c) inputs.k[t * d + c] += 0.5f * inputs.q[c];
    expect_topk(inputs, {.k = 700});
    expect_topk(inputs, {.k = 30});
  }
}

// Scores so large that those of the shadow keys are off by hundreds: what is kept may lie far below what they promised.
TEST(CacheTopK, WeighsWhatItKeepsHoweverWideTheBandIs) {
  for (const RowType type : {RowType::kFloat, RowType::kHalf})
    for (const float scale : {30.0f, -1e3f, -1e5f})
      for (std::uint64_t stream = 0; stream < 30; ++stream) {
        SCOPED_TRACE(::testing::Message() << test::name_of(type) << ", scale " << scale << ", stream " << stream);
        const AttentionShape shape = test::newest(1, stream % 2 == 0 ? 3 : 200, 3);
        test::Inputs inputs(shape, test::gaussian(3, 3 * stream), test::gaussian(shape.keys * 3, 3 * stream + 1),
                            test::gaussian(shape.keys * 3, 3 * stream + 2));
        inputs.scale = scale;
        KvCache cache = test::filled_cache(inputs, type);
        for (const Estimator estimator : kEstimators) {
          const test::Sparse result = test::decode_topk(cache, inputs, {.k = 1}, estimator, CacheSearch::kByte);
          expect_sets(cache, inputs, {.k = 1}, result);
          expect_screened_mass(test::as_cached(cache, inputs), result);
          ASSERT_TRUE(test::none_nan(result.out.data(), 3));
          if (estimator != Estimator::kRenormalized) continue;
          for (std::size_t c = 0; c < 3; ++c) {
            float value[3];
            cache.read(0, 0, result.keys_of(0)[0], nullptr, value);
            ASSERT_NEAR(result.out[c], value[c], 4.0 * test::kUnit * std::abs(value[c]))
                << "one key has all the weight";
          }
        }
      }
}

// Numbers whose products overflow: exact scores are not numbers, those of the shadow keys may be anything.
TEST(CacheTopK, KeepsTheSameTokensAsTheScanWhereScoresOverflow) {
  for (std::uint64_t stream = 0; stream < 20; ++stream) {
    SCOPED_TRACE(stream);
    test::Inputs inputs = test::gaussian_inputs(test::newest(1, 4, 33));
    const std::vector<float> query = test::gaussian(33, 50 + stream);
    inputs.scale = 1.0f;
    for (std::size_t c = 0; c < 33; ++c) inputs.q[c] = query[c];
    for (std::size_t i = 0; i < 4 * 33; ++i) inputs.k[i] = i < 33 ? -3e38f : 3e38f;
    inputs.k[33 + 3] = 0.0f;
    KvCache cache = test::filled_cache(inputs);
    const test::Sparse result = test::decode_topk(cache, inputs, {.k = 1}, Estimator::kRaw, CacheSearch::kByte);
    expect_sets(cache, inputs, {.k = 1}, result);
  }
}

TEST(CacheTopK, SpoiledTokensSpoilTheRowsThatSeeThem) {
  for (const float spoiler : {NAN, INFINITY}) {
    for (const CacheSearch search : {CacheSearch::kExact, CacheSearch::kByte}) {
      test::Inputs inputs = test::gaussian_inputs(test::newest(3, 2100, 16));
      inputs.k[2099 * 16 + 3] = spoiler;
      KvCache cache = test::filled_cache(inputs);
      const test::Sparse result = test::decode_topk(cache, inputs, {.k = 20}, Estimator::kLinear, search);
      EXPECT_TRUE(test::none_nan(result.out.data(), 2 * 16));
      EXPECT_TRUE(test::all_nan(result.out.data() + 2 * 16, 16));
      EXPECT_TRUE(std::isnan(result.dropped[2]));
      test::Inputs query = test::gaussian_inputs(test::newest(3, 2100, 16));
      query.q[16] = spoiler;
      KvCache clean = test::filled_cache(query);
      const test::Sparse rows = test::decode_topk(clean, query, {.k = 20}, Estimator::kLinear, search);
      EXPECT_TRUE(test::none_nan(rows.out.data(), 16));
      EXPECT_TRUE(test::all_nan(rows.out.data() + 16, 16));
      EXPECT_TRUE(test::none_nan(rows.out.data() + 32, 16));
    }
  }
}

TEST(CacheTopK, GivesTheSameBitsForAnyNumberOfThreads) {
  AttentionShape shape = test::newest(9, 3000, 32);
  shape.heads = 4;
  shape.kv_heads = 2;
  const test::Inputs inputs = test::gaussian_inputs(shape);
  for (const CacheSearch search : {CacheSearch::kExact, CacheSearch::kByte}) {
    KvCache one = test::filled_cache(inputs), more = test::filled_cache(inputs);
    const test::Sparse a = test::decode_topk(one, inputs, {.k = 50}, Estimator::kLinear, search, 1);
    const test::Sparse b = test::decode_topk(more, inputs, {.k = 50}, Estimator::kLinear, search, 3);
    EXPECT_TRUE(test::same_bits(a.out, b.out));
    EXPECT_TRUE(test::same_bits(a.bound, b.bound));
    EXPECT_EQ(a.indices, b.indices);
  }
}

// Appending, rewinding and forking leave shadows and sums that are those of a cache which never held anything else.
TEST(CacheTopK, RemembersNothingOfWhatWasRewound) {
  const std::size_t n = 2 * kTailStep + 300;
  const test::Inputs inputs = test::gaussian_inputs(test::newest(1, n, 8));
  const Budget budget{.k = 12};
  KvCache cache = test::empty_cache(inputs.shape);
  std::size_t length = 0;
  for (const std::size_t to : {n, n - 70, n - 5, kTailStep + 1, kTailStep, kTailStep + 10, std::size_t{100}, n}) {
    if (to < length) {
      ASSERT_TRUE(cache.rewind(to).ok());
    } else {
      test::append(cache, inputs, {length, to});
    }
    length = to;
    AttentionShape shape = inputs.shape;
    shape.keys = length;
    test::Inputs part(shape, inputs.q.values(), inputs.k.values(), inputs.v.values());
    KvCache fresh = test::filled_cache(part);
    for (const CacheSearch search : {CacheSearch::kExact, CacheSearch::kByte}) {
      const test::Sparse expected = test::decode_topk(fresh, part, budget, Estimator::kLinear, search);
      const test::Sparse actual = test::decode_topk(cache, part, budget, Estimator::kLinear, search);
      EXPECT_TRUE(test::same_bits(expected.out, actual.out)) << length;
      EXPECT_TRUE(test::same_bits(expected.bound, actual.bound)) << length;
    }
    KvCache copy(cache.shape());
    ASSERT_TRUE(copy.fork(cache).ok());
    test::append(copy, inputs, {0, 3});
    test::decode_topk(copy, part, budget, Estimator::kLinear, CacheSearch::kByte);
  }
}

TEST(CacheTopK, ForgetsTheOutliersThatWereRewound) {
  const std::size_t n = 1130;  // in the middle of a group of tokens that share a band
  test::Inputs inputs = test::gaussian_inputs(test::newest(1, n, 8));
  KvCache cache = test::filled_cache(inputs), fresh = test::filled_cache(inputs);
  const std::vector<float> outlier(8, 100.0f);
  TaskPool pool;
  ASSERT_TRUE(cache.append(0, outlier.data(), outlier.data(), 1, pool).ok());
  ASSERT_TRUE(cache.shadow().update(cache, 0, pool));
  ASSERT_TRUE(cache.rewind(n).ok());
  for (const CacheSearch search : {CacheSearch::kExact, CacheSearch::kByte}) {
    const test::Sparse expected = test::decode_topk(fresh, inputs, {.k = 5}, Estimator::kRaw, search);
    const test::Sparse actual = test::decode_topk(cache, inputs, {.k = 5}, Estimator::kRaw, search);
    EXPECT_TRUE(test::same_bits(expected.bound, actual.bound));
  }
}

TEST(ListedScores, AreTheBitsOfTheStream) {
  for (const std::size_t d : {3u, 16u, 64u, 100u}) {
    for (const RowType type : test::kRowTypes) {
      const test::Inputs inputs = test::gaussian_inputs(test::newest(1, 2100, d));
      const KvCache cache = test::filled_cache(inputs, type);
      const std::vector<float> all = test::cached_scores(cache, inputs, 0, 0);
      const DecodeProblem problem = test::decode_problem(inputs, nullptr, nullptr);
      DecodeScores scores(cache, problem);
      ASSERT_TRUE(scores.prepare());
      scores.start({0, 1});
      for (const std::size_t count : {0u, 1u, 2u, 3u, 4u, 5u, 9u, 70u, 256u, 300u, 700u}) {
        std::vector<std::uint32_t> list;
        std::vector<float> expected, actual(count);
        // From page to page and back.
        for (std::size_t i = 0; i < count; ++i) list.push_back(static_cast<std::uint32_t>((611 * i + count) % 2100));
        for (const std::uint32_t j : list) expected.push_back(all[j]);
        scores.form_listed(0, 0, list.data(), count, actual.data());
        EXPECT_TRUE(test::same_bits(expected, actual)) << test::name_of(type) << ", d " << d;
      }
    }
  }
}

}  // namespace
}  // namespace heed
