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
  // x - x is 0 for finite x and NaN otherwise.
  const std::size_t stride = packed_stride(padded_cols);
  F32 sum = zero();
  float rest = 0.0f;
  for (std::size_t i = range.begin; i < range.end; ++i, block += stride) {
    const float* row = rows.row(i);
    std::size_t c = 0;
    for (; c + kLanes <= rows.cols; c += kLanes) {
      const F32 x = load(row + c);
      store(block + c, x);
      sum = sum + (x - x);
    }
    for (; c < rows.cols; ++c) {
      block[c] = row[c];
      rest += row[c] - row[c];
    }
    for (; c < padded_cols; ++c) block[c] = 0.0f;
  }
  return bits(sum == zero()) == (1u << kLanes) - 1 && rest == 0.0f;
}

HEED_KERNEL void kernel_pack_listed(const MatrixView<const float>& rows, const std::uint32_t* list, std::size_t count,
                                    std::size_t padded_cols, float* block) noexcept {
  const std::size_t stride = packed_stride(padded_cols);
  for (std::size_t i = 0; i < count; ++i, block += stride) pack_row(rows.row(list[i]), rows.cols, padded_cols, block);
}

namespace {

// Square tiles of kLanes, so that a panel is written and read in whole vectors.
inline void transpose(F32 (&tile)[kLanes]) noexcept { xsimd::transpose(tile, tile + kLanes); }

}  // namespace

HEED_KERNEL void kernel_pack_panel(const MatrixView<const float>& queries, std::size_t first, float scale,
                                   float* panel) noexcept {
  const std::size_t lanes = std::min(kPanel, queries.rows - first);
  const F32 factor = splat(scale);
  std::size_t c = 0;
  if (lanes == kPanel) {
    for (; c + kLanes <= queries.cols; c += kLanes) {
      for (std::size_t half = 0; half < kPanel; half += kLanes) {
        F32 tile[kLanes];
        for (std::size_t lane = 0; lane < kLanes; ++lane)
          tile[lane] = load(queries.row(first + half + lane) + c) * factor;
        transpose(tile);
        for (std::size_t i = 0; i < kLanes; ++i) store(panel + (c + i) * kPanel + half, tile[i]);
      }
    }
  }
  for (; c < queries.cols; ++c)
    for (std::size_t lane = 0; lane < kPanel; ++lane)
      panel[c * kPanel + lane] = lane < lanes ? queries.row(first + lane)[c] * scale : 0.0f;
}

HEED_KERNEL void kernel_unpack_panel(const float* panel, const float* factors, std::size_t first,
                                     const MatrixView<float>& rows) noexcept {
  const std::size_t lanes = std::min(kPanel, rows.rows - first);
  std::size_t c = 0;
  if (lanes == kPanel) {
    for (; c + kLanes <= rows.cols; c += kLanes) {
      for (std::size_t half = 0; half < kPanel; half += kLanes) {
        F32 tile[kLanes];
        for (std::size_t i = 0; i < kLanes; ++i) tile[i] = load(panel + (c + i) * kPanel + half);
        transpose(tile);
        for (std::size_t lane = 0; lane < kLanes; ++lane)
          store(rows.row(first + half + lane) + c, tile[lane] * splat(factors[half + lane]));
      }
    }
  }
  for (; c < rows.cols; ++c)
    for (std::size_t lane = 0; lane < lanes; ++lane)
      rows.row(first + lane)[c] = panel[c * kPanel + lane] * factors[lane];
}

}  // namespace heed::simd
