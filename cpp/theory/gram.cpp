#include "theory/gram.hpp"

#include <algorithm>

namespace heed {

bool GramSums::reset(std::size_t head_dim) noexcept {
  dim_ = head_dim;
  const CheckedSize size = checked_product({3, head_dim, head_dim});
  if (!size.fits || !sums_.resize(size.value)) return false;
  std::fill_n(sums_.data(), sums_.size(), 0.0);
  return true;
}

void GramSums::add(const double* q, const double* k) noexcept {
  double* const query = sums_.data();
  double* const key = query + dim_ * dim_;
  double* const cross = key + dim_ * dim_;
  for (std::size_t i = 0; i < dim_; ++i) {
    for (std::size_t j = 0; j < dim_; ++j) {
      query[i * dim_ + j] += q[i] * q[j];
      key[i * dim_ + j] += k[i] * k[j];
      cross[i * dim_ + j] += k[i] * q[j];
    }
  }
}

double GramSums::frobenius_squared() const noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < dim_ * dim_; ++i) sum += query()[i] * key()[i];
  return sum;
}

double GramSums::trace() const noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < dim_; ++i) sum += cross()[i * dim_ + i];
  return sum;
}

double GramSums::square_trace() const noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < dim_; ++i) {
    for (std::size_t j = 0; j < dim_; ++j) sum += cross()[i * dim_ + j] * cross()[j * dim_ + i];
  }
  return sum;
}

}  // namespace heed
