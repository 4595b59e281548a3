#include "simulate/projection.hpp"

#include <algorithm>
#include <cmath>

#include "simd/score_tile.hpp"

namespace heed {

bool ColumnPanels::resize(std::size_t d) {
  d_ = d;
  const std::size_t size = round_up(d, simd::kPanel) * d;
  if (!panels_.resize(size)) return false;
  std::fill_n(panels_.data(), size, 0.0f);
  return true;
}

void ColumnPanels::begin(std::size_t d) noexcept {
  d_ = d;
  std::fill_n(panels_.data(), round_up(d, simd::kPanel) * d, 0.0f);
}

bool ColumnPanels::make_independent(std::size_t d, const CounterRandom& random) {
  Buffer<float> row;
  if (!resize(d) || !row.resize(d)) return false;
  const auto deviation = static_cast<float>(1.0 / std::sqrt(static_cast<double>(d)));
  for (std::size_t r = 0; r < d; ++r) {
    random.fill_normal(r * d, d, row.data());
    for (std::size_t c = 0; c < d; ++c) at(r, c) = row[c] * deviation;
  }
  return true;
}

bool ColumnPanels::make_low_rank(std::size_t d, std::size_t rank, const CounterRandom& random) {
  Buffer<float> left, right;
  if (!resize(d) || !left.resize(d * rank) || !right.resize(rank * d)) return false;
  random.fill_normal(0, d * rank, left.data());
  random.fill_normal(d * rank, rank * d, right.data());
  const double deviation = 1.0 / std::sqrt(static_cast<double>(d) * static_cast<double>(rank));
  for (std::size_t r = 0; r < d; ++r) {
    for (std::size_t c = 0; c < d; ++c) {
      double sum = 0.0;
      for (std::size_t i = 0; i < rank; ++i) sum += double{left[r * rank + i]} * double{right[i * d + c]};
      at(r, c) = static_cast<float>(sum * deviation);
    }
  }
  return true;
}

void ColumnPanels::project(const float* from, std::size_t rows, float* scores, float* to) const noexcept {
  const std::size_t stride = simd::packed_stride(d_);
  for (std::size_t first = 0; first < d_; first += simd::kPanel) {
    // The panel's "queries" are columns of W, the "keys" are tokens: scores[j][lane] = (x_j W)[first + lane].
    simd::scores(panels_.data() + first * d_, from, rows, d_, scores);
    const std::size_t columns = std::min(simd::kPanel, d_ - first);
    for (std::size_t j = 0; j < rows; ++j) std::copy_n(scores + j * simd::kPanel, columns, to + j * stride + first);
  }
}

}  // namespace heed
