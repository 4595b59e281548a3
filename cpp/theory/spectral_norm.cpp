#include "theory/spectral_norm.hpp"

#include <algorithm>
#include <cmath>

namespace heed {

/// next_ becomes L with columns in the order of the pivots: B = L L^T. Uses power_ for what is left of B.
void ProductEigenvalue::factor(const double* b) noexcept {
  double* const rest = power_.data();
  double* const factor = next_.data();
  std::copy_n(b, h_ * h_, rest);
  std::fill_n(factor, h_ * h_, 0.0);
  double largest = 0.0;
  for (std::size_t i = 0; i < h_; ++i) largest = std::max(largest, rest[i * h_ + i]);
  for (std::size_t column = 0; column < h_; ++column) {
    std::size_t pivot = 0;
    for (std::size_t i = 1; i < h_; ++i) {
      if (rest[i * h_ + i] > rest[pivot * h_ + pivot]) pivot = i;
    }
    // What is left is rounding: the matrix has rank `column`.
    if (!(rest[pivot * h_ + pivot] > 1e-16 * largest)) return;
    const double root = std::sqrt(rest[pivot * h_ + pivot]);
    for (std::size_t i = 0; i < h_; ++i) factor[i * h_ + column] = rest[i * h_ + pivot] / root;
    for (std::size_t i = 0; i < h_; ++i) {
      const double left = factor[i * h_ + column];
      for (std::size_t j = 0; j < h_; ++j) rest[i * h_ + j] -= left * factor[j * h_ + column];
    }
    rest[pivot * h_ + pivot] = 0.0;
  }
}

bool ProductEigenvalue::start(const double* a, const double* b, std::size_t h) noexcept {
  h_ = h;
  Buffer<double> half;
  if (!power_.resize(h * h) || !next_.resize(h * h) || !half.resize(h * h)) return false;
  factor(b);
  const double* const factor = next_.data();
  // half = A L, power = L^T half. Plain loops in the order that reads rows.
  std::fill_n(half.data(), h * h, 0.0);
  std::fill_n(power_.data(), h * h, 0.0);
  for (std::size_t i = 0; i < h; ++i) {
    for (std::size_t c = 0; c < h; ++c) {
      for (std::size_t j = 0; j < h; ++j) half[i * h + j] += a[i * h + c] * factor[c * h + j];
    }
  }
  for (std::size_t c = 0; c < h; ++c) {
    for (std::size_t i = 0; i < h; ++i) {
      for (std::size_t j = 0; j < h; ++j) power_[i * h + j] += factor[c * h + i] * half[c * h + j];
    }
  }
  log_scale_ = 0.0;
  step_ = 1.0;
  normalize();
  return true;
}

/// Divides M by its trace, keeps the trace in log_scale_, and forms tr M^2, the squared norm of a symmetric matrix.
void ProductEigenvalue::normalize() noexcept {
  double trace = 0.0;
  for (std::size_t i = 0; i < h_; ++i) trace += power_[i * h_ + i];
  log_scale_ += step_ * std::log(trace);
  square_trace_ = 0.0;
  for (std::size_t i = 0; i < h_ * h_; ++i) {
    power_[i] /= trace;
    square_trace_ += power_[i] * power_[i];
  }
}

void ProductEigenvalue::step() noexcept {
  // The bracket in the logarithm is -ln(tr M^2) / 2^(j + 1) wide. Written so that NaN stops too.
  if (!(-0.5 * step_ * std::log(square_trace_) > 1e-13)) return;
  std::fill_n(next_.data(), h_ * h_, 0.0);
  for (std::size_t i = 0; i < h_; ++i) {
    for (std::size_t c = 0; c < h_; ++c) {
      const double left = power_[i * h_ + c];
      for (std::size_t j = 0; j < h_; ++j) next_[i * h_ + j] += left * power_[c * h_ + j];
    }
  }
  std::swap(power_, next_);
  step_ *= 0.5;
  normalize();
}

double ProductEigenvalue::upper() const noexcept {
  if (log_scale_ == -HUGE_VAL) return 0.0;  // the zero matrix
  return std::exp(log_scale_ + 0.5 * step_ * std::log(square_trace_));
}

double ProductEigenvalue::lower() const noexcept {
  if (log_scale_ == -HUGE_VAL) return 0.0;
  return std::exp(log_scale_ + step_ * std::log(square_trace_));
}

}  // namespace heed
