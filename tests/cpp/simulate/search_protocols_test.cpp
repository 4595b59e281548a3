// E13, E18 and E22 at small size: against plain loops in double, and what must hold whatever the input is.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/random.hpp"
#include "simulate/estimate.hpp"
#include "simulate/principal_axes.hpp"
#include "simulate/protocol_run.hpp"

namespace heed::test {
namespace {

using List = std::vector<double>;

std::vector<Row> preselection(const Common& common, double n, double k, const List& recall = {1, 0.9, 0.5},
                              const List& enough = {0, 0.5}, const List& components = {2}, const float* q = nullptr,
                              const float* keys = nullptr, std::size_t threads = 1, std::size_t batch = 0) {
  return run_protocol(
      13,
      Numbers(common).add(n).add(k).add(recall).add(enough).add(List{1, 16}).add(components).add(List{common.d}).all(),
      threads, batch, q, keys);
}

std::vector<Row> certificates(const Common& common, double n, const List& mass, std::size_t threads = 1,
                              std::size_t batch = 0, const float* q = nullptr, const float* k = nullptr) {
  return run_protocol(18, Numbers(common).add(n).add(mass).all(), threads, batch, q, k);
}

enum Selector { kUniform, kWorst, kRandom, kPages, kInt8, kLsh, kComponents, kChannels };

const Row& of(const std::vector<Row>& rows, double selector, double setting) {
  for (const Row& row : rows)
    if (row.at("selector") == selector && row.at("setting") == setting) return row;
  ADD_FAILURE() << selector << " " << setting;
  return rows.front();
}

std::vector<float> normals(std::size_t count, std::uint64_t stream) {
  std::vector<float> numbers(count);
  CounterRandom(5, stream).fill_normal(0, count, numbers.data());
  return numbers;
}

// The probabilities of a row of the given head, descending.
List probabilities(const std::vector<float>& q, const std::vector<float>& k, std::size_t d, std::size_t row,
                   std::size_t visible) {
  List p(visible);
  double sum = 0.0;
  for (std::size_t j = 0; j < visible; ++j) {
    double score = 0.0;
    for (std::size_t c = 0; c < d; ++c) score += double{q[row * d + c]} * double{k[j * d + c]};
    sum += p[j] = std::exp(score / std::sqrt(static_cast<double>(d)));
  }
  for (double& each : p) each /= sum;
  std::sort(p.begin(), p.end(), std::greater<>());
  return p;
}

const Common kGiven{.d = 16, .weights = Weights::kGiven, .causal = true, .rows = 20};

// Family "reduction": probabilities of float scores, off by a few gamma_18 |q| |k| of themselves.
TEST(Preselection, IsThatOfPlainLoopsInDouble) {
  const std::size_t n = 150, d = 16, k = 10;
  const std::vector<float> q = normals(n * d, 1), keys = normals(n * d, 2);
  const std::vector<Row> rows = preselection(kGiven, n, k, {0.8}, {0}, {2}, q.data(), keys.data());
  double worst = 0.0, exact = 0.0, missed = 0.0, l2 = 0.0, squares_of_l2 = 0.0;
  for (std::size_t i = n - 20; i < n; ++i) {
    const List p = probabilities(q, keys, d, i, i + 1);
    double kept = 0.0, squares = 0.0, rest = 0.0;
    for (std::size_t r = 2; r < k + 2; ++r) kept += p[r], squares += p[r] * p[r];
    for (std::size_t r = 0; r < p.size(); ++r) rest += r < 2 || r >= k + 2 ? p[r] * p[r] : 0.0;
    worst += (1.0 - kept) / 20.0;
    missed += (p[0] + p[1]) / 20.0;
    const double own = std::sqrt((1.0 - kept) * (1.0 - kept) / (kept * kept) * squares + rest);
    l2 += own / 20.0;
    squares_of_l2 += own * own;
    for (std::size_t r = k; r < p.size(); ++r) exact += p[r] / 20.0;
  }
  const Row& row = of(rows, kWorst, 0.8);
  EXPECT_NEAR(row.at("dropped"), worst, 1e-5);
  EXPECT_NEAR(row.at("exactDropped"), exact, 1e-5);
  EXPECT_NEAR(row.at("missed"), missed, 1e-5);
  EXPECT_NEAR(row.at("l2"), l2, 1e-5);
  EXPECT_NEAR(row.at("l2Error"), std::sqrt((squares_of_l2 / 20.0 - l2 * l2) / 19.0), 1e-4);
  EXPECT_DOUBLE_EQ(row.at("recall"), 0.8);
}

TEST(Preselection, ExactSearchesMissNothingAndMissesCost) {
  for (const Input input : {Input::kGaussian, Input::kClustered, Input::kDuplicates, Input::kStudent}) {
    const Common common{.d = 32, .input = input, .strength = input == Input::kClustered ? 0.5 : 4.0, .rows = 40};
    const std::vector<Row> rows = preselection(common, 900, 20);
    for (const Row& row : rows) {
      EXPECT_EQ(row.at("violations"), 0.0);
      EXPECT_NEAR(row.at("dropped"), row.at("exactDropped") + row.at("missed") - row.at("substituted"), 1e-9);
      EXPECT_GE(row.at("amplification"), 1.0 - 1e-9);
      EXPECT_LE(row.at("scored"), 1.2);
    }
    for (const auto& [selector, setting] :
         {std::pair{kUniform, 1.0}, {kWorst, 1.0}, {kRandom, 1.0}, {kPages, 0.0}, {kInt8, 0.0}}) {
      EXPECT_EQ(of(rows, selector, setting).at("recall"), 1.0) << selector;
      EXPECT_NEAR(of(rows, selector, setting).at("amplification"), 1.0, 1e-12) << selector;
      EXPECT_EQ(of(rows, selector, setting).at("missed"), 0.0) << selector;
    }
    EXPECT_DOUBLE_EQ(of(rows, kRandom, 0.5).at("recall"), 0.5);
    EXPECT_GT(of(rows, kWorst, 0.5).at("dropped"), of(rows, kUniform, 0.5).at("dropped"));
    EXPECT_GT(of(rows, kUniform, 0.5).at("dropped"), of(rows, kUniform, 0.9).at("dropped"));
    EXPECT_GE(of(rows, kLsh, 16).at("recall"), of(rows, kLsh, 1).at("recall"));
    // Its sum may be rounded in another order.
    EXPECT_GT(of(rows, kChannels, 32).at("recall"), 0.99);
  }
}

// Keys of a subspace of four dimensions: its four axes rank them as they are, one does not.
TEST(Preselection, FewComponentsAreEnoughForKeysOfFewDimensions) {
  const Common common{.d = 32, .input = Input::kLowDimension, .strength = 4, .weights = Weights::kIdentity, .rows = 32};
  const std::vector<Row> rows = preselection(common, 600, 20, {1}, {0}, {1, 4});
  EXPECT_GT(of(rows, kComponents, 4).at("recall"), 0.995);
  EXPECT_LT(of(rows, kComponents, 1).at("recall"), 0.7);
}

// Along each axis the keys have the variance that it says, and none with another one.
TEST(Preselection, PrincipalAxesMakeTheCovarianceDiagonal) {
  const std::size_t n = 300, d = 12;
  std::vector<float> keys = normals(n * d, 3);
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t c = 1; c < d; ++c) keys[j * d + c] += 0.7f * keys[j * d + c - 1] + static_cast<float>(c);
  PrincipalAxes axes;
  ASSERT_TRUE(axes.reserve(d));
  axes.find({keys.data(), n, d, d});
  std::vector<float> projected(n * d);
  List mean(d, 0.0);
  for (std::size_t j = 0; j < n; ++j) {
    axes.project(keys.data() + j * d, d, projected.data() + j * d);
    for (std::size_t a = 0; a < d; ++a) mean[a] += double{projected[j * d + a]} / n;
  }
  for (std::size_t a = 0; a < d; ++a)
    for (std::size_t b = 0; b <= a; ++b) {
      double together = 0.0;
      for (std::size_t j = 0; j < n; ++j)
        together += (double{projected[j * d + a]} - mean[a]) * (double{projected[j * d + b]} - mean[b]) / n;
      EXPECT_NEAR(together, a == b ? axes.variance(a) : 0.0, 1e-4 * axes.variance(0));
    }
  for (std::size_t a = 1; a < d; ++a) EXPECT_GE(axes.variance(a - 1), axes.variance(a));
}

TEST(CertifiedRows, AreNeverBelowTheTruthAndOrderedAsTheTheorySays) {
  for (const Input input : {Input::kGaussian, Input::kClustered, Input::kDuplicates, Input::kStudent, Input::kOutliers})
    for (const bool causal : {false, true})
      for (const double sigma : {1.0, 4.0}) {
        const Common common{.d = 32,
                            .input = input,
                            .strength = input == Input::kClustered ? 1.0 : 4.0,
                            .sigma = sigma,
                            .causal = causal,
                            .rows = 40};
        const std::vector<Row> rows = certificates(common, 700, {0.01, 0.1, 0.5});
        ASSERT_EQ(rows.size(), 12u);
        for (std::size_t m = 0; m < 12; m += 4) {
          const Row &truth = rows[m], &gap = rows[m + 1], &head = rows[m + 2], &block = rows[m + 3];
          for (const Row* row : {&truth, &gap, &head, &block}) {
            EXPECT_EQ(row->at("violations"), 0.0);
            EXPECT_GE(row->at("boundRatio"), 1.0 - 1e-9);
            EXPECT_GE(row->at("keep"), truth.at("keep") - 1e-9);
            EXPECT_LE(row->at("scored"), 1.0);
          }
          EXPECT_LE(head.at("keep"), gap.at("keep"));
          EXPECT_LE(head.at("bound"), gap.at("bound"));
          EXPECT_LE(truth.at("tau"), truth.at("mass"));
        }
      }
}

// Family "reduction", and a row whose tau is that close to the mass may need one entry more or less.
TEST(CertifiedRows, TheTrueNumberIsThatOfPlainLoops) {
  const std::size_t n = 150, d = 16;
  const std::vector<float> q = normals(n * d, 1), k = normals(n * d, 2);
  double keep = 0.0;
  for (std::size_t i = n - 20; i < n; ++i) {
    const List p = probabilities(q, k, d, i, i + 1);
    double left = 1.0;
    std::size_t count = 0;
    while (left > 0.1) left -= p[count++];
    keep += static_cast<double>(count) / 20.0;
  }
  EXPECT_NEAR(certificates(kGiven, n, {0.1}, 1, 0, q.data(), k.data())[0].at("keep"), keep, 0.051);
}

// Two repeats are the runs of two seeds; what they differ by is twice the standard error of their mean.
void expect_draws(const std::vector<Row>& both, const std::vector<Row>& first, const std::vector<Row>& second,
                  const std::vector<std::string>& columns) {
  ASSERT_EQ(both.size(), first.size());
  bool differ = false;
  for (std::size_t i = 0; i < both.size(); ++i)
    for (const std::string& column : columns) {
      const double a = first[i].at(column), b = second[i].at(column);
      EXPECT_NEAR(both[i].at(column), 0.5 * (a + b), 1e-12) << column;
      EXPECT_NEAR(both[i].at(column + "Error"), 0.5 * std::abs(a - b), 1e-12) << column;
      differ = differ || a != b;
    }
  EXPECT_TRUE(differ);
}

TEST(Preselection, RepeatsAreDrawsOfTheirOwn) {
  const auto run = [](double repeats, double seed) {
    return preselection({.d = 16, .rows = 20, .repeats = repeats, .seed = seed}, 500, 12);
  };
  const std::vector<Row> both = run(2, 7), first = run(1, 7), second = run(1, 8);
  expect_draws(both, first, second, {"recall", "scored", "dropped", "l2"});
  for (std::size_t i = 0; i < both.size(); ++i) {
    const auto sum = [&](const char* column) { return first[i].at(column) + second[i].at(column); };
    EXPECT_NEAR(both[i].at("amplification"), sum("dropped") / sum("exactDropped"), 1e-12);
    EXPECT_NEAR(both[i].at("l2Amplification"), sum("l2") / sum("exactL2"), 1e-12);
    EXPECT_GE(both[i].at("l2AmplificationError"), 0.0);
  }
}

TEST(CertifiedRows, RepeatsAreDrawsOfTheirOwn) {
  const auto run = [](double repeats, double seed) {
    return certificates({.d = 16, .sigma = 3, .rows = 20, .repeats = repeats, .seed = seed}, 500, {0.1, 0.5});
  };
  const std::vector<Row> both = run(2, 7), first = run(1, 7), second = run(1, 8);
  expect_draws(both, first, second, {"keep", "keepRatio", "scored", "scoredExact"});
  for (std::size_t i = 0; i < both.size(); ++i)
    EXPECT_NEAR(both[i].at("boundRatio"),
                (first[i].at("bound") + second[i].at("bound")) / (first[i].at("tau") + second[i].at("tau")), 1e-12);
}

// A ratio of sums of numbers that are always in that ratio has no error; of independent ones that of both.
TEST(Estimates, OfRatiosKnowWhatGoesTogether) {
  const auto x = [](std::size_t, std::size_t row) { return 1.0 + static_cast<double>(row % 5); };
  const auto twice = [&](std::size_t repeat, std::size_t row) { return 2.0 * x(repeat, row); };
  const Estimate same = ratio_over_draws(1, 50, twice, x);
  EXPECT_DOUBLE_EQ(same.mean, 2.0);
  EXPECT_NEAR(same.error, 0.0, 1e-15);
  const auto other = [](std::size_t, std::size_t row) { return 1.0 + static_cast<double>(row / 10); };
  const double spread = std::sqrt(2.0 / 49.0);  // of the mean of 1 .. 5, ten times each
  EXPECT_NEAR(ratio_over_draws(1, 50, other, x).error, std::sqrt(2.0) * spread / 3.0, 1e-12);
  EXPECT_NEAR(over_draws(1, 50, x).error, spread, 1e-12);
  EXPECT_EQ(ratio_over_draws(1, 50, x, [](std::size_t, std::size_t) { return 0.0; }).mean, 1.0);
}

TEST(SearchSpeed, EveryMethodFindsTheSetOfTheScan) {
  for (const Input input : {Input::kGaussian, Input::kClustered, Input::kDuplicates})
    for (const bool causal : {false, true}) {
      const Common common{
          .d = 20, .input = input, .strength = input == Input::kClustered ? 0.5 : 8.0, .causal = causal, .rows = 70};
      const std::vector<Row> rows =
          run_protocol(22, Numbers(common).add(333).add(List{1, 40, 333}).add(List{0.5}).all());
      ASSERT_EQ(rows.size(), 4u * 7u);
      for (const Row& row : rows) {
        EXPECT_EQ(row.at("violations"), 0.0) << row.at("method") << ", k " << row.at("k");
        EXPECT_GT(row.at("nanoseconds"), 0.0);
        EXPECT_GT(row.at("scored"), 0.0);
        EXPECT_LE(row.at("speedupLeast"), row.at("speedupMost"));
        EXPECT_EQ(row.at("speedup"),
                  rows[0].at("k") == row.at("k") && row.at("method") == 0.0 ? 1.0 : row.at("speedup"));
      }
      EXPECT_EQ(rows[3 * 7].at("k"), 19.0);  // ceil(sqrt(333))
    }
}

TEST(SearchProtocols, GiveTheSameNumbersForEveryNumberOfThreadsAndEveryBatching) {
  const Common common{.d = 16, .rows = 30, .seed = 9};
  const std::vector<Row> one = preselection(common, 2000, 12), two = certificates(common, 2000, {0.1});
  for (const std::size_t threads : {1u, 3u})
    for (const std::size_t batch : {1u, 2u, 0u}) {
      EXPECT_EQ(one, preselection(common, 2000, 12, {1, 0.9, 0.5}, {0, 0.5}, {2}, nullptr, nullptr, threads, batch));
      EXPECT_EQ(two, certificates(common, 2000, {0.1}, threads, batch));
    }
}

TEST(SearchProtocols, SayWhenThereIsNoMemoryOrTheNumbersAreWrong) {
  TaskPool pool;
  ASSERT_TRUE(pool.start(1).ok());
  const std::vector<double> few = Numbers(Common{}).add(100).all();
  for (const int id : {13, 17, 18, 22})
    EXPECT_EQ(make_experiment(id, {few.data(), few.size(), nullptr, nullptr}, pool)->status().code,
              ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace heed::test
