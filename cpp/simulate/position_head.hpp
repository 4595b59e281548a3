// One simulated head with positions: queries and keys of n tokens, ready for RowSource as given heads, and its numbers.
//
//   none    s_ij = scale <q_i, k_j>
//   rope    s_ij = scale <q_i, Rot((i - j) theta) k_j>,  theta_f = base^(-2 f / d) on dimensions f and f + d / 2
//   alibi   s_ij = scale <q_i, k_j> - slope (i - j)      (Press, Smith and Lewis 2022), for j <= i
//
// Rotary rows are stored turned back by their position, so that the plain product is the score; the bias of ALiBi is
// one more dimension, (1, slope j), because what a row's keys have in common does not count.
#pragma once

#include "simulate/row_source.hpp"
#include "theory/gram.hpp"

namespace heed {

/// The order is the order of `positions` in web/src/check.
enum class Positions { kNone, kRotary, kLinearBias };

class PositionHead {
 public:
  /// `value`: the base of rope, the slope of alibi. False when there is no memory.
  [[nodiscard]] bool reserve(const SourceOptions& source, Positions positions, double value, std::size_t threads);

  /// Draws W_Q and W_K. Then fill() for every stretch of tokens, on any threads.
  void begin() noexcept;
  std::size_t stretches() const noexcept { return RowSource::stretches(source_.n); }
  void fill(std::size_t stretch, std::size_t thread) noexcept;

  /// `source` with q, k, their dimension, and causal rows of n / 2 to n keys.
  SourceOptions given() const noexcept;

  /// ||W_m||_F^2.
  double squared_at(double offset) const noexcept;
  /// Its mean over the offsets below n with phases evenly spread, 1/2 sum_f ||W_Q^f||^2 ||W_K^f||^2.
  double closed_squared() const noexcept { return averaged_squared(0.0); }
  /// The same for pairs that come around within n, n theta_f >= 2 pi, and the value at m = 0 of all others together.
  double corrected_squared() const noexcept { return averaged_squared(6.283185307179586); }
  /// The same with the cut where what the pairs below it have lost by then and what those above it still have are
  /// equal, n theta_f = e^(1 - gamma).
  ///
  /// DERIVED: in the mean over m < n a pair with x = n theta_f still has sin(x) / x of what joins it to others at m =
  /// 0. Pairs are evenly spaced in ln x, and the integral of sin(x) / x over ln x from a is sin(a) / a - Ci(a) = 1 -
  /// gamma - ln a + O(a^2): as if all of it were there below e^(1 - gamma) = 1.526, and nothing above. A cut at 2 pi
  /// counts ln(2 pi) - 1 + gamma = 1.415 of ln x too much, whatever n is.
  double balanced_squared() const noexcept { return averaged_squared(1.526205); }
  /// The mean over the offsets below n (theory/rope.hpp).
  double exact_squared() const noexcept;
  /// Standard deviation of <q_i, Rot(m theta) k_j> over n pairs of different tokens.
  double deviation_at(double offset) const noexcept;

 private:
  std::size_t width() const noexcept { return source_.head_dim + (positions_ == Positions::kLinearBias ? 1 : 0); }
  double frequency(std::size_t f) const noexcept;
  void turn(float* row, double position) const noexcept;
  double averaged_squared(double cut) const noexcept;

  SourceOptions source_;
  Positions positions_ = Positions::kNone;
  double value_ = 0.0;
  TokenInput input_;
  ScoreWeights weights_;
  GramSums sums_;
  Buffer<float> queries_, keys_;  // (n, width)
  Buffer<float> scratch_;         // per thread
  std::size_t scratch_size_ = 0;
};

}  // namespace heed
