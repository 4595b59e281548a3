// The principal axes of a cloud of keys: eigenvectors of their covariance, those of the largest variance first.
#pragma once

#include "base/buffer.hpp"
#include "base/view.hpp"

namespace heed {

class PrincipalAxes {
 public:
  /// False when there is no memory.
  [[nodiscard]] bool reserve(std::size_t d);
  /// Jacobi's rotations until what is off the diagonal is below 1e-12 of the whole, or 30 sweeps. O(n d^2 + d^3).
  void find(const MatrixView<const float>& keys) noexcept;

  /// <x, axis c> for the first `count` axes.
  void project(const float* x, std::size_t count, float* to) const noexcept;
  double variance(std::size_t axis) const noexcept { return covariance_[axis * (d_ + 1)]; }

 private:
  void rotate(std::size_t p, std::size_t q) noexcept;
  void sort() noexcept;

  std::size_t d_ = 0;
  Buffer<double> covariance_, axes_;  // (d, d) each; axes in rows
};

}  // namespace heed
