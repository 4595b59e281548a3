// What is known of attention where tokens are skipped, against the oracle: points and bounds always, samples in the
// stated share of draws.
#include "cache/kept_monitor.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "cache/decode_retrieved.hpp"
#include "cache/decode_whole_rows.hpp"
#include "support/cached.hpp"
#include "support/compare.hpp"
#include "support/seen_row.hpp"

namespace heed {
namespace {

using simd::RowType;

constexpr double kEpsilon = 0.004, kMass = 0.1;

struct Watched {
  std::vector<double> numbers;
  test::Guarded<std::uint32_t> indices, offsets;
};

template <class Job>
Watched watch(KvCache& cache, const test::Inputs& inputs, CacheTopKOptions options, std::size_t threads = 1) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(threads).ok());
  test::Guarded<float> out(inputs.out_size());
  test::Guarded<double> numbers(inputs.rows() * kKeptMonitored);
  test::Guarded<std::uint32_t> offsets(inputs.rows() + 1);
  EXPECT_TRUE(write_offsets(inputs.shape, options.budget, offsets.data()));
  test::Guarded<std::uint32_t> indices(std::vector<std::uint32_t>(offsets[inputs.rows()], 0u));
  options.indices = indices.data(), options.offsets = offsets.data();
  options.monitor = {kEpsilon, kMass, numbers.data()};
  Job job(cache, test::decode_problem(inputs, out.data(), nullptr), options, pool);
  EXPECT_TRUE(job.status().ok()) << job.status().detail;
  if (job.status().ok()) job.run({0, job.units()});
  EXPECT_TRUE(numbers.guards_intact());
  return {numbers.values(), indices, offsets};
}

/// lse, dropped, entropy, effective, seen, k of a row; `dropped` is left to the kept set.
std::vector<double> truth(const std::vector<double>& scores, const std::vector<double>& p) {
  double entropy = 0.0, effective = 0.0, seen = 0.0, sum = 0.0;
  for (const double x : p) {
    entropy -= x > 0.0 ? x * std::log(x) : 0.0;
    effective += x > kEpsilon ? 1.0 : 0.0;
    seen += x > 0x1p-25 ? 1.0 : 0.0;
  }
  std::vector<double> sorted = p;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  std::size_t k = 0;
  while (k < sorted.size() && sum < 1.0 - kMass) sum += sorted[k++];
  return {reference::log_sum_exp(scores), 0.0, entropy, effective, seen, static_cast<double>(k)};
}

double dropped_mass(const std::vector<double>& p, const Watched& watched, std::size_t r) {
  std::vector<bool> kept(p.size(), false);
  for (std::size_t i = watched.offsets[r]; i < watched.offsets[r + 1]; ++i) kept[watched.indices[i]] = true;
  double dropped = 0.0;
  for (std::size_t j = 0; j < p.size(); ++j) dropped += kept[j] ? 0.0 : p[j];
  return dropped;
}

constexpr const char* kNames[] = {"lse", "dropped", "entropy", "effective", "seen", "k"};

/// The true numbers lie within; `slack` for points, which are rounded, and in counts what lies within the rounding.
void expect_within(const test::Inputs& held, const Watched& watched, double slack, double counts) {
  for (const reference::Row row : held.each_row()) {
    if (held.shape.end(row.query) == 0) continue;
    const std::vector<double> scores = reference::scores(held.tensors(), row), p = reference::softmax(scores);
    const std::size_t r = row.query * held.shape.heads + row.head;
    std::vector<double> is = truth(scores, p);
    is[1] = dropped_mass(p, watched, r);
    const double* const said = watched.numbers.data() + r * kKeptMonitored;
    for (std::size_t i = 0; i < 6; ++i) {
      const double allowed = i < 3 ? slack : counts;
      ASSERT_LE(said[3 * i + 1], is[i] + allowed) << kNames[i] << ", query " << row.query << ", head " << row.head;
      ASSERT_GE(said[3 * i + 2], is[i] - allowed) << kNames[i] << ", query " << row.query << ", head " << row.head;
      ASSERT_LE(said[3 * i + 1], said[3 * i]) << kNames[i];
      ASSERT_GE(said[3 * i + 2], said[3 * i]) << kNames[i];
    }
  }
}

test::Inputs clustered(const AttentionShape& shape, double sigma) {
  test::Inputs inputs = test::gaussian_inputs(shape, sigma);
  const std::vector<float> centers = test::gaussian(inputs.k.size(), 77);
  const std::size_t row = shape.kv_heads * shape.head_dim;
  for (std::size_t i = 0; i < inputs.k.size(); ++i)
    inputs.k[i] = 0.95f * centers[i / row / 64 * row + i % row] + 0.25f * inputs.k[i];
  return inputs;
}

AttentionShape shape_of(std::size_t queries, std::size_t tokens) {
  AttentionShape s = test::newest(queries, tokens, 24);
  s.heads = 4;
  s.kv_heads = 2;
  return s;
}

TEST(KeptMonitor, GivesPointsWhereEveryScoreIsFormed) {
  for (const RowType type : test::kRowTypes) {
    for (const std::size_t n : {1u, 40u, 1024u, 3100u}) {
      for (const double sigma : {0.2, 1.0, 4.0}) {
        SCOPED_TRACE(::testing::Message() << test::name_of(type) << ", n " << n << ", sigma " << sigma);
        const test::Inputs inputs = test::gaussian_inputs(shape_of(3, n), sigma);
        KvCache cache = test::filled_cache(inputs, type);
        CacheTopKOptions options{.budget = {.k = 20}};
        for (const Estimator estimator : {Estimator::kRenormalized, Estimator::kLinear}) {
          options.estimator = estimator;
          const Watched watched = watch<CacheTopK>(cache, inputs, options);
          expect_within(test::as_cached(cache, inputs), watched, 3e-5, 1.0);
          for (std::size_t i = 0; i < watched.numbers.size(); i += 3)
            EXPECT_TRUE(watched.numbers[i] == watched.numbers[i + 1] && watched.numbers[i] == watched.numbers[i + 2]);
        }
      }
    }
  }
}

// Rows with rules, budgets of probabilities and certificates form every score, too.
TEST(KeptMonitor, GivesPointsOfRowsWithRules) {
  for (const RowType type : test::kRowTypes) {
    for (const Budget& budget : {Budget{.k = 20}, Budget{.mass = 0.8}}) {
      test::Inputs inputs = test::gaussian_inputs(shape_of(3, 1100));
      KvCache cache = test::filled_cache(inputs, type);
      inputs.shape.window = 700;
      test::Guarded<float> out(inputs.out_size());
      test::Guarded<double> numbers(inputs.rows() * kKeptMonitored);
      test::Guarded<float> dropped(inputs.rows());
      CacheTopKOptions options{.budget = budget, .estimator = Estimator::kLinear, .dropped = dropped.data()};
      options.monitor = {kEpsilon, kMass, numbers.data()};
      TaskPool pool;
      CacheWholeRows job(cache, test::decode_problem(inputs, out.data(), nullptr), options, pool);
      ASSERT_TRUE(job.status().ok()) << job.status().detail;
      job.run({0, job.units()});
      const test::Inputs held = test::as_cached(cache, inputs);
      for (const reference::Row row : inputs.each_row()) {
        const test::SeenRow seen(held.tensors(), row);
        const std::size_t r = row.query * inputs.shape.heads + row.head;
        const double* const told = numbers.data() + r * kKeptMonitored;
        const std::vector<double> expected = truth(seen.scores, seen.p);
        for (std::size_t i = 0; i < 6; ++i) {
          EXPECT_TRUE(told[3 * i] == told[3 * i + 1] && told[3 * i] == told[3 * i + 2]) << "number " << i;
          const double known = i == 1 ? double{dropped[r]} : expected[i];
          EXPECT_NEAR(told[3 * i], known, i < 3 ? 2e-4 : 1.0) << "number " << i << " of row " << r;
        }
      }
    }
  }
}

TEST(KeptMonitor, BoundsHoldAlways) {
  for (const RowType type : {RowType::kFloat, RowType::kHalf}) {
    for (const std::size_t n : {5u, 1100u, 2100u}) {
      for (const double sigma : {0.3, 1.0, 5.0}) {
        for (const std::size_t k : {1u, 90u}) {
          SCOPED_TRACE(::testing::Message()
                       << test::name_of(type) << ", n " << n << ", sigma " << sigma << ", k " << k);
          for (const bool runs : {false, true}) {
            const test::Inputs inputs =
                runs ? clustered(shape_of(2, n), sigma) : test::gaussian_inputs(shape_of(2, n), sigma);
            KvCache cache = test::filled_cache(inputs, type);
            const test::Inputs held = test::as_cached(cache, inputs);
            CacheTopKOptions options{.budget = {.k = k}, .estimator = Estimator::kRenormalized};
            options.search = CacheSearch::kByte;
            expect_within(held, watch<CacheTopK>(cache, inputs, options), 0.0, 0.0);
            for (const CacheSearch search : {CacheSearch::kBoxes, CacheSearch::kSketches}) {
              options.search = search;
              for (const double enough : {0.0, 0.6}) {
                options.enough = enough;
                expect_within(held, watch<CacheRetrieval>(cache, inputs, options), 0.0, 0.0);
              }
            }
          }
        }
      }
    }
  }
}

TEST(KeptMonitor, BandsAreNarrow) {
  const test::Inputs inputs = test::gaussian_inputs(shape_of(2, 4000));
  KvCache cache = test::filled_cache(inputs);
  CacheTopKOptions options{.budget = {.k = 50}, .estimator = Estimator::kRenormalized};
  options.search = CacheSearch::kByte;
  const Watched watched = watch<CacheTopK>(cache, inputs, options);
  for (std::size_t r = 0; r < inputs.rows(); ++r) {
    const double* const said = watched.numbers.data() + r * kKeptMonitored;
    EXPECT_LT(said[2] - said[1], 0.15) << "lse";
    EXPECT_LT(said[5] - said[4], 0.05) << "dropped";
    EXPECT_LT(said[17] / said[16], 1.5) << "k";
  }
}

// 99 % by the normal approximation; here at least 95 % of draws, each number on its own.
TEST(KeptMonitor, SampledIntervalsHoldInTheirShareOfDraws) {
  constexpr std::size_t kDraws = 60;
  for (const bool runs : {false, true}) {
    for (const double sigma : {0.5, 1.0, 2.0}) {
      for (const CacheSearch search : {CacheSearch::kBoxes, CacheSearch::kSketches}) {
        SCOPED_TRACE(::testing::Message()
                     << (runs ? "runs" : "no runs") << ", sigma " << sigma << ", search " << static_cast<int>(search));
        const test::Inputs inputs =
            runs ? clustered(shape_of(2, 4000), sigma) : test::gaussian_inputs(shape_of(2, 4000), sigma);
        KvCache cache = test::filled_cache(inputs);
        std::vector<double> hits(6, 0.0), width(6, 0.0);
        std::vector<std::vector<double>> p, truths;
        for (const reference::Row row : inputs.each_row()) {
          const std::vector<double> scores = reference::scores(inputs.tensors(), row);
          p.push_back(reference::softmax(scores));
          truths.push_back(truth(scores, p.back()));
        }
        for (std::size_t seed = 0; seed < kDraws; ++seed) {
          CacheTopKOptions options{.budget = {.k = 64}, .estimator = Estimator::kRenormalized};
          options.search = search, options.sampled = true, options.seed = seed;
          const Watched watched = watch<CacheRetrieval>(cache, inputs, options);
          for (std::size_t r = 0; r < inputs.rows(); ++r) {
            truths[r][1] = dropped_mass(p[r], watched, r);
            const double* const said = watched.numbers.data() + r * kKeptMonitored;
            for (std::size_t i = 0; i < 6; ++i) {
              hits[i] += said[3 * i + 1] <= truths[r][i] && truths[r][i] <= said[3 * i + 2] ? 1.0 : 0.0;
              width[i] += said[3 * i + 2] - said[3 * i + 1];
            }
          }
        }
        const double draws = static_cast<double>(kDraws * inputs.rows());
        for (std::size_t i = 0; i < 6; ++i) EXPECT_GE(hits[i] / draws, 0.95) << kNames[i];
        EXPECT_LT(width[0] / draws, 1.5) << "an interval that says nothing";
        EXPECT_LT(width[1] / draws, 0.4) << "an interval that says nothing";
      }
    }
  }
}

TEST(KeptMonitor, GivesTheSameBitsForAnyNumberOfThreads) {
  const test::Inputs inputs = test::gaussian_inputs(shape_of(3, 2500));
  KvCache cache = test::filled_cache(inputs);
  CacheTopKOptions options{.budget = {.k = 30}, .estimator = Estimator::kRenormalized};
  options.search = CacheSearch::kByte;
  EXPECT_EQ(watch<CacheTopK>(cache, inputs, options, 1).numbers, watch<CacheTopK>(cache, inputs, options, 3).numbers);
  options.search = CacheSearch::kBoxes, options.sampled = true;
  EXPECT_EQ(watch<CacheRetrieval>(cache, inputs, options, 1).numbers,
            watch<CacheRetrieval>(cache, inputs, options, 3).numbers);
}

// Scores of -infinity. That 0 times -infinity is not summed is held by an input of the corpus of "pages".
TEST(KeptMonitor, KnowsRowsThatKeepTokensWithoutWeight) {
  test::Inputs inputs = test::gaussian_inputs(shape_of(2, 40));
  for (std::size_t i = 0; i < inputs.q.size(); i += inputs.shape.head_dim) inputs.q[i] = 1.0f;
  for (std::size_t i = 0; i < inputs.k.size(); i += inputs.shape.head_dim)
    if (i / inputs.shape.head_dim / inputs.shape.kv_heads % 4 != 0) inputs.k[i] = -INFINITY;
  for (const CacheSearch search : {CacheSearch::kBoxes, CacheSearch::kSketches}) {
    for (const bool sampled : {false, true}) {
      CacheTopKOptions options{.budget = {.k = 20}, .estimator = Estimator::kRenormalized};
      options.search = search;
      options.sampled = sampled;
      KvCache cache = test::filled_cache(inputs);
      const std::vector<double> numbers = watch<CacheRetrieval>(cache, inputs, options).numbers;
      for (std::size_t i = 0; i < numbers.size(); i += 3) {
        const bool known = !std::isnan(numbers[i]) && !std::isnan(numbers[i + 1]) && !std::isnan(numbers[i + 2]);
        ASSERT_TRUE(known) << "number " << i / 3 % 6;
        ASSERT_TRUE(numbers[i + 1] <= numbers[i] && numbers[i] <= numbers[i + 2]) << "number " << i / 3 % 6;
      }
    }
  }
}

TEST(KeptMonitor, SaysNothingOfNothingAndNaNOfSpoiledRows) {
  test::Inputs inputs = test::gaussian_inputs(shape_of(4, 2));
  for (const CacheSearch search :
       {CacheSearch::kExact, CacheSearch::kByte, CacheSearch::kBoxes, CacheSearch::kSketches}) {
    CacheTopKOptions options{.budget = {.k = 1}, .estimator = Estimator::kRenormalized};
    options.search = search;
    const auto numbers = [&] {
      KvCache cache = test::filled_cache(inputs);
      const bool scores = search == CacheSearch::kExact || search == CacheSearch::kByte;
      return scores ? watch<CacheTopK>(cache, inputs, options).numbers
                    : watch<CacheRetrieval>(cache, inputs, options).numbers;
    };
    inputs.k[0] = 0.5f;
    const std::vector<double> clean = numbers();
    for (std::size_t i = 0; i < 2 * 4 * kKeptMonitored; ++i) EXPECT_EQ(clean[i], 0.0) << "a row that sees nothing";
    inputs.k[0] = NAN;
    const std::vector<double> spoiled = numbers();
    for (std::size_t i = 0; i < kKeptMonitored; ++i) EXPECT_TRUE(std::isnan(spoiled[2 * 4 * kKeptMonitored + i]));
  }
}

}  // namespace
}  // namespace heed
