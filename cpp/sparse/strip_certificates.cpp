// What the certificates of a strip are made from (certificates.hpp).
#include <cmath>

#include "simd/pack.hpp"
#include "simd/score_tile.hpp"
#include "sparse/row_certificates.hpp"
#include "sparse/strip_scratch.hpp"

namespace heed {

void StripTopK::certify_mass(const Place& at, std::size_t lane, WholeRow& row, const Scratch& s) noexcept {
  const std::size_t r = row_index(at, lane), i = at.first + lane, keys = problem_.shape.keys;
  if (!certify_scores(row, s.row, options_.certificates, r)) return;
  const float* const query = problem_.query_rows(at.batch, at.head).row(i);
  const std::size_t mask_row = (problem_.mask.per_head ? at.head * problem_.shape.queries : 0) + i;
  const float* const bias = problem_.mask.bias == nullptr ? nullptr : problem_.mask.bias + mask_row * keys;
  const auto highest = [&](std::size_t page) {
    return pages_.highest_score(at.batch, at.kv_head, page, query, problem_.scale);
  };
  const PagesSeen pages{PageBounds::kPageKeys, keys, bias, problem_.softcap};
  certify_blocks(row, options_.certificates, r, dropped_weight_above(row, s.row, pages, highest));
}

// The center of a row is what it returned, 0 for raw. ||v - c||^2 = ||v||^2 - 2 <v, c> + ||c||^2, with the products
// from the kernel that makes scores: off by at most gamma_(d_v + 2) ||v|| ||c||.
void StripTopK::certify_outputs(const Place& at, Scratch& s) noexcept {
  const AttentionShape& shape = problem_.shape;
  const bool centered = options_.estimator != Estimator::kRaw;
  const double* const norms = value_norms_.data() + (at.batch * shape.kv_heads + at.kv_head) * shape.keys;
  const double du = static_cast<double>(shape.value_dim + 2) * 0x1p-24, gamma = du / (1.0 - du);
  OutputEvidence evidence[simd::kPanel] = {};
  double center[simd::kPanel] = {};
  std::size_t next[simd::kPanel] = {};
  if (centered) {
    const MatrixView<float> out = problem_.out_rows(at.batch, at.head);
    simd::kernel_pack_panel({out.data, out.rows, out.cols, out.stride}, at.first, 1.0f, s.queries);
    for (std::size_t lane = 0; lane < at.lanes(); ++lane)
      center[lane] = row_norm(out.row(at.first + lane), shape.value_dim);
  }
  each_block(at, [&](Range keys) {
    if (centered) {
      simd::kernel_pack_rows(problem_.value_rows(at.batch, at.kv_head), keys, shape.value_dim, s.packed);
      simd::scores(s.queries, s.packed, keys.size(), shape.value_dim, s.block);
    }
    for (std::size_t lane = 0; lane < at.lanes(); ++lane) {
      const WholeRow& row = s.rows[lane];
      for (std::size_t& j = next[lane]; j < row.count && row.keys[j] < keys.end; ++j) {
        const double v = norms[row.keys[j]], c = center[lane];
        const double product = centered ? double{s.block[(row.keys[j] - keys.begin) * simd::kPanel + lane]} : 0.0;
        const double squared = v * v - 2.0 * product + c * c + 2.0 * gamma * v * c;
        const double distance = std::sqrt(squared < 0.0 ? 0.0 : squared);  // NaN, of a value that is none, stays
        add_residual(row, j, distance, v, evidence[lane]);
      }
    }
  });
  for (std::size_t lane = 0; lane < at.lanes(); ++lane) {
    const WholeRow& row = s.rows[lane];
    if (!row.weighs()) continue;
    OutputEvidence& known = evidence[lane];
    known.chain = row.fills_tail ? simd::kKeyBlock : row.sums.entries;
    known.products = row.count * shape.value_dim;
    options_.certificates.output_error[row_index(at, lane)] = certified_output_error(row, known, center[lane]);
  }
}

}  // namespace heed
