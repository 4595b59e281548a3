// The output of a strip: kept values gathered, or all values with the final weights.
#include <algorithm>

#include "simd/pack.hpp"
#include "simd/value_tile.hpp"
#include "sparse/strip_scratch.hpp"

namespace heed {

void StripTopK::gather(const Place& at, std::size_t lane, const WholeRow& row, Scratch& s) noexcept {
  for (std::size_t i = 0; i < row.sums.entries; ++i) s.row.places[i] = row.keys[s.row.places[i]];
  RowSums sums = row.sums;
  sums.kept = row.kept_sum;
  write_row(options_.estimator, problem_.value_rows(at.batch, at.kv_head),
            {s.row.places, row.scores, s.row.kept_weights}, sums, {}, {},
            problem_.out_rows(at.batch, at.head).row(at.first + lane));
}

// Block by block in float, the blocks in double, so that the error of the sum does not grow with the number of keys.
void StripTopK::mix(const Place& at, Scratch& s) noexcept {
  const std::size_t columns = round_up(problem_.shape.value_dim, simd::kKeyTile), size = columns * simd::kPanel;
  std::size_t next[simd::kPanel] = {};
  std::fill_n(s.total, size, 0.0);
  each_block(at, [&](Range keys) {
    std::fill_n(s.block, keys.size() * simd::kPanel, 0.0f);
    for (std::size_t lane = 0; lane < at.lanes(); ++lane) {
      const WholeRow& row = s.rows[lane];
      if (!row.fills_tail) continue;
      for (std::size_t& j = next[lane]; j < row.count && row.keys[j] < keys.end; ++j)
        s.block[(row.keys[j] - keys.begin) * simd::kPanel + lane] = row.scores[j];
    }
    const bool finite = simd::kernel_pack_checked(problem_.value_rows(at.batch, at.kv_head), keys, columns, s.packed);
    std::fill_n(s.part, size, 0.0f);
    if (finite)
      simd::add_values(s.block, s.packed, keys.size(), columns, s.part);
    else
      simd::kernel_values_careful(s.block, s.packed, keys.size(), columns, simd::packed_stride(columns), s.part);
    for (std::size_t i = 0; i < size; ++i) s.total[i] += double{s.part[i]};
  });
  for (std::size_t lane = 0; lane < at.lanes(); ++lane) {
    if (!s.rows[lane].fills_tail) continue;
    float* const out = problem_.out_rows(at.batch, at.head).row(at.first + lane);
    for (std::size_t c = 0; c < problem_.shape.value_dim; ++c)
      out[c] = static_cast<float>(s.total[c * simd::kPanel + lane]);
  }
}

}  // namespace heed
