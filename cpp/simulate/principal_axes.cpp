#include "simulate/principal_axes.hpp"

#include <algorithm>
#include <cmath>

namespace heed {

bool PrincipalAxes::reserve(std::size_t d) {
  d_ = d;
  return covariance_.resize(d * d) && axes_.resize(d * d);
}

void PrincipalAxes::find(const MatrixView<const float>& keys) noexcept {
  const std::size_t d = d_;
  const auto n = static_cast<double>(keys.rows);
  double* const mean = axes_.data();  // until the axes are there
  std::fill_n(mean, d, 0.0);
  std::fill_n(covariance_.data(), d * d, 0.0);
  for (std::size_t j = 0; j < keys.rows; ++j)
    for (std::size_t c = 0; c < d; ++c) mean[c] += double{keys.row(j)[c]} / n;
  for (std::size_t j = 0; j < keys.rows; ++j) {
    const float* key = keys.row(j);
    for (std::size_t a = 0; a < d; ++a) {
      const double x = (double{key[a]} - mean[a]) / n;
      for (std::size_t b = 0; b <= a; ++b) covariance_[a * d + b] += x * (double{key[b]} - mean[b]);
    }
  }
  double all = 0.0;
  for (std::size_t a = 0; a < d; ++a)
    for (std::size_t b = 0; b < d; ++b) {
      if (b > a) covariance_[a * d + b] = covariance_[b * d + a];
      axes_[a * d + b] = a == b ? 1.0 : 0.0;
    }
  for (std::size_t i = 0; i < d * d; ++i) all += covariance_[i] * covariance_[i];
  for (int sweep = 0; sweep < 30; ++sweep) {
    double off = 0.0;
    for (std::size_t p = 0; p < d; ++p)
      for (std::size_t q = p + 1; q < d; ++q) off += covariance_[p * d + q] * covariance_[p * d + q];
    if (off <= 1e-24 * all) break;
    for (std::size_t p = 0; p < d; ++p)
      for (std::size_t q = p + 1; q < d; ++q) rotate(p, q);
  }
  sort();
}

// Makes covariance (p, q) zero: A <- J^T A J, and the axes turn with it.
void PrincipalAxes::rotate(std::size_t p, std::size_t q) noexcept {
  const std::size_t d = d_;
  const double off = covariance_[p * d + q];
  if (off == 0.0) return;
  const double theta = (covariance_[q * d + q] - covariance_[p * d + p]) / (2.0 * off);
  const double tangent = (theta >= 0.0 ? 1.0 : -1.0) / (std::abs(theta) + std::sqrt(theta * theta + 1.0));
  const double cosine = 1.0 / std::sqrt(tangent * tangent + 1.0), sine = tangent * cosine;
  for (std::size_t i = 0; i < d; ++i) {
    const double x = covariance_[i * d + p], y = covariance_[i * d + q];
    covariance_[i * d + p] = cosine * x - sine * y;
    covariance_[i * d + q] = sine * x + cosine * y;
  }
  for (double* matrix : {covariance_.data(), axes_.data()})
    for (std::size_t i = 0; i < d; ++i) {
      const double x = matrix[p * d + i], y = matrix[q * d + i];
      matrix[p * d + i] = cosine * x - sine * y;
      matrix[q * d + i] = sine * x + cosine * y;
    }
}

void PrincipalAxes::sort() noexcept {
  for (std::size_t a = 0; a + 1 < d_; ++a) {
    std::size_t best = a;
    for (std::size_t b = a + 1; b < d_; ++b)
      if (variance(b) > variance(best)) best = b;
    if (best == a) continue;
    std::swap(covariance_[a * (d_ + 1)], covariance_[best * (d_ + 1)]);
    std::swap_ranges(axes_.data() + a * d_, axes_.data() + (a + 1) * d_, axes_.data() + best * d_);
  }
}

void PrincipalAxes::project(const float* x, std::size_t count, float* to) const noexcept {
  for (std::size_t a = 0; a < count; ++a) {
    double sum = 0.0;
    for (std::size_t c = 0; c < d_; ++c) sum += axes_[a * d_ + c] * double{x[c]};
    to[a] = static_cast<float>(sum);
  }
}

}  // namespace heed
