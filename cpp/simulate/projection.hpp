// Random weight matrices, and blocks of tokens times such a matrix.
#pragma once

#include "base/buffer.hpp"
#include "base/random.hpp"
#include "simd/block.hpp"

namespace heed {

/// A (d, d) matrix as panels of kPanel columns, [panel][row][kPanel], zeros past column d: what project() reads.
class ColumnPanels {
 public:
  /// Independent N(0, 1/d) entries. False when there is no memory.
  [[nodiscard]] bool make_independent(std::size_t d, const CounterRandom& random);
  /// (d x rank, entries N(0, 1/d)) times (rank x d, entries N(0, 1/rank)): entries of variance 1/d again.
  [[nodiscard]] bool make_low_rank(std::size_t d, std::size_t rank, const CounterRandom& random);

  /// Room for any matrix of up to `most_d` rows; false when there is no memory. begin() allocates nothing.
  [[nodiscard]] bool reserve(std::size_t most_d) { return resize(most_d); }
  /// Zeros, to be set().
  void begin(std::size_t d) noexcept;
  void set(std::size_t row, std::size_t column, float value) noexcept { at(row, column) = value; }

  /// Empty stands for the identity.
  bool empty() const noexcept { return panels_.size() == 0; }

  /// to = from * W for `rows` rows of d, both packed blocks (simd/block.hpp). `scores` is scratch for one block.
  void project(const float* from, std::size_t rows, float* scores, float* to) const noexcept;

 private:
  float& at(std::size_t row, std::size_t column) noexcept {
    return panels_[(column / simd::kPanel * d_ + row) * simd::kPanel + column % simd::kPanel];
  }
  [[nodiscard]] bool resize(std::size_t d);

  std::size_t d_ = 0;
  Buffer<float> panels_;
};

}  // namespace heed
