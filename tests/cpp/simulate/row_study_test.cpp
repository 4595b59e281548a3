#include "simulate/row_study.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "simulate/output_error.hpp"
#include "simulate/spectral_error.hpp"
#include "simulate/streams.hpp"
#include "support/seed.hpp"

namespace heed {
namespace {

std::vector<float> normal(std::uint64_t seed, std::uint64_t stream, std::size_t count) {
  std::vector<float> numbers(count);
  CounterRandom(seed, stream).fill_normal(0, count, numbers.data());
  return numbers;
}

StudyResult study(const StudyRequest& request, std::size_t threads = 1, std::size_t batch = 0) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(threads).ok());
  StudyRunner runner({request, request}, pool);  // two, so that memory is used twice
  EXPECT_TRUE(runner.status().ok());
  const std::size_t units = runner.units(), step = batch == 0 ? units : batch;
  for (std::size_t unit = 0; unit < units; unit += step) runner.run({unit, std::min(unit + step, units)});
  for (std::size_t c = 0; c < runner.result(0).columns.size(); ++c)
    EXPECT_EQ(runner.result(0).columns[c].mean, runner.result(1).columns[c].mean);
  return runner.result(1);
}

// All rows of probabilities in double, from scores that are given as a function.
struct Oracle {
  std::vector<std::vector<double>> p;  // by row and key; 0 where hidden
  std::vector<std::vector<double>> s;

  template <class Score>
  Oracle(const SourceOptions& o, Score&& score) {
    for (std::size_t r = 0; r < o.sampled(); ++r) {
      const std::size_t i = (r + 1) * o.n / o.sampled() - 1;
      std::vector<double> scores(o.n, -INFINITY), row(o.n, 0.0);
      double all = 0.0;
      for (std::size_t j = 0; j < (o.causal ? i + 1 : o.n); ++j)
        if (j != i || o.self) scores[j] = score(i, j), all += std::exp(scores[j]);
      for (std::size_t j = 0; j < o.n; ++j) row[j] = std::exp(scores[j]) / all;
      p.push_back(row);
      s.push_back(scores);
    }
  }
  // The k largest of a row, renormalized, minus the row.
  std::vector<double> difference(std::size_t row, std::size_t k) const {
    std::vector<std::size_t> order(p[row].size());
    for (std::size_t j = 0; j < order.size(); ++j) order[j] = j;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return s[row][a] > s[row][b]; });
    double mass = 0.0;
    std::vector<double> off = p[row];
    for (double& x : off) x = -x;
    for (std::size_t i = 0; i < k; ++i) mass += p[row][order[i]];
    for (std::size_t i = 0; i < k; ++i) off[order[i]] += p[row][order[i]] / mass;
    return off;
  }
};

double length(const std::vector<double>& x) {
  double squares = 0.0;
  for (const double each : x) squares += each * each;
  return std::sqrt(squares);
}

// Scores are off by gamma_d |s| in size, at most 64 * 6e-8 * 40 here, and so are all logarithms of probabilities.
constexpr double kOff = 2e-4;

void expect_agrees(const StudyRequest& request, const StudyResult& found, const Oracle& oracle) {
  for (std::size_t i = 0; i < request.keep.size(); ++i) {
    double l2 = 0.0, dropped = 0.0;
    std::size_t rows = 0;
    for (std::size_t r = 0; r < oracle.p.size(); ++r) {
      std::size_t count = 0;
      for (const double each : oracle.s[r]) count += each > -INFINITY ? 1 : 0;
      ++rows;
      if (count == 0) continue;
      const std::size_t k = request.keep[i].entries(count);
      const std::vector<double> off = oracle.difference(r, std::min(k, count));
      l2 += length(off);
      for (const double each : off) dropped += 0.5 * std::abs(each);
    }
    EXPECT_NEAR(found.kept(i, Kept::kL2).mean, l2 / static_cast<double>(rows), kOff) << "rule " << i;
    EXPECT_NEAR(found.kept(i, Kept::kDropped).mean, dropped / static_cast<double>(rows), kOff) << "rule " << i;
    EXPECT_EQ(found.kept(i, Kept::kViolated).mean, 0.0);
  }
}

const std::vector<KeepRule> kRules{{KeepKind::kConstant, 1.0}, {KeepKind::kConstant, 1000.0}, {KeepKind::kPower, 0.5},
                                   {KeepKind::kLog, 2.0},      {KeepKind::kSqrtLog, 1.0},     {KeepKind::kLogLog, 1.0}};

TEST(StudyRunner, AgreesWithTheProtocolInDouble) {
  for (const auto& [n, d, rows] :
       {std::tuple<std::size_t, std::size_t, std::size_t>{2, 1, 2}, {50, 5, 50}, {97, 16, 30}, {1000, 8, 21}})
    for (const bool causal : {false, true})
      for (const bool self : {true, false}) {
        StudyRequest request{.source = {.n = n, .head_dim = d, .rows = rows, .weights = Weights::kIdentity},
                             .keep = kRules};
        request.source.causal = causal;
        request.source.self = self;
        request.source.sigma = 1.5;
        request.source.seed = test::seed();
        const std::vector<float> x = normal(request.source.seed, kTokenStream, n * d);
        const Oracle oracle(request.source, [&](std::size_t i, std::size_t j) {
          double sum = 0.0;
          for (std::size_t c = 0; c < d; ++c) sum += double{x[i * d + c]} * double{x[j * d + c]};
          return 1.5 * sum / std::sqrt(static_cast<double>(d));
        });
        expect_agrees(request, study(request), oracle);
      }
}

TEST(StudyRunner, AgreesForIndependentScoresAndGivenHeads) {
  const std::size_t n = 300, d = 6;
  StudyRequest request{.source = {.n = n, .head_dim = d, .rows = 40, .weights = Weights::kNone}, .keep = kRules};
  request.source.sigma = 2.0;
  const std::vector<float> z = normal(0, kScoreStream, n * n);
  expect_agrees(request, study(request),
                Oracle(request.source, [&](std::size_t i, std::size_t j) { return 2.0 * double{z[i * n + j]}; }));
  const std::vector<float> q = normal(1, 40, n * d), k = normal(1, 41, n * d);
  request.source.weights = Weights::kGiven;
  request.source.q = q.data();
  request.source.k = k.data();
  request.source.causal = true;
  expect_agrees(request, study(request), Oracle(request.source, [&](std::size_t i, std::size_t j) {
                  double sum = 0.0;
                  for (std::size_t c = 0; c < d; ++c) sum += double{q[i * d + c]} * double{k[j * d + c]};
                  return 2.0 * sum / std::sqrt(6.0);
                }));
}

// More rows than one group of scores holds: every group is its own.
TEST(StudyRunner, WorksThroughGroups) {
  const std::size_t n = 100000, rows = 70;
  StudyRequest request{.source = {.n = n, .head_dim = 4, .rows = rows, .weights = Weights::kNone},
                       .keep = {{KeepKind::kConstant, 64.0}}};
  ASSERT_LT(RowSource::group_rows(request.source), rows);
  TaskPool pool;
  ASSERT_TRUE(pool.start(2).ok());
  StudyRunner runner({request}, pool);
  runner.run({0, runner.units()});
  const StudyResult& found = runner.result(0);
  double dropped = 0.0, sum = 0.0;
  std::vector<float> scores(n);
  for (std::size_t r = 0; r < rows; ++r) {
    const std::uint64_t token = (r + 1) * n / rows - 1;
    CounterRandom(0, kScoreStream).fill_normal(token * n, n, scores.data());
    sum += std::accumulate(scores.begin(), scores.end(), 0.0) - double{scores[token]};
    std::sort(scores.rbegin(), scores.rend());
    double head = 0.0, all = 0.0;
    for (std::size_t j = 0; j < n; ++j) {
      all += std::exp(double{scores[j]});
      if (j == 63) head = all;
    }
    dropped += 1.0 - head / all;
  }
  EXPECT_NEAR(found.kept(0, Kept::kDropped).mean, dropped / 70.0, 1e-6);
  EXPECT_NEAR(found.scalar(Scalar::kScore).mean, sum / 70.0, 1e-3);
}

TEST(StudyRunner, GivesTheSameNumbersForEveryNumberOfThreadsAndEveryBatching) {
  StudyRequest request{.source = {.n = 2500, .head_dim = 16, .rows = 70},
                       .keep = kRules,
                       .thresholds = {0.01, 1e-4},
                       .masses = {0.1},
                       .targets = {0.1},
                       .norms = true};
  for (const Input input : {Input::kGaussian, Input::kStationary, Input::kSink}) {
    request.source.input = input;
    request.source.strength = 0.9;
    const StudyResult one = study(request);
    for (const std::size_t threads : {1u, 3u})
      for (const std::size_t batch : {0u, 1u, 7u}) {
        const StudyResult other = study(request, threads, batch);
        for (std::size_t c = 0; c < one.columns.size(); ++c) {
          EXPECT_EQ(one.columns[c].mean, other.columns[c].mean) << c;
          EXPECT_EQ(one.columns[c].most, other.columns[c].most) << c;
        }
        EXPECT_EQ(one.sigma, other.sigma);
        EXPECT_EQ(one.tokens.largest, other.tokens.largest);
      }
  }
}

// Rows of one token type repeated: every score of a row ties with others, and the lower index is kept.
TEST(OutputError, IsThatOfTheMatrices) {
  for (const auto& [input, strength] : {std::pair{Input::kGaussian, 0.0}, {Input::kDuplicates, 5.0}})
    for (const bool self : {true, false}) {
      SourceOptions source{.n = 83, .head_dim = 7, .rows = 83, .input = input, .strength = strength};
      source.weights = Weights::kIdentity;
      source.self = self;
      const std::size_t n = source.n, d = source.head_dim;
      std::vector<float> x = normal(0, kTokenStream, n * d);
      if (input == Input::kDuplicates)
        for (std::size_t i = 17 * d; i < n * d; ++i) x[i] = x[i - 17 * d];
      const std::vector<float> w = normal(0, kValueWeightStream, d * d);
      const Oracle oracle(source, [&](std::size_t i, std::size_t j) {
        float sum = 0.0f;  // in the order of the kernels, so that ties are ties
        for (std::size_t c = 0; c < d; ++c) sum += x[i * d + c] * x[j * d + c];
        return double{sum} / std::sqrt(7.0);
      });
      const std::vector<KeepRule> rules{
          {KeepKind::kConstant, 9.0}, {KeepKind::kConstant, 1.0}, {KeepKind::kPower, 0.5}};
      OutputError output;
      TaskPool pool;
      ASSERT_TRUE(output.reserve(source, rules, 1));
      for (std::size_t unit = 0; unit < output.units(); ++unit) output.fill(unit, 0);
      StudyRunner runner({{.source = source, .keep = rules, .visitor = &output}}, pool);
      runner.run({0, runner.units()});
      SpectralError spectral;
      ASSERT_TRUE(spectral.reserve(source, rules, pool));
      spectral.run({0, spectral.units()});
      for (std::size_t rule = 0; rule < rules.size(); ++rule) {
        double off = 0.0, size = 0.0;
        std::vector<std::vector<double>> differences;
        for (std::size_t r = 0; r < n; ++r) {
          const std::vector<double> difference = oracle.difference(r, rules[rule].entries(self ? n : n - 1));
          differences.push_back(difference);
          for (std::size_t c = 0; c < d; ++c) {
            double error = 0.0, out = 0.0;
            for (std::size_t j = 0; j < n; ++j) {
              double value = 0.0;
              for (std::size_t l = 0; l < d; ++l) value += double{x[j * d + l]} * double{w[l * d + c]};
              error += difference[j] * value;
              out += oracle.p[r][j] * value;
            }
            off += error * error;
            size += out * out;
          }
        }
        EXPECT_NEAR(output.relative(rule), std::sqrt(off / size), 1e-4) << "rule " << rule;
        // The spectral norm by many more steps of power iteration on the whole matrix.
        std::vector<double> v(n);
        for (std::size_t j = 0; j < n; ++j) v[j] = CounterRandom(9, 9).uniform(j) - 0.5;
        double norm = 0.0;
        for (int step = 0; step < 3000; ++step) {
          std::vector<double> next(n, 0.0);
          const double before = length(v);
          for (std::size_t r = 0; r < n; ++r) {
            double along = 0.0;
            for (std::size_t j = 0; j < n; ++j) along += differences[r][j] * v[j] / before;
            for (std::size_t j = 0; j < n; ++j) next[j] += along * differences[r][j];
          }
          norm = std::sqrt(length(next));
          v = next;
        }
        // From below, and off by no more than power iteration without a gap is (spectral_error.hpp).
        const double found = spectral.norm(rule) * static_cast<double>(n);
        EXPECT_LE(found, norm * (1.0 + 1e-4)) << "rule " << rule;
        EXPECT_GE(found, norm * (1.0 - 0.5 * 0.871 * std::log(83.0) / (SpectralError::kSteps - 1.0)))
            << "rule " << rule;
      }
    }
}

TEST(SpectralError, IsTheSameForEveryNumberOfThreadsAndEveryBatching) {
  const SourceOptions source{.n = 700, .head_dim = 8};
  const std::vector<KeepRule> rules{{KeepKind::kConstant, 3.0}};
  double first = 0.0;
  for (const std::size_t threads : {1u, 2u})
    for (const std::size_t batch : {1u, 5u, 100000u}) {
      TaskPool pool;
      ASSERT_TRUE(pool.start(threads).ok());
      SpectralError spectral;
      ASSERT_TRUE(spectral.reserve(source, rules, pool));
      for (std::size_t unit = 0; unit < spectral.units(); unit += batch)
        spectral.run({unit, std::min(unit + batch, spectral.units())});
      if (first == 0.0) first = spectral.norm(0);
      EXPECT_EQ(spectral.norm(0), first);
    }
  EXPECT_GT(first, 0.0);
}

TEST(StudyRunner, TakesMemoryThatGrowsWithTheLengthAndNotWithItsSquare) {
  // Scores of a group are capped; what is left grows with n.
  for (const std::size_t n : {std::size_t{1} << 16, std::size_t{1} << 20}) {
    const SourceOptions source{.n = n, .head_dim = 64, .rows = 1024};
    EXPECT_LE(RowSource::group_rows(source) * n, std::max(RowSource::kGroupScores, n * simd::kPanel));
  }
}

}  // namespace
}  // namespace heed
