#include "simulate/task_method.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "topk/select.hpp"

namespace heed {
namespace {

// e^(beta (s - max)); returns their sum.
double exponentials(const float* scores, std::size_t count, double beta, double* weights) noexcept {
  const double highest = double{*std::max_element(scores, scores + count)};
  double sum = 0.0;
  for (std::size_t j = 0; j < count; ++j) sum += weights[j] = std::exp(beta * (double{scores[j]} - highest));
  return sum;
}

void softmax(const float* scores, std::size_t count, double beta, double* weights) noexcept {
  const double sum = exponentials(scores, count, beta, weights);
  for (std::size_t j = 0; j < count; ++j) weights[j] /= sum;
}

double entropy(const float* scores, std::size_t count, double beta, double* weights) noexcept {
  softmax(scores, count, beta, weights);
  double sum = 0.0;
  for (std::size_t j = 0; j < count; ++j)
    if (weights[j] > 0.0) sum -= weights[j] * std::log(weights[j]);
  return sum;
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

void sink_softmax(const float* scores, std::size_t count, double sink, double* weights) noexcept {
  const double highest = double{*std::max_element(scores, scores + count)};
  const double sum = exponentials(scores, count, 1.0, weights) + std::exp(sink - highest);
  for (std::size_t j = 0; j < count; ++j) weights[j] /= sum;
}

// From probabilities to what an estimator of sparse/tail.hpp makes of the k best.
void keep_best_of(Method method, std::size_t keep, const float* scores, std::size_t count, double* weights) noexcept {
  if (keep >= count) return;
  const Cut cut = kth_best(scores, count, keep);
  std::size_t ties = cut.ties_kept;
  double kept = 0.0, tau = 0.0, mean = 0.0, spread = 0.0, slope = 0.0;
  const auto dropped = static_cast<double>(count - keep);
  const auto each = [&](auto&& use) {
    ties = cut.ties_kept;
    for (std::size_t j = 0; j < count; ++j) {
      const bool tie = scores[j] == cut.score;
      const bool in = scores[j] > cut.score || (tie && ties > 0);
      if (tie && ties > 0) --ties;
      use(j, in);
    }
  };
  each([&](std::size_t j, bool in) {
    (in ? kept : tau) += weights[j];
    if (!in) mean += double{scores[j]} / dropped;
  });
  if (method == Method::kLinear)
    each([&](std::size_t j, bool in) {
      if (in) return;
      const double x = double{scores[j]} - mean;
      spread += x * x;
      slope += weights[j] * x;
    });
  const double line = spread > 0.0 ? slope / spread : 0.0;
  each([&](std::size_t j, bool in) {
    const bool renormalized = method != Method::kCompensated && method != Method::kLinear;
    if (in)
      weights[j] /= renormalized ? kept : 1.0;
    else
      weights[j] = renormalized ? 0.0 : tau / dropped + line * (double{scores[j]} - mean);
  });
}

}  // namespace

void weigh(Method method, const MethodOptions& options, const float* scores, std::size_t count,
           double* weights) noexcept {
  const double scale = std::log(static_cast<double>(count)) / std::log(options.reference);
  switch (method) {
    case Method::kLogLength:
      return softmax(scores, count, scale, weights);
    case Method::kAdaptive:
      return softmax(scores, count, sharpened(scores, count, options.perplexity, weights), weights);
    case Method::kOffByOne:
      return sink_softmax(scores, count, 0.0, weights);
    case Method::kSink:
      return sink_softmax(scores, count, options.sink, weights);
    case Method::kBfloat:
      exponentials(scores, count, 1.0, weights);
      return;
    case Method::kScaledTopK:
      softmax(scores, count, scale, weights);
      return keep_best_of(method, options.keep, scores, count, weights);
    case Method::kRenormalized:
    case Method::kCompensated:
    case Method::kLinear:
      softmax(scores, count, 1.0, weights);
      return keep_best_of(method, options.keep, scores, count, weights);
    default:
      return softmax(scores, count, 1.0, weights);
  }
}

}  // namespace heed
