// E17: tasks whose answer is known. What the library reads of a row by each method, against formulas in double, and
// what follows for the tasks: family "statistical", five standard errors unless it says otherwise.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "base/random.hpp"
#include "simulate/protocol_run.hpp"
#include "simulate/task_method.hpp"

namespace heed::test {
namespace {

struct Given {
  double n = 4096, signal = 0.6, spread = 0, classes = 64, vocabulary = 64, tolerance = 0.025, keep = 64;
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

/// A row with its tensors, and what the library reads of it.
class ReadRow {
 public:
  ReadRow(Task task, const TaskOptions& options, const MethodOptions& methods, std::size_t trial = 3) {
    Pieces counted(nullptr);
    TaskRow::Scratch::cut(counted, options);
    MethodScratch::cut(counted, options);
    EXPECT_TRUE(memory_.resize(counted.used()));
    Pieces pieces(memory_.data());
    scratch_ = TaskRow::Scratch::cut(pieces, options);
    methods_ = MethodScratch::cut(pieces, options);
    row_.emplace(task, options, trial, scratch_);
    TaskPool alone;
    EXPECT_TRUE(read_by_methods(*row_, methods, methods_, alone));
  }

  const TaskRow& row() const { return *row_; }
  std::size_t columns() const { return row_->columns(); }
  std::vector<double> read(Method method) const {
    const double* from = methods_.read + static_cast<std::size_t>(method) * columns();
    return {from, from + columns()};
  }
  /// sum_j w_j v_j, in double.
  std::vector<double> mix(const std::vector<double>& weights) const {
    std::vector<float> column(weights.size());
    std::vector<double> sums(columns(), 0.0);
    for (std::size_t c = 0; c < columns(); ++c) {
      row_->values(c, 1, column.data());
      for (std::size_t j = 0; j < weights.size(); ++j) sums[c] += weights[j] * double{column[j]};
    }
    return sums;
  }

 private:
  Buffer<std::byte> memory_;
  TaskRow::Scratch scratch_{};
  MethodScratch methods_{};
  std::optional<TaskRow> row_;
};

// Weights by the formulas of sparse/tail.hpp and task_method.hpp, from scores in rank order: no code of the library.
struct Formulas {
  std::vector<float> s;
  std::vector<std::size_t> order;

  explicit Formulas(const float* scores, std::size_t n) : s(scores, scores + n), order(n) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) { return s[a] > s[b]; });
  }
  std::vector<double> softmax(double beta) const {
    std::vector<double> p(s.size());
    double sum = 0.0;
    for (std::size_t j = 0; j < s.size(); ++j) sum += p[j] = std::exp(beta * (double{s[j]} - double{s[order[0]]}));
    for (double& each : p) each /= sum;
    return p;
  }
  std::vector<double> top_k(double beta, std::size_t k, Method estimator) const {
    std::vector<double> p = softmax(beta);
    const auto dropped = static_cast<double>(s.size() - k);
    double kept = 0.0, tau = 0.0, mean = 0.0, spread = 0.0, slope = 0.0;
    for (std::size_t i = 0; i < k; ++i) kept += p[order[i]];
    for (std::size_t i = k; i < s.size(); ++i) tau += p[order[i]], mean += double{s[order[i]]} / dropped;
    for (std::size_t i = k; i < s.size(); ++i) {
      const double x = double{s[order[i]]} - mean;
      spread += x * x, slope += p[order[i]] * x;
    }
    for (std::size_t i = 0; i < s.size(); ++i) {
      double& own = p[order[i]];
      if (estimator == Method::kRenormalized)
        own = i < k ? own / kept : 0.0;
      else if (i >= k)
        own = tau / dropped + (estimator == Method::kLinear ? slope / spread * (double{s[order[i]]} - mean) : 0.0);
    }
    return p;
  }
};

double largest_off(const std::vector<double>& a, const std::vector<double>& b) {
  double most = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

// Family "attention": scores are exact, weights within a few 1e-7 of themselves, values at most 5.
constexpr double kAttention = 2e-5;

TEST(TaskMethods, ReadWhatTheirFormulasSay) {
  const MethodOptions methods{.keep = 30, .reference = 64.0, .perplexity = 20.0, .sink = 5.0};
  const TaskOptions even{.n = 500, .vocabulary = 150, .seed = 2};
  TaskOptions uneven = even;
  uneven.spread = 0.5;
  for (const TaskOptions& options : {even, uneven})
    for (std::size_t task = 0; task < kTasks; ++task) {
      const ReadRow own(static_cast<Task>(task), options, methods);
      const Formulas formulas(own.row().scores(), options.n), level(own.row().level_scores(), options.n);
      const double longer = std::log(500.0) / std::log(64.0);
      const std::vector<double> p = formulas.softmax(1.0);
      const auto expect = [&](Method method, const std::vector<double>& weights) {
        EXPECT_LT(largest_off(own.read(method), own.mix(weights)), kAttention)
            << "task " << task << ", method " << static_cast<int>(method);
      };
      expect(Method::kPlain, p);
      expect(Method::kLogLength, formulas.softmax(longer));
      expect(Method::kNormalized, level.softmax(1.0));
      expect(Method::kScaledTopK, formulas.top_k(longer, 30, Method::kRenormalized));
      for (const Method method : {Method::kRenormalized, Method::kCompensated, Method::kLinear})
        expect(method, formulas.top_k(1.0, 30, method));
      double z = 0.0;
      for (const float s : formulas.s) z += std::exp(double{s});
      for (const auto& [method, sink] : {std::pair{Method::kOffByOne, 0.0}, {Method::kSink, 5.0}}) {
        std::vector<double> shared = p;
        for (double& each : shared) each *= z / (z + std::exp(sink));
        expect(method, shared);
      }
    }
}

TEST(TaskMethods, TemperaturesReachTheirEntropyAndLengthsTheirScale) {
  const TaskOptions options{.n = 4000, .classes = 64, .vocabulary = 64};
  // A temperature that is reached already, and a row of the reference length, change nothing.
  const ReadRow same(Task::kNeedle, options, {.reference = 4000.0, .perplexity = 4000.0});
  EXPECT_EQ(same.read(Method::kAdaptive), same.read(Method::kPlain));
  EXPECT_EQ(same.read(Method::kLogLength), same.read(Method::kPlain));
  // The scale at which the entropy is ln 20, by bisection here; that of the method is a power of two finer than 1e-4.
  const ReadRow own(Task::kNeedle, options, {.perplexity = 20.0});
  const Formulas formulas(own.row().scores(), options.n);
  double low = 1.0, high = 64.0;
  for (int step = 0; step < 60; ++step) {
    const double middle = 0.5 * (low + high);
    double entropy = 0.0;
    for (const double p : formulas.softmax(middle)) entropy -= p > 0.0 ? p * std::log(p) : 0.0;
    (entropy > std::log(20.0) ? low : high) = middle;
  }
  EXPECT_LT(largest_off(own.read(Method::kAdaptive), own.mix(formulas.softmax(high))), 1e-4);
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
  const Given given{.n = 300, .vocabulary = 150, .rows = 10};
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
