#include "sparse/candidates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/row_filter.hpp"
#include "topk/select.hpp"

namespace heed {

void order_by_key(Candidates& row) noexcept {
  const std::size_t middle = row.first_run, end = row.count;
  row.first_run = row.count;
  if (middle == 0 || middle == end || row.indices[middle - 1] < row.indices[middle]) return;
  // Only the first run has to step aside: the merge never overtakes what it has not read of the second.
  std::copy_n(row.scores, middle, row.spare_scores);
  std::copy_n(row.indices, middle, row.spare_indices);
  std::size_t a = 0, b = middle;
  for (std::size_t to = 0; a < middle; ++to) {
    const bool from_second = b < end && row.indices[b] < row.spare_indices[a];
    row.scores[to] = from_second ? row.scores[b] : row.spare_scores[a];
    row.indices[to] = from_second ? row.indices[b] : row.spare_indices[a];
    b += from_second ? 1 : 0;
    a += from_second ? 0 : 1;
  }
}

float cut_to_best(Candidates& row, std::size_t k, std::uint32_t all_before) noexcept {
  const std::optional<float> limit =
      0 < k && k < row.count ? separator(row.scores, row.count, k) : std::optional<float>();
  float cut;
  if (limit) {
    // No two scores tie at the cut, so that the runs can be cut each on its own, and fewer are left to merge.
    const std::size_t middle = move_above(row.scores, row.indices, {0, row.first_run}, 0, *limit);
    row.count = move_above(row.scores, row.indices, {row.first_run, row.count}, middle, *limit);
    row.first_run = middle;
    order_by_key(row);
    cut = simd::kernel_row_min(row.scores, k);
  } else {
    order_by_key(row);
    cut = keep_best(row.scores, row.indices, row.count, k);
  }
  row.count = row.first_run = k;
  // A later key with the score of the k-th best loses against it, unless that one is a sampled key with a higher
  // number.
  for (std::size_t i = k; i > 0 && row.indices[i - 1] > all_before; --i) {
    if (row.scores[i - 1] == cut) return std::nextafter(cut, -std::numeric_limits<float>::infinity());
  }
  return cut;
}

}  // namespace heed
