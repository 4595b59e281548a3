// R and its relatives: how large the logits of one head can be, from its weights, and from inputs where they are given.
//
//   W = W_Q W_K^T (d, d), logit s_ij = scale x_i^T W x_j, |x_ia| <= B, mean x_ia^2 = v
//
//   R = scale B^2 ||W||_F                 STATED (definition 4.1 in reviews; which norm bounds B is not known:
//   entrywise here) R_rms = scale v ||W||_F               DERIVED: the standard deviation of s_ij, i != j, for
//   independent zero-mean entries R' = scale B^2 sqrt(d) ||W||_2 >= R   DERIVED: what the bound on all logits needs
//   (theory/concentration.hpp) H = scale ||L^T W L||_2, L L^T = E[x x^T]     the horizon of arXiv 2512.10656, without
//   its jitter; scale v ||W||_2 where no
//                                         inputs are given. DERIVED: from second moments of q and k (theory/gram.hpp)
//   scale v tr W                          DERIVED: the mean logit of a token with itself
//   ||W||_F^2 / ||W||_2^2                 the stable rank
//   tr(W)^2 / (r tr(W^2)), r = min(d, h)  localization of attention (arXiv 2402.02098), over the eigenvalues that are
//                                         not zero by construction: 1 when they are all equal
//   ||W_m|| averaged over offsets         with rotary positions (theory/rope.hpp)
//   sigma                                 measured: deviation of all logits of the inputs, self included, no positions
//
// Numerics: double; every entry of a weight is read once. Cost: 3 d h^2 for the weights, 2 h d + 3 h^2 for an input,
// and the squares of theory/spectral_norm.hpp.
#pragma once

#include "base/status.hpp"
#include "base/view.hpp"
#include "theory/gram.hpp"
#include "theory/rope.hpp"
#include "theory/spectral_norm.hpp"

namespace heed {

/// In this order in web/src/operations/radius.ts, all doubles.
struct Radius {
  double radius, rms_radius, rigorous_radius, horizon;
  double frobenius_norm, spectral_norm, stable_rank;
  double trace, square_trace, localization, self_score;
  double rope_norm;  // NaN without rotary positions
  double bound, mean_square;
  double sigma;  // NaN without inputs
};

struct RadiusOptions {
  const float* query_weights = nullptr;  // W_Q^T (head_dim, width), as linear layers store it
  const float* key_weights = nullptr;    // W_K^T (head_dim, width)
  std::size_t head_dim = 0, width = 0;
  const float* inputs = nullptr;  // (tokens, width), or none
  std::size_t tokens = 0;
  double scale = 1.0;
  double bound = 0.0;        // B; 0: of the inputs, or sqrt(width), which no row of an RMS norm exceeds
  double mean_square = 0.0;  // v; 0: of the inputs, or 1
  RotaryPairs pairs = RotaryPairs::kHalves;
  double base = 0.0;    // of the rotary frequencies; 0: no positions
  double length = 0.0;  // tokens over which the rotary norm is averaged
  Radius* result = nullptr;
};

/// The work in units of some 20 million multiply-adds, to be run in order; the result stands after the last one.
class HeadRadius {
 public:
  explicit HeadRadius(const RadiusOptions& options);

  const Status& status() const noexcept { return status_; }
  std::size_t units() const noexcept;
  void run(Range units) noexcept;

 private:
  /// One more than the squares: starting them.
  static constexpr std::size_t kPowerUnits = 1 + ProductEigenvalue::kMostSquares;

  bool has_inputs() const noexcept { return options_.tokens > 0; }
  void run_unit(std::size_t unit) noexcept;
  void add_columns(Range inputs) noexcept;
  void add_tokens(Range tokens) noexcept;
  void power(std::size_t unit, ProductEigenvalue& eigenvalue, const GramSums& sums) noexcept;
  void finish() noexcept;
  double sigma() const noexcept;

  RadiusOptions options_;
  Status status_;
  std::size_t column_stretch_ = 0, column_units_ = 0, token_stretch_ = 0, token_units_ = 0;
  GramSums weights_, moments_;
  ProductEigenvalue weights_eigenvalue_, moments_eigenvalue_;
  Buffer<double> pair_;  // (2, head_dim): a column, or a query and its key
  Buffer<double> mean_;  // (2, head_dim): sums of the queries and of the keys
  double largest_ = 0.0, squares_ = 0.0;
};

}  // namespace heed
