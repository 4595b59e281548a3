// Sums over the kept values of many rows. A row alone reads values all over the head, from beyond the second-level
// cache where those are many: several times as long as its multiply-adds take. So rows go through the values together,
// block by block, each block small enough to stay in that cache until every row has taken its part.
//
// Numerics: every row's sum is one chain in the order of its keys, whatever the blocks: the bits of kernel_gather().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/view.hpp"

namespace heed {

struct GatheredRow {
  const std::uint32_t* indices;  // ascending
  const float* weights;
  std::size_t count;
  float* sum;            // (values.cols)
  std::size_t done = 0;  // of count
};

/// rows[r].sum = sum_i weights[i] * values[indices[i]].
void gather_rows(const MatrixView<const float>& values, std::span<GatheredRow> rows) noexcept;

}  // namespace heed
