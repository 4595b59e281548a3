#include "simd/pack.hpp"

#include <algorithm>

namespace heed::simd {

namespace {

inline void pack_row(const float* row, std::size_t cols, std::size_t padded_cols, float* to) noexcept {
  std::size_t c = 0;
  for (; c + kLanes <= cols; c += kLanes) store(to + c, load(row + c));
  for (; c < cols; ++c) to[c] = row[c];
  for (; c < padded_cols; ++c) to[c] = 0.0f;
}

}  // namespace

HEED_KERNEL void kernel_pack_rows(const MatrixView<const float>& rows, Range range, std::size_t padded_cols,
                                  float* block) noexcept {
  const std::size_t stride = packed_stride(padded_cols);
  for (std::size_t i = range.begin; i < range.end; ++i, block += stride)
    pack_row(rows.row(i), rows.cols, padded_cols, block);
}

HEED_KERNEL bool kernel_pack_checked(const MatrixView<const float>& rows, Range range, std::size_t padded_cols,
                                     float* block) noexcept {
  kernel_pack_rows(rows, range, padded_cols, block);
  // x - x is 0 for finite x and NaN otherwise; the columns past padded_cols are never written and not looked at.
  const std::size_t stride = packed_stride(padded_cols);
  F32 sum = zero();
  float rest = 0.0f;
  for (std::size_t i = 0; i < range.size(); ++i) {
    const float* row = block + i * stride;
    std::size_t c = 0;
    for (; c + kLanes <= padded_cols; c += kLanes) sum = sum + (load(row + c) - load(row + c));
    for (; c < padded_cols; ++c) rest += row[c] - row[c];
  }
  return bits(sum == zero()) == (1u << kLanes) - 1 && rest == 0.0f;
}

HEED_KERNEL void kernel_pack_listed(const MatrixView<const float>& rows, const std::uint32_t* list, std::size_t count,
                                    std::size_t padded_cols, float* block) noexcept {
  const std::size_t stride = packed_stride(padded_cols);
  for (std::size_t i = 0; i < count; ++i, block += stride) pack_row(rows.row(list[i]), rows.cols, padded_cols, block);
}

HEED_KERNEL void kernel_pack_panel(const MatrixView<const float>& queries, std::size_t first, float scale,
                                   float* panel) noexcept {
  const std::size_t lanes = std::min(kPanel, queries.rows - first);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const float* row = queries.row(first + lane);
    for (std::size_t c = 0; c < queries.cols; ++c) panel[c * kPanel + lane] = row[c] * scale;
  }
  for (std::size_t lane = lanes; lane < kPanel; ++lane)
    for (std::size_t c = 0; c < queries.cols; ++c) panel[c * kPanel + lane] = 0.0f;
}

}  // namespace heed::simd
