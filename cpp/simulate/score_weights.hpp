// The weights of a simulated head, W = W_Q W_K^T, and the numbers of the theory that are read off W.
//
//   independent   W_Q, W_K with independent N(0, 1/d) entries: E ||W||_F^2 = d
//   identity      W = I: ||W||_F^2 = d
//   tied          W_Q = W_K = A, A with independent N(0, 1/d) entries, then scaled to ||W||_F^2 = d
//   lowRank       W_Q, W_K = N(0, 1/d) (d x r) times N(0, 1/r) (r x d), r = shape: E ||W||_F^2 = d
//   powerLaw      W = U S V^T, U and V orthogonal and independent, S_i proportional to i^-shape, ||W||_F^2 = d
//
// With tokens of variance 1 and scale 1 / sqrt(d), a score of two different tokens has standard deviation
// ||W||_F / sqrt(d), 1 here or in the mean: the sigma of a simulation multiplies it.
#pragma once

#include "base/buffer.hpp"
#include "simulate/projection.hpp"

namespace heed {

/// The order is the order of `weights` in web/src/check/simulation-words.ts. kNone: scores are independent N(0, 1),
/// there are no tokens. kGiven: queries and keys come from the caller.
enum class Weights { kIndependent, kIdentity, kTied, kLowRank, kPowerLaw, kNone, kGiven };

/// Of W as scores use it, scale not included.
struct WeightNorms {
  double frobenius = 0.0;  // ||W||_F
  double spectral = 0.0;   // ||W||_2
  double trace = 0.0;
};

class ScoreWeights {
 public:
  /// False when there is no memory. begin() allocates nothing.
  [[nodiscard]] bool reserve(std::size_t most_d);
  void begin(Weights kind, double shape, std::size_t d, std::uint64_t seed) noexcept;

  bool identity() const noexcept { return identity_; }
  const ColumnPanels& query() const noexcept { return query_; }
  const ColumnPanels& key() const noexcept { return key_; }
  /// O(d^3), by forming W; the spectral norm to a relative 1e-9 or after 300 steps of power iteration.
  WeightNorms norms() noexcept;

 private:
  void draw(std::uint64_t stream, double* matrix) const noexcept;
  void draw_low_rank(std::uint64_t stream, std::size_t rank, double* matrix) noexcept;
  void draw_orthogonal(std::uint64_t stream, double* matrix) const noexcept;
  void form() noexcept;

  bool identity_ = true;
  std::size_t d_ = 0;
  std::uint64_t seed_ = 0;
  ColumnPanels query_, key_;
  Buffer<double> query_matrix_, key_matrix_, product_;  // (d, d); product = W_Q W_K^T
};

}  // namespace heed
