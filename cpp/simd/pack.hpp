// Copies rows and queries into the shapes that the kernels read (block.hpp).
#pragma once

#include "base/view.hpp"
#include "simd/block.hpp"

namespace heed::simd {

/// Rows [range) of `rows` to a packed block; columns cols .. padded_cols - 1 become zero.
void kernel_pack_rows(const MatrixView<const float>& rows, Range range, std::size_t padded_cols, float* block) noexcept;

/// The same, and whether all of them are finite.
bool kernel_pack_checked(const MatrixView<const float>& rows, Range range, std::size_t padded_cols,
                         float* block) noexcept;

/// The same for the rows whose numbers are listed.
void kernel_pack_listed(const MatrixView<const float>& rows, const std::uint32_t* list, std::size_t count,
                        std::size_t padded_cols, float* block) noexcept;

/// Queries [first, first + kPanel) of `queries`, each element times `scale`, to a panel. Lanes past the last query are
/// zero.
void kernel_pack_panel(const MatrixView<const float>& queries, std::size_t first, float scale, float* panel) noexcept;

/// Lane `lane` of a panel of `columns` to a row, each element times `factor`.
inline void unpack_lane(const float* panel, std::size_t lane, std::size_t columns, float factor, float* row) noexcept {
  for (std::size_t c = 0; c < columns; ++c) row[c] = panel[c * kPanel + lane] * factor;
}

}  // namespace heed::simd
