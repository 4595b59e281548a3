// Top-k decoding by searches that skip scores: sets against a full sort of the cache's own scores, bounds and intervals
// against exact probabilities.
#include "cache/decode_retrieved.hpp"

#include <gtest/gtest.h>

#include <random>

#include "support/cached.hpp"
#include "support/compare.hpp"
#include "support/seed.hpp"
#include "support/shapes.hpp"
#include "support/topk_checks.hpp"

namespace heed {
namespace {

using simd::RowType;

struct Retrieved : test::Sparse {
  std::vector<float> interval, recall;
};

struct Asked {
  CacheSearch search = CacheSearch::kBoxes;
  Estimator estimator = Estimator::kRenormalized;
  bool sampled = false;
  double enough = 0.0;
  std::uint64_t seed = 0;
  std::size_t threads = 1;
};

Retrieved retrieve(KvCache& cache, const test::Inputs& inputs, const Budget& budget, const Asked& asked) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(asked.threads).ok());
  const std::size_t rows = inputs.rows();
  test::Guarded<float> out(inputs.out_size()), dropped(rows), bound(rows), interval(rows), recall(rows);
  test::Guarded<std::uint32_t> offsets(rows + 1), kept(rows);
  EXPECT_TRUE(write_offsets(inputs.shape, budget, offsets.data()));
  test::Guarded<std::uint32_t> indices(std::vector<std::uint32_t>(offsets[rows], 0xFFFFFFFFu));
  CacheRetrieval job(cache, test::decode_problem(inputs, out.data(), nullptr),
                     {budget, asked.estimator, asked.search, dropped.data(), bound.data(), kept.data(), indices.data(),
                      offsets.data(), asked.enough, asked.sampled, asked.seed, interval.data(), recall.data()},
                     pool);
  EXPECT_TRUE(job.status().ok()) << job.status().detail;
  if (job.status().ok()) job.run({0, job.units()});
  EXPECT_TRUE(job.status().ok()) << job.status().detail;
  EXPECT_TRUE(out.guards_intact() && dropped.guards_intact() && bound.guards_intact() && interval.guards_intact() &&
              recall.guards_intact() && indices.guards_intact())
      << "written outside the outputs";
  return {{out.values(), dropped.values(), bound.values(), kept.values(), indices.values(), offsets.values()},
          interval.values(),
          recall.values()};
}

/// Family "exact".
void expect_exact_sets(const KvCache& cache, const test::Inputs& inputs, const Budget& budget,
                       const test::Sparse& result) {
  for (const reference::Row row : inputs.each_row()) {
    const std::size_t visible = inputs.shape.end(row.query), r = row.query * inputs.shape.heads + row.head;
    std::vector<float> scores = test::cached_scores(cache, inputs, row.query, row.head);
    scores.resize(visible);
    std::vector<std::uint32_t> expected = reference::first_k(scores, budget.entries(visible));
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(result.keys_of(r), expected) << "query " << row.query << ", head " << row.head;
  }
}

void expect_bounds(const test::Inputs& rounded, const test::Sparse& result) {
  for (const reference::Row row : rounded.each_row()) {
    const test::RowError error(rounded.tensors(), row);
    const std::size_t r = row.query * rounded.shape.heads + row.head;
    if (error.p.empty()) continue;
    ASSERT_GE(double{result.bound[r]}, reference::dropped_mass(error.p, result.keys_of(r))) << "not a bound";
    ASSERT_GE(result.bound[r], result.dropped[r]);
  }
}

/// Keys in runs around centers of their own.
test::Inputs clustered_inputs(const AttentionShape& shape, std::size_t run, float width) {
  test::Inputs inputs = test::gaussian_inputs(shape);
  const std::size_t row = shape.kv_heads * shape.head_dim;
  const test::Inputs centers = test::gaussian_inputs(shape, 1.0);
  for (std::size_t t = 0; t < shape.keys; ++t)
    for (std::size_t c = 0; c < row; ++c)
      inputs.k[t * row + c] = 2.0f * centers.v[t / run * row + c] + width * inputs.k[t * row + c];
  return inputs;
}

TEST(CacheRetrieval, BoxesFindTheExactSet) {
  for (const RowType type : test::kRowTypes) {
    for (const std::size_t n : {1u, 5u, 31u, 32u, 33u, 700u, 1025u, 5000u}) {
      SCOPED_TRACE(::testing::Message() << test::name_of(type) << ", " << n);
      const test::Inputs inputs = clustered_inputs(test::newest(1, n, 16), 48, 0.2f);
      KvCache cache = test::filled_cache(inputs, type);
      for (const std::size_t k : {1u, 7u, 64u, 600u}) {
        const Budget budget{.k = k};
        const Retrieved result = retrieve(cache, inputs, budget, {});
        expect_exact_sets(cache, inputs, budget, result);
        expect_bounds(test::as_cached(cache, inputs), result);
      }
    }
  }
}

// The promise of the issue: never another set than the exact one, whatever the keys.
TEST(CacheRetrieval, NoSearchWithABoundEverFindsAnotherSet) {
  std::mt19937_64 random(test::seed());
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (int round = 0; round < 150; ++round) {
    AttentionShape shape = test::newest(1 + below(3), 3 + below(3000), 1 + below(40));
    shape.heads = shape.kv_heads = 1 + below(2);
    shape.heads *= 1 + below(2);
    SCOPED_TRACE(::testing::Message() << "round " << round << ", " << shape.keys << " tokens, d " << shape.head_dim);
    test::Inputs inputs = below(4) == 0   ? test::tied_inputs(shape, 1 + static_cast<int>(below(3)))
                          : below(2) == 0 ? test::gaussian_inputs(shape, 0.1 + static_cast<double>(below(40)))
                                          : clustered_inputs(shape, 1 + below(100), 0.01f);
    // Outliers, tiny numbers and repeated keys.
    const std::size_t row = shape.kv_heads * shape.head_dim;
    for (std::size_t i = below(40); i > 0; --i) {
      const std::size_t t = below(shape.keys), from = below(shape.keys);
      const float factor = std::ldexp(1.0f, static_cast<int>(below(30)) - 20);
      for (std::size_t c = 0; c < row; ++c) inputs.k[t * row + c] = factor * inputs.k[from * row + c];
    }
    const RowType type = test::kRowTypes[below(3)];
    KvCache cache = test::filled_cache(inputs, type);
    const Budget budget{.k = 1 + below(100)};
    expect_exact_sets(cache, inputs, budget, retrieve(cache, inputs, budget, {}));
    expect_exact_sets(cache, inputs, budget,
                      test::decode_topk(cache, inputs, budget, Estimator::kRenormalized, CacheSearch::kByte));
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(CacheRetrieval, StopsEarlyOnlyWithACertificate) {
  const test::Inputs inputs = clustered_inputs(test::newest(1, 6000, 16), 64, 0.1f);
  KvCache cache = test::filled_cache(inputs);
  for (const double enough : {0.9, 0.3, 0.05}) {
    const Retrieved result = retrieve(cache, inputs, {.k = 200}, {.enough = enough});
    expect_bounds(inputs, result);
    const Retrieved exact = retrieve(cache, inputs, {.k = 200}, {});
    // Either it is the exact set, or what it drops is certified.
    if (result.indices != exact.indices) EXPECT_LE(double{result.bound[0]}, enough);
  }
}

TEST(CacheRetrieval, SketchesFindMostOfWhatPointsTheQueriesWay) {
  AttentionShape shape = test::newest(4, 9000, 32);
  shape.heads = shape.kv_heads = 2;
  const test::Inputs inputs = clustered_inputs(shape, 64, 0.3f);
  for (const RowType type : test::kRowTypes) {
    KvCache cache = test::filled_cache(inputs, type);
    const Retrieved result = retrieve(cache, inputs, {.k = 32}, {.search = CacheSearch::kSketches});
    expect_bounds(test::as_cached(cache, inputs), result);
    const Retrieved exact = retrieve(cache, inputs, {.k = 32}, {});
    std::size_t total = 0;
    for (std::size_t r = 0; r < inputs.rows(); ++r) {
      std::size_t found = 0;
      const std::vector<std::uint32_t> best = exact.keys_of(r);
      for (const std::uint32_t token : result.keys_of(r))
        found += std::binary_search(best.begin(), best.end(), token) ? 1 : 0;
      EXPECT_EQ(result.recall[r], static_cast<float>(found) / 32.0f);
      total += found;
      EXPECT_EQ(exact.recall[r], 1.0f);
    }
    // Of 512 tokens among 9000, any 512 hold 6 %.
    EXPECT_GT(static_cast<double>(total) / static_cast<double>(32 * inputs.rows()), 0.5);
  }
}

TEST(CacheRetrieval, FewTokensAreAllLookedAt) {
  const test::Inputs inputs = test::gaussian_inputs(test::newest(2, 900, 16));
  KvCache cache = test::filled_cache(inputs);
  const Budget budget{.k = 12};
  expect_exact_sets(cache, inputs, budget, retrieve(cache, inputs, budget, {.search = CacheSearch::kSketches}));
}

// With a tail that is sampled whole nothing is estimated: the estimators are those of the scan.
TEST(CacheRetrieval, ATailThatIsSampledWholeIsExact) {
  const test::Inputs inputs = test::gaussian_inputs(test::newest(3, 100, 16));
  for (const Estimator estimator :
       {Estimator::kRenormalized, Estimator::kRaw, Estimator::kCompensated, Estimator::kLinear}) {
    KvCache cache = test::filled_cache(inputs);
    const Retrieved sampled = retrieve(cache, inputs, {.k = 20}, {.estimator = estimator, .sampled = true});
    const test::Sparse exact = test::decode_topk(cache, inputs, {.k = 20}, estimator, CacheSearch::kExact);
    EXPECT_EQ(sampled.indices, exact.indices);
    for (std::size_t i = 0; i < exact.out.size(); ++i) EXPECT_NEAR(sampled.out[i], exact.out[i], 1e-5);
    for (std::size_t r = 0; r < inputs.rows(); ++r) {
      EXPECT_NEAR(sampled.dropped[r], exact.dropped[r], 1e-5);
      EXPECT_EQ(sampled.interval[r], 0.0f);
    }
  }
}

// Family "statistical": 95 % of the intervals hold the dropped mass; of 400 rows 340 are eight standard errors below.
TEST(CacheRetrieval, IntervalsHoldTheDroppedMass) {
  const test::Inputs inputs = test::gaussian_inputs(test::newest(1, 4000, 16));
  KvCache cache = test::filled_cache(inputs);
  const test::RowError error(inputs.tensors(), inputs.each_row()[0]);
  int held = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const Retrieved result = retrieve(cache, inputs, {.k = 64}, {.sampled = true, .seed = seed});
    const double tau = reference::dropped_mass(error.p, result.keys_of(0));
    held += std::abs(double{result.dropped[0]} - tau) <= double{result.interval[0]} ? 1 : 0;
  }
  EXPECT_GE(held, 340);
  EXPECT_LT(held, 400) << "an interval that always holds is too wide to say 95 %";
}

TEST(CacheRetrieval, ASampledLineIsNearerThanLeavingTheTailOut) {
  AttentionShape shape = test::newest(1, 8000, 16);
  shape.heads = shape.kv_heads = 8;
  const test::Inputs inputs = clustered_inputs(shape, 64, 0.3f);
  KvCache cache = test::filled_cache(inputs);
  const test::Exact exact = test::decode(cache, inputs);
  const auto off = [&](const Retrieved& result) {
    double sum = 0.0;
    for (std::size_t i = 0; i < exact.out.size(); ++i) sum += std::pow(double{result.out[i]} - double{exact.out[i]}, 2);
    return std::sqrt(sum);
  };
  for (const CacheSearch search : {CacheSearch::kBoxes, CacheSearch::kSketches}) {
    const Retrieved plain = retrieve(cache, inputs, {.k = 32}, {.search = search});
    const Retrieved line =
        retrieve(cache, inputs, {.k = 32}, {.search = search, .estimator = Estimator::kLinear, .sampled = true});
    EXPECT_LT(2.0 * off(line), off(plain));
  }
}

TEST(CacheRetrieval, AStepRepeatsBitForBit) {
  AttentionShape shape = test::newest(3, 5000, 16);
  shape.heads = 4;
  shape.kv_heads = 2;
  const test::Inputs inputs = test::gaussian_inputs(shape);
  for (const CacheSearch search : {CacheSearch::kBoxes, CacheSearch::kSketches}) {
    Asked asked{.search = search, .estimator = Estimator::kLinear, .sampled = true, .seed = 5};
    KvCache one = test::filled_cache(inputs), more = test::filled_cache(inputs);
    const Retrieved a = retrieve(one, inputs, {.k = 40}, asked);
    const Retrieved again = retrieve(one, inputs, {.k = 40}, asked);
    asked.threads = 3;
    const Retrieved b = retrieve(more, inputs, {.k = 40}, asked);
    EXPECT_TRUE(test::same_bits(a.out, b.out) && test::same_bits(a.out, again.out));
    EXPECT_TRUE(test::same_bits(a.interval, b.interval));
    asked.seed = 6;
    EXPECT_FALSE(test::same_bits(a.interval, retrieve(more, inputs, {.k = 40}, asked).interval));
  }
}

// Appending, rewinding and forking leave summaries and sketches that are those of a cache which never held anything
// else.
TEST(CacheRetrieval, RemembersNothingOfWhatWasRewound) {
  const std::size_t n = kShadowTokens + 300;
  const test::Inputs inputs = clustered_inputs(test::newest(1, n, 8), 40, 0.3f);
  KvCache cache = test::empty_cache(inputs.shape);
  std::size_t length = 0;
  for (const std::size_t to : {n, n - 70, n - 5, kShadowTokens + 1, kShadowTokens, std::size_t{1500}, std::size_t{900},
                               std::size_t{1200}, n}) {
    if (to < length) {
      ASSERT_TRUE(cache.rewind(to).ok());
      // Other tokens in between.
      test::append(cache, inputs, {0, 17});
      for (const CacheSearch search : {CacheSearch::kBoxes, CacheSearch::kSketches}) {
        AttentionShape shape = inputs.shape;
        shape.keys = to + 17;
        const test::Inputs other(shape, inputs.q.values(), inputs.k.values(), inputs.v.values());
        retrieve(cache, other, {.k = 12}, {.search = search});
      }
      ASSERT_TRUE(cache.rewind(to).ok());
    } else {
      test::append(cache, inputs, {length, to});
    }
    length = to;
    AttentionShape shape = inputs.shape;
    shape.keys = length;
    const test::Inputs part(shape, inputs.q.values(), inputs.k.values(), inputs.v.values());
    KvCache fresh = test::filled_cache(part);
    for (const CacheSearch search : {CacheSearch::kBoxes, CacheSearch::kSketches}) {
      const Asked asked{.search = search, .estimator = Estimator::kLinear, .sampled = true};
      const Retrieved expected = retrieve(fresh, part, {.k = 12}, asked),
                      actual = retrieve(cache, part, {.k = 12}, asked);
      EXPECT_EQ(expected.indices, actual.indices) << length;
      EXPECT_TRUE(test::same_bits(expected.out, actual.out)) << length;
      EXPECT_TRUE(test::same_bits(expected.bound, actual.bound)) << length;
    }
    KvCache copy(cache.shape());
    ASSERT_TRUE(copy.fork(cache).ok());
    test::append(copy, inputs, {0, 3});
    AttentionShape grown = inputs.shape;
    grown.keys = length + 3;
    const test::Inputs more(grown, inputs.q.values(), inputs.k.values(), inputs.v.values());
    retrieve(copy, more, {.k = 12}, {});
  }
}

TEST(CacheRetrieval, SpoiledTokensSpoilTheRowsThatLookAtThem) {
  test::Inputs inputs = test::gaussian_inputs(test::newest(3, 3000, 16));
  inputs.k[2998 * 16 + 3] = NAN;
  KvCache cache = test::filled_cache(inputs);
  const Retrieved result = retrieve(cache, inputs, {.k = 20}, {});
  EXPECT_TRUE(test::none_nan(result.out.data(), 16)) << "it does not see the token";
  EXPECT_TRUE(test::all_nan(result.out.data() + 16, 32));
  EXPECT_TRUE(std::isnan(result.bound[1]) && std::isnan(result.dropped[2]));
  for (const float spoiler : {NAN, INFINITY}) {
    test::Inputs query = test::gaussian_inputs(test::newest(3, 3000, 16));
    query.q[16] = spoiler;
    KvCache clean = test::filled_cache(query);
    for (const CacheSearch search : {CacheSearch::kBoxes, CacheSearch::kSketches}) {
      const Retrieved rows =
          retrieve(clean, query, {.k = 20}, {.search = search, .estimator = Estimator::kLinear, .sampled = true});
      EXPECT_TRUE(test::none_nan(rows.out.data(), 16));
      EXPECT_TRUE(test::all_nan(rows.out.data() + 16, 16));
      EXPECT_TRUE(test::none_nan(rows.out.data() + 32, 16));
    }
  }
}

TEST(CacheRetrieval, ARowThatSeesNothingIsZeroWhateverItsQueryIs) {
  // More queries than tokens: the first ones see none. Found by the fuzz target "pages".
  for (const float spoiler : {NAN, INFINITY}) {
    AttentionShape shape = test::newest(1, 1, 3);
    shape.queries = 5;
    test::Inputs inputs = test::gaussian_inputs(shape);
    inputs.q[0] = spoiler;
    KvCache cache = test::filled_cache(inputs);
    for (const CacheSearch search : {CacheSearch::kBoxes, CacheSearch::kSketches}) {
      const Retrieved rows = retrieve(cache, inputs, {.k = 3}, {.search = search, .sampled = true});
      EXPECT_EQ(rows.bound[0], 0.0f);
      EXPECT_EQ(rows.dropped[0], 0.0f);
      EXPECT_EQ(rows.out[0], 0.0f);
    }
  }
}

TEST(CacheRetrieval, RefusesWhatItCannotKnow) {
  AttentionShape shape = test::newest(1, 100, 8);
  const test::Inputs inputs = test::gaussian_inputs(shape);
  KvCache cache = test::filled_cache(inputs);
  TaskPool pool;
  const auto refused = [&](const DecodeProblem& problem, const CacheTopKOptions& options, const char* what) {
    const CacheRetrieval job(cache, problem, options, pool);
    EXPECT_FALSE(job.status().ok());
    EXPECT_NE(job.status().detail.find(what), std::string::npos) << job.status().detail;
  };
  std::vector<float> out(8);
  const DecodeProblem problem = test::decode_problem(inputs, out.data(), nullptr);
  refused(problem, {.budget = {.k = 3}, .estimator = Estimator::kLinear, .search = CacheSearch::kBoxes},
          "renormalized");
  DecodeProblem windowed = problem;
  windowed.window = 5;
  refused(windowed, {.budget = {.k = 3}, .estimator = Estimator::kRenormalized, .search = CacheSearch::kBoxes},
          "all their scores");
  refused(problem, {.budget = {.mass = 0.5}, .estimator = Estimator::kRenormalized, .search = CacheSearch::kBoxes},
          "all their scores");
}

}  // namespace
}  // namespace heed
