#include "simulate/task_method.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "attention/exact.hpp"
#include "sparse/topk_search.hpp"

namespace heed {
namespace {

// Of one call; the usual vocabulary takes four.
constexpr std::size_t kColumns = 136;
constexpr std::size_t kQueries = 3;

// e^(beta (s - max)); returns their sum.
double exponentials(const float* scores, std::size_t count, double beta, double* weights) noexcept {
  const double highest = double{*std::max_element(scores, scores + count)};
  double sum = 0.0;
  for (std::size_t j = 0; j < count; ++j) sum += weights[j] = std::exp(beta * (double{scores[j]} - highest));
  return sum;
}

// H = ln Z - sum_j w_j ln w_j / Z with w_j = e^(beta (s_j - max)).
double entropy(const float* scores, std::size_t count, double beta, double* weights) noexcept {
  const double sum = exponentials(scores, count, beta, weights);
  double moment = 0.0;
  for (std::size_t j = 0; j < count; ++j)
    if (weights[j] > 0.0) moment += weights[j] * std::log(weights[j]);
  return std::log(sum) - moment / sum;
}

// The entropy falls with beta: d H / d beta = -beta Var(s).
double sharpened(const float* scores, std::size_t count, double perplexity, double* weights) noexcept {
  const double most = std::log(perplexity);
  double low = 1.0, high = 1.0;
  if (entropy(scores, count, 1.0, weights) <= most) return 1.0;
  while (high < 1024.0 && entropy(scores, count, high, weights) > most) low = std::exchange(high, 2.0 * high);
  for (int step = 0; step < 16; ++step) {
    const double middle = 0.5 * (low + high);
    (entropy(scores, count, middle, weights) > most ? low : high) = middle;
  }
  return high;
}

/// Some columns of a row as tensors, and the calls that read them.
class Reading {
 public:
  Reading(const TaskRow& row, std::size_t first, std::size_t count, const MethodScratch& scratch,
          TaskPool& alone) noexcept
      : row_(row), first_(first), count_(count), s_(scratch), alone_(alone) {
    row.values(first, count, s_.values);
  }

  /// Query i reads the scores times queries[i] and is the answer of methods[i].
  bool exact(const float* scores, std::initializer_list<float> queries, std::initializer_list<Method> methods,
             float* lse) noexcept {
    AttentionProblem problem = problem_of(scores, queries);
    problem.lse = lse;
    ExactAttention attention(problem, alone_);
    if (!attention.status().ok()) return false;
    attention.run({0, attention.units()});
    take(methods);
    return true;
  }

  bool top_k(std::size_t keep, Estimator estimator, std::initializer_list<float> queries,
             std::initializer_list<Method> methods) noexcept {
    TopKOptions options;
    options.budget.k = keep;
    options.estimator = estimator;
    TopKSearch search(problem_of(row_.scores(), queries), options, alone_);
    if (!search.status().ok()) return false;
    search.run({0, search.units()});
    take(methods);
    return true;
  }

  /// `to` reads what `from` does, times a factor.
  void scaled(Method from, double factor, Method to) noexcept {
    for (std::size_t c = 0; c < count_; ++c) place(to)[c] = factor * place(from)[c];
  }

 private:
  AttentionProblem problem_of(const float* scores, std::initializer_list<float> queries) const noexcept {
    AttentionProblem problem;
    problem.shape = {.queries = queries.size(), .keys = row_.size(), .head_dim = 1, .value_dim = count_};
    problem.q = queries.begin();
    problem.k = scores;
    problem.v = s_.values;
    problem.out = s_.outputs;
    return problem;
  }
  double* place(Method method) const noexcept {
    return s_.read + static_cast<std::size_t>(method) * row_.columns() + first_;
  }
  void take(std::initializer_list<Method> methods) noexcept {
    const float* from = s_.outputs;
    for (const Method method : methods)
      for (std::size_t c = 0; c < count_; ++c) place(method)[c] = double{*from++};
  }

  const TaskRow& row_;
  const std::size_t first_, count_;
  const MethodScratch& s_;
  TaskPool& alone_;
};

}  // namespace

MethodScratch MethodScratch::cut(Pieces& pieces, const TaskOptions& options) noexcept {
  std::size_t most = 1;
  for (std::size_t task = 0; task < kTasks; ++task)
    most = std::max(most, TaskRow::columns_of(static_cast<Task>(task), options));
  const std::size_t columns = std::min(most, kColumns);
  return {pieces.take<double>(options.n), pieces.take<float>(options.n * columns),
          pieces.take<float>(kQueries * columns), pieces.take<double>(kMethods * most)};
}

bool read_by_methods(const TaskRow& row, const MethodOptions& options, const MethodScratch& scratch, TaskPool& alone) {
  const float* scores = row.scores();
  const auto longer = static_cast<float>(std::log(static_cast<double>(row.size())) / std::log(options.reference));
  const auto beta = static_cast<float>(sharpened(scores, row.size(), options.perplexity, scratch.weights));
  const std::size_t columns = row.columns();
  for (std::size_t first = 0; first < columns; first += kColumns) {
    Reading reading(row, first, std::min(kColumns, columns - first), scratch, alone);
    float lse[kQueries];
    const bool read =
        reading.exact(scores, {1.0f, longer, beta}, {Method::kPlain, Method::kLogLength, Method::kAdaptive}, lse) &&
        reading.top_k(options.keep, Estimator::kRenormalized, {1.0f, longer},
                      {Method::kRenormalized, Method::kScaledTopK}) &&
        reading.top_k(options.keep, Estimator::kCompensated, {1.0f}, {Method::kCompensated}) &&
        reading.top_k(options.keep, Estimator::kLinear, {1.0f}, {Method::kLinear});
    if (!read) return false;
    // Z / (Z + e^sink).
    reading.scaled(Method::kPlain, 1.0 / (1.0 + std::exp(-double{lse[0]})), Method::kOffByOne);
    reading.scaled(Method::kPlain, 1.0 / (1.0 + std::exp(options.sink - double{lse[0]})), Method::kSink);
    if (row.level())
      reading.scaled(Method::kPlain, 1.0, Method::kNormalized);
    else if (float unread[kQueries]; !reading.exact(row.level_scores(), {1.0f}, {Method::kNormalized}, unread))
      return false;
  }
  exponentials(scores, row.size(), 1.0, scratch.weights);
  row.read_narrow(scratch.weights, Rounding(NumberFormat::kBf16),
                  scratch.read + static_cast<std::size_t>(Method::kBfloat) * columns);
  return true;
}

}  // namespace heed
