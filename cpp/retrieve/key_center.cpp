#include "retrieve/key_center.hpp"

#include <algorithm>
#include <cstdint>

#include "sparse/dropped_mass.hpp"

namespace heed {

void find_center(const MatrixView<const float>& keys, float* center) noexcept {
  const std::size_t d = keys.cols, count = std::min(keys.rows, kCenterSample);
  std::fill_n(center, d, 0.0f);
  std::size_t taken = 0;
  // The order is fixed and the sample small: float sums do, for any center is a valid one.
  for (std::size_t i = 0; i < count; ++i) {
    const float* key = keys.row(static_cast<std::size_t>(std::uint64_t{i} * keys.rows / count));
    if (!(row_norm(key, d) < kLargestNorm)) continue;
    for (std::size_t c = 0; c < d; ++c) center[c] += key[c];
    ++taken;
  }
  for (std::size_t c = 0; c < d; ++c) center[c] /= static_cast<float>(std::max<std::size_t>(taken, 1));
}

}  // namespace heed
