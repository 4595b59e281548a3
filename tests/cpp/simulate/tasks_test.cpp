// E17: tasks whose answer is known. What the methods do to a row exactly, and what follows for the tasks: family
// "statistical", five standard errors unless it says otherwise.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.hpp"
#include "simulate/protocol_run.hpp"
#include "simulate/task_method.hpp"

namespace heed::test {
namespace {

struct Given {
  double n = 4096, signal = 0.6, spread = 0, classes = 64, vocabulary = 512, tolerance = 0.025, keep = 64;
  double reference = 256, perplexity = 16, sink = 6, rows = 200;
};

std::vector<Row> tasks(const Given& g, std::size_t threads = 1, std::size_t batch = 0) {
  return run_protocol(17,
                      Numbers(Common{.rows = g.rows, .seed = 4})
                          .add(g.n)
                          .add(g.signal)
                          .add(g.spread)
                          .add(g.classes)
                          .add(g.vocabulary)
                          .add(g.tolerance)
                          .add(g.keep)
                          .add(g.reference)
                          .add(g.perplexity)
                          .add(g.sink)
                          .all(),
                      threads, batch);
}

enum TaskOf { kNeedle, kNeedles, kAverage, kInduction, kMaximum };

const Row& of(const std::vector<Row>& rows, TaskOf task, Method method) {
  return rows.at(static_cast<std::size_t>(task) * kMethods + static_cast<std::size_t>(method));
}

std::vector<float> scores_of(std::size_t n) {
  std::vector<float> scores(n + 16);
  CounterRandom(8, 1).fill_normal(0, n, scores.data());
  return scores;
}

std::vector<double> weights_of(Method method, const MethodOptions& options, std::size_t n) {
  const std::vector<float> scores = scores_of(n);
  std::vector<double> weights(n);
  weigh(method, options, scores.data(), n, weights.data());
  return weights;
}

double sum(const std::vector<double>& x) { return std::accumulate(x.begin(), x.end(), 0.0); }

TEST(TaskMethods, EstimatorsAreThoseOfTheirFormulas) {
  const std::size_t n = 500, k = 30;
  const MethodOptions options{.keep = k};
  const std::vector<float> s = scores_of(n);
  const std::vector<double> p = weights_of(Method::kPlain, options, n);
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return s[a] > s[b]; });
  double kept = 0.0, mean = 0.0;
  for (std::size_t i = 0; i < k; ++i) kept += p[order[i]];
  for (std::size_t i = k; i < n; ++i) mean += double{s[order[i]]} / static_cast<double>(n - k);
  const auto renormalized = weights_of(Method::kRenormalized, options, n);
  const auto compensated = weights_of(Method::kCompensated, options, n);
  const auto linear = weights_of(Method::kLinear, options, n);
  double residual = 0.0, along = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t j = order[i];
    EXPECT_NEAR(renormalized[j], i < k ? p[j] / kept : 0.0, 1e-14);
    EXPECT_NEAR(compensated[j], i < k ? p[j] : (1.0 - kept) / static_cast<double>(n - k), 1e-14);
    if (i < k) {
      EXPECT_EQ(linear[j], p[j]);
      continue;
    }
    residual += p[j] - linear[j];
    along += (p[j] - linear[j]) * (double{s[j]} - mean);
  }
  EXPECT_NEAR(residual, 0.0, 1e-13);  // the dropped mass is preserved,
  EXPECT_NEAR(along, 0.0, 1e-13);     // and what is left is orthogonal to the scores
  for (const auto& weights : {p, renormalized, compensated, linear}) EXPECT_NEAR(sum(weights), 1.0, 1e-12);
}

TEST(TaskMethods, SinksTakeTheirShareAndTemperaturesReachTheirEntropy) {
  const std::size_t n = 4000;
  const std::vector<float> s = scores_of(n);
  double z = 0.0;
  for (std::size_t j = 0; j < n; ++j) z += std::exp(double{s[j]});
  EXPECT_NEAR(sum(weights_of(Method::kOffByOne, {}, n)), z / (1.0 + z), 1e-12);
  EXPECT_NEAR(sum(weights_of(Method::kSink, {.sink = 8.0}, n)), z / (std::exp(8.0) + z), 1e-12);
  const auto entropy = [](const std::vector<double>& p) {
    double h = 0.0;
    for (const double each : p) h -= each > 0.0 ? each * std::log(each) : 0.0;
    return h;
  };
  EXPECT_NEAR(entropy(weights_of(Method::kAdaptive, {.perplexity = 20.0}, n)), std::log(20.0), 1e-3);
  EXPECT_EQ(weights_of(Method::kAdaptive, {.perplexity = 4000.0}, n), weights_of(Method::kPlain, {}, n));
  // At the reference length log-n scaling changes nothing; at its square it doubles every score.
  EXPECT_EQ(weights_of(Method::kLogLength, {.reference = 4000.0}, n), weights_of(Method::kPlain, {}, n));
  const auto doubled = weights_of(Method::kLogLength, {.reference = 16.0}, 256);
  EXPECT_NEAR(std::log(doubled[3] / doubled[7]), 2.0 * (double{s[3]} - double{s[7]}), 1e-9);
}

// e^s / (e^s + n e^(1/2)), s = 0.6 sqrt(64): 4.8. The sum over the others spreads by sqrt((e - 1) / n), 2 %.
TEST(Tasks, TheWeightOfANeedleIsWhatTheTheorySays) {
  const std::vector<Row> rows = tasks({});
  const Row& row = of(rows, kNeedle, Method::kPlain);
  const double weight = std::exp(4.8) / (std::exp(4.8) + 4096.0 * std::exp(0.5));
  EXPECT_NEAR(row.at("weight"), weight, 0.01 * weight);
}

TEST(Tasks, RetrievalSurvivesTopKAndAveragingFailsWithItAndIsRepaired) {
  const std::vector<Row> rows = tasks({});
  for (const TaskOf task : {kNeedle, kNeedles, kInduction})
    EXPECT_GE(of(rows, task, Method::kRenormalized).at("accuracy"),
              of(rows, task, Method::kPlain).at("accuracy") - 0.05)
        << task;
  const auto average = [&](Method method, const char* column) { return of(rows, kAverage, method).at(column); };
  EXPECT_GT(average(Method::kPlain, "accuracy"), 0.95);
  EXPECT_LT(average(Method::kRenormalized, "accuracy"), 0.5);
  EXPECT_GT(average(Method::kCompensated, "accuracy"), 0.95);
  EXPECT_GT(average(Method::kLinear, "accuracy"), 0.95);
  // Half the spread of 64 draws of 0 or 1, whose shares have a mean variance of 0.22 and whose weights differ a bit.
  EXPECT_NEAR(average(Method::kRenormalized, "error"), std::sqrt(0.22 / 64.0), 0.3 * std::sqrt(0.22 / 64.0));
  // A sink that holds a third of the mass takes a third of the average.
  EXPECT_GT(average(Method::kSink, "error"), 0.01);
}

TEST(Tasks, EachMitigationHelpsWithWhatItIsFor) {
  const std::vector<Row> rows = tasks({.n = 8192, .rows = 100}),
                         uneven = tasks({.n = 8192, .spread = 0.5, .rows = 100});
  const auto needle = [](const std::vector<Row>& all, Method method) {
    return of(all, kNeedle, method).at("accuracy");
  };
  EXPECT_GT(needle(rows, Method::kLogLength), needle(rows, Method::kPlain));
  EXPECT_GT(needle(rows, Method::kRenormalized), needle(rows, Method::kPlain));
  EXPECT_GT(needle(uneven, Method::kNormalized), needle(uneven, Method::kPlain) + 0.2);
  EXPECT_EQ(needle(uneven, Method::kNormalized), needle(rows, Method::kPlain));
  EXPECT_GT(of(rows, kMaximum, Method::kAdaptive).at("accuracy"), of(rows, kMaximum, Method::kPlain).at("accuracy"));
  // A running sum in bfloat16 stops growing at 256 times what is added.
  EXPECT_GT(of(rows, kAverage, Method::kBfloat).at("error"), 3.0 * of(rows, kAverage, Method::kPlain).at("error"));
}

TEST(Tasks, GiveTheSameNumbersForEveryNumberOfThreadsAndEveryBatching) {
  const auto text = [](const std::vector<Row>& rows) {
    std::string all;
    for (const Row& row : rows)
      for (const auto& [name, value] : row) all += name + std::to_string(value) + " ";  // NaN equal to NaN
    return all;
  };
  const Given given{.n = 300, .rows = 30};
  const std::string one = text(tasks(given));
  for (const std::size_t threads : {1u, 3u})
    for (const std::size_t batch : {1u, 7u, 0u}) EXPECT_EQ(one, text(tasks(given, threads, batch)));
}

// As few keys as there may be: needles still have places of their own, and all may be kept.
TEST(Tasks, WorkOnTheShortestRows) {
  for (const double n : {8.0, 9.0, 64.0})
    for (const Row& row : tasks({.n = n, .rows = 20})) {
      EXPECT_GE(row.at("accuracy"), 0.0);
      EXPECT_LE(row.at("accuracy"), 1.0);
      if (row.at("task") < 2) EXPECT_GT(row.at("weight"), 0.0);
    }
}

}  // namespace
}  // namespace heed::test
