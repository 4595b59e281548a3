// One row of a strip: its weights, which keys it keeps, and what is known of the others.
#include <algorithm>
#include <cmath>

#include "simd/score_rules.hpp"
#include "sparse/strip_scratch.hpp"

namespace heed {

void StripTopK::finish_row(const Place& at, std::size_t lane, Scratch& s) noexcept {
  WholeRow& row = s.rows[lane];
  const std::size_t r = row_index(at, lane);
  row.weigh(s.row);
  row.choose(options_, at.head, r, s.row);
  if (options_.only_count) return;
  row.sums.score_error = row_score_error(at, lane, row);
  row.report(options_, r, s.row);
  row.prepare(options_.estimator, s.row);
  const bool certified = options_.certificates.wanted();
  if (certified) certify_mass(at, lane, row, s);
  if (row.fills_tail || (certified && row.weighs())) row.settle(options_.estimator, certified, s.row);
  if (!row.fills_tail) gather(at, lane, row, s);
}

double StripTopK::row_score_error(const Place& at, std::size_t lane, const WholeRow& row) const noexcept {
  const AttentionShape& shape = problem_.shape;
  const double* const norms = key_norms_.data() + (at.batch * shape.kv_heads + at.kv_head) * shape.keys;
  double largest = 0.0;
  for (std::size_t j = 0; j < row.count; ++j) largest = std::max(largest, norms[row.keys[j]]);
  const float* const query = problem_.query_rows(at.batch, at.head).row(at.first + lane);
  const double of_bias = problem_.mask.bias == nullptr ? 0.0 : 0x1p-24 * std::abs(row.reference);
  return score_error(shape.head_dim, row_norm(query, shape.head_dim), largest, problem_.scale) +
         double{simd::kSoftcapError} * problem_.softcap + of_bias;
}

}  // namespace heed
