// A simulated head as tensors in memory, for what needs queries and keys and not only their scores: the searches.
//
//   q  (rows, d)  W_Q^T x_i of the last `rows` tokens    k  (n, d)  W_K^T x_j    v  (n, d)  N(0, 1), when asked for
//
// of the tokens and weights of a source (row_source.hpp). With Weights::kNone queries and keys are independent
// N(0, I_d): scores are then Gaussian given the query, with sigma |q| / sqrt(d) for a standard deviation. Given heads
// are read where they lie. A sink has no key of its own, so that input is not for these.
#pragma once

#include "attention/problem.hpp"
#include "simulate/row_source.hpp"

namespace heed {

class HeadTensors {
 public:
  /// Takes the memory; false when there is none. Then begin(), and fill() for every unit.
  [[nodiscard]] bool reserve(const SourceOptions& options, bool values, std::size_t threads);
  /// Draws the weights of that seed; once more for another head of the same shape.
  void begin(std::uint64_t seed) noexcept;
  std::size_t units() const noexcept { return RowSource::stretches(options_.n); }
  void fill(std::size_t unit, std::size_t thread) noexcept;

  /// One head; causal as the source: its rows are the last tokens, so each sees its own key and those before.
  AttentionProblem problem() const noexcept;
  /// scale * q of a row, each product rounded to float, as every search takes it.
  void scaled_query(std::size_t row, float* to) const noexcept;

 private:
  SourceOptions options_;
  TokenInput input_;
  ScoreWeights weights_;
  std::size_t scratch_size_ = 0;
  Buffer<float> queries_, keys_, values_, scratch_;
};

}  // namespace heed
