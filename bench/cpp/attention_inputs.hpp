// The problem that a bench times, and the oracle's opinion of the answer. Inputs are standard normal numbers from a
// fixed seed, token-major, as the web bench has them.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "attention/problem.hpp"
#include "base/random.hpp"
#include "reference/attention.hpp"

namespace heed::bench {

inline std::vector<float> gaussian(std::size_t count, std::uint64_t stream) {
  std::vector<float> numbers(count);
  CounterRandom(1, stream).fill_normal(0, count, numbers.data());
  return numbers;
}

struct AttentionInputs {
  AttentionShape shape;
  std::vector<float> q, k, v, out;

  explicit AttentionInputs(std::size_t n, std::size_t heads, std::size_t d, bool causal)
      : q(gaussian(n * heads * d, 1)), k(gaussian(n * heads * d, 2)), v(gaussian(n * heads * d, 3)), out(q.size()) {
    shape.queries = shape.keys = n;
    shape.heads = shape.kv_heads = heads;
    shape.head_dim = shape.value_dim = d;
    shape.causal = causal;
  }

  float scale() const { return static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape.head_dim))); }

  AttentionProblem problem() { return {shape, q.data(), k.data(), v.data(), out.data(), nullptr, scale()}; }

  reference::Tensors tensors() const {
    const AttentionShape& s = shape;
    return {1,     s.queries, s.keys,  s.heads,  s.kv_heads, s.head_dim, s.value_dim,
            false, s.causal,  scale(), q.data(), k.data(),   v.data()};
  }

  /// 4 d flops for every (query, key) that see each other; exponentials are not counted.
  double flops() const {
    double pairs = 0.0;
    for (std::size_t i = 0; i < shape.queries; ++i) pairs += static_cast<double>(shape.visible(i));
    return 4.0 * static_cast<double>(shape.head_dim * shape.heads) * pairs;
  }

  /// The largest difference from the oracle over the first, middle and last row of every head.
  double largest_error() const {
    double largest = 0.0;
    for (const std::size_t i : {std::size_t{0}, shape.queries / 2, shape.queries - 1}) {
      for (std::size_t h = 0; h < shape.heads; ++h) {
        const reference::Row row{0, i, h};
        const std::vector<double> p = reference::softmax(reference::scores(tensors(), row));
        const std::vector<double> expected = reference::mix(tensors(), row, p);
        const float* actual = out.data() + shape.row_index(0, i, h) * shape.value_dim;
        for (std::size_t c = 0; c < shape.value_dim; ++c) {
          const double error = std::abs(static_cast<double>(actual[c]) - expected[c]);
          if (!(error <= largest)) largest = error;
        }
      }
    }
    return largest;
  }
};

/// Chosen: a hundred times what a right answer is off at these shapes, a thousandth of what a wrong one is.
inline constexpr double kTolerance = 1e-4;

inline void set_flops(benchmark::State& state, double flops) {
  state.counters["flops"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

}  // namespace heed::bench
