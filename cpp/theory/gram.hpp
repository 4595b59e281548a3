// Sums of products of the columns of two projections, from which every number about W = W_Q W_K^T follows without ever
// forming the d x d matrix.
//
// W_Q, W_K are (d, h): d inputs, h the head dimension. With G_Q = W_Q^T W_Q, G_K = W_K^T W_K, C = W_K^T W_Q, all (h,
// h):
//
//   ||W||_F^2 = <G_Q, G_K>      tr W = tr C      tr W^2 = <C, C^T>      ||W||_2^2 = largest eigenvalue of G_Q G_K
//
// DERIVED: tr(W^T W) = tr(W_K G_Q W_K^T) = tr(G_Q G_K), and the eigenvalues of A B that are not zero are those of B A.
// The same sums over tokens instead of inputs, of q_i = W_Q^T x_i and k_i = W_K^T x_i, are second moments: their
// largest product eigenvalue is the squared horizon of arXiv 2512.10656, their inner product the mean squared logit.
//
// Numerics: double, added in the order of the inputs. Cost: 3 h^2 multiply-adds an input. add() does not allocate.
#pragma once

#include <cstddef>

#include "base/buffer.hpp"

namespace heed {

class GramSums {
 public:
  /// All zero. False when there is no memory.
  [[nodiscard]] bool reset(std::size_t head_dim) noexcept;

  /// Adds the products of one pair of columns, both (head_dim).
  void add(const double* q, const double* k) noexcept;

  std::size_t head_dim() const noexcept { return dim_; }
  const double* query() const noexcept { return sums_.data(); }              // G_Q
  const double* key() const noexcept { return sums_.data() + dim_ * dim_; }  // G_K

  double frobenius_squared() const noexcept;  // <G_Q, G_K>
  double trace() const noexcept;              // tr C
  double square_trace() const noexcept;       // <C, C^T>

 private:
  const double* cross() const noexcept { return sums_.data() + 2 * dim_ * dim_; }  // C, [k][q]

  std::size_t dim_ = 0;
  Buffer<double> sums_;
};

}  // namespace heed
