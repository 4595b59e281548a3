#include "sparse/gathered_rows.hpp"

#include <algorithm>

#include "simd/gather.hpp"

namespace heed {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{512} << 10;

}  // namespace

void gather_rows(const MatrixView<const float>& values, std::span<GatheredRow> rows) noexcept {
  for (const GatheredRow& row : rows) std::fill_n(row.sum, values.cols, 0.0f);
  const std::size_t block =
      std::max<std::size_t>(kBlockBytes / sizeof(float) / std::max<std::size_t>(values.cols, 1), 1);
  for (std::size_t begin = 0; begin < values.rows; begin += block) {
    const std::size_t end = begin + block;
    for (GatheredRow& row : rows) {
      const std::size_t from = row.done;
      while (row.done < row.count && row.indices[row.done] < end) ++row.done;
      if (row.done == from) continue;
      simd::kernel_gather_more(values, row.indices + from, row.weights + from, row.done - from, row.sum);
    }
  }
}

}  // namespace heed
