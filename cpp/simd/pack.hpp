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

/// Panel [rows.cols][kPanel] to rows [first, first + kPanel) of `rows`, as many as there are, lane l's times
/// factors[l].
void kernel_unpack_panel(const float* panel, const float* factors, std::size_t first,
                         const MatrixView<float>& rows) noexcept;

}  // namespace heed::simd
