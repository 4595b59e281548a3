// Certificates against the truth, which is computed in double: no row's may lie below it.
#pragma once

#include "support/topk_checks.hpp"

namespace heed::test {

/// ||exact - returned||_2 of a row.
inline double output_error(const Inputs& inputs, reference::Row row, const std::vector<double>& exact,
                           const Sparse& result) {
  double squares = 0.0;
  for (std::size_t c = 0; c < exact.size(); ++c)
    squares += std::pow(exact[c] - static_cast<double>(result.out[inputs.out_at(row) + c]), 2.0);
  return std::sqrt(squares);
}

/// `scores_of(row)`: the computed scores of a row with all keys.
template <class Scores>
void expect_certificates(const Inputs& inputs, const Sparse& result, Scores&& scores_of) {
  const reference::Tensors tensors = inputs.tensors();
  for (const reference::Row row : inputs.each_row()) {
    const SeenRow seen(tensors, row);
    const std::size_t r = inputs.shape.row_index(row.batch, row.query, row.head);
    SCOPED_TRACE(::testing::Message() << "query " << row.query << ", head " << row.head);
    const double tau = reference::dropped_mass(seen.p, seen.places(result.keys_of(r)));
    for (const std::vector<float>* bound : {&result.bound, &result.single_gap, &result.head_aware, &result.blockwise}) {
      ASSERT_GE(static_cast<double>((*bound)[r]), tau);
      ASSERT_LE((*bound)[r], 1.0f);
    }
    ASSERT_LE(result.head_aware[r], result.single_gap[r]);
    std::vector<double> on_keys(reference::visible(tensors, row.query), 0.0);
    for (std::size_t j = 0; j < seen.keys.size(); ++j) on_keys[seen.keys[j]] = seen.p[j];
    const std::vector<double> exact = reference::mix(tensors, row, on_keys);
    ASSERT_GE(static_cast<double>(result.output_error[r]), output_error(inputs, row, exact, result));

    // The computed scores against the exact ones, as distributions.
    const std::vector<float> computed = scores_of(row);
    std::vector<double> scores;
    for (const std::uint32_t key : seen.keys) scores.push_back(static_cast<double>(computed[key]));
    const std::vector<double> p = reference::softmax(scores);
    double distance = 0.0;
    for (std::size_t j = 0; j < p.size(); ++j) distance += 0.5 * std::abs(p[j] - seen.p[j]);
    ASSERT_GE(static_cast<double>(result.logit_error[r]), distance);
  }
}

}  // namespace heed::test
