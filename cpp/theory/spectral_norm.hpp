// The largest eigenvalue of A B for two positive semidefinite matrices, by power iteration with a doubling power.
//
// Plain power iteration approaches from below, at a speed that depends on the gap to the second eigenvalue, and cannot
// say how far it got. Squaring the matrix instead of applying it does 2^m steps in m products and knows a bracket: for
// a symmetric M >= 0 of trace 1 the largest eigenvalue mu lies in [tr M^2, sqrt(tr M^2)]. DERIVED:
// sum mu_i^2 <= mu sum mu_i = mu, and mu^2 <= sum mu_i^2.
//
//   B = L L^T,  M_0 = L^T A L / trace,  M_{j+1} = M_j^2 / trace,  ln lambda = ln trace_0 + sum_j 2^{-j} ln trace_j
//
// The upper end of the bracket is returned: what is computed from it stays an upper bound. L by Cholesky's method with
// pivots, which also takes singular matrices; symmetric squares are backward stable, those of A B itself are not.
//
// Numerics: relative error about h u, u the rounding unit of double, for the eigenvalue; the bracket is then narrower
// than 1e-13. Cost: h^3 multiply-adds a square, at most kMostSquares of them, usually 10 to 20.
#pragma once

#include <cstddef>

#include "base/buffer.hpp"

namespace heed {

class ProductEigenvalue {
 public:
  /// The bracket of a matrix of 2^16 rows is narrower than 1e-13 after so many.
  static constexpr std::size_t kMostSquares = 48;

  /// A and B (h, h), row-major. False when there is no memory.
  [[nodiscard]] bool start(const double* a, const double* b, std::size_t h) noexcept;

  /// One squaring; does nothing when the bracket is narrow enough.
  void step() noexcept;

  /// Upper end of the bracket of the largest eigenvalue of A B. NaN for matrices with NaN or infinity.
  double upper() const noexcept;
  /// Its lower end.
  double lower() const noexcept;

 private:
  void factor(const double* b) noexcept;
  void normalize() noexcept;

  std::size_t h_ = 0;
  Buffer<double> power_, next_;  // M_j, and room for its square
  double log_scale_ = 0.0;       // ln of what was divided out so far, as a factor of the eigenvalue
  double step_ = 1.0;            // 2^-j
  double square_trace_ = 0.0;    // tr M_j^2
};

}  // namespace heed
