// What every top-k result must satisfy, row by row.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "reference/selection.hpp"
#include "reference/sparse.hpp"
#include "support/compare.hpp"
#include "support/run.hpp"

namespace heed::test {

/// Family "exact": the kept keys are the first of a full sort of this build's own scores, and the counts and offsets
/// are those of the budget for each row's visible length.
inline void expect_exact_sets(const Inputs& inputs, const Budget& budget, const Sparse& result) {
  const AttentionShape& shape = inputs.shape;
  std::map<std::pair<std::size_t, std::size_t>, std::vector<float>> matrices;
  std::uint32_t total = 0;
  for (const reference::Row row : inputs.each_row()) {
    std::vector<float>& matrix = matrices[{row.batch, row.head}];
    if (matrix.empty()) matrix = look(inputs, row.batch, row.head, Look::kScores);
    const std::size_t visible = reference::visible(inputs.tensors(), row.query);
    const std::vector<float> scores(matrix.begin() + static_cast<std::ptrdiff_t>(row.query * shape.keys),
                                    matrix.begin() + static_cast<std::ptrdiff_t>(row.query * shape.keys + visible));
    std::vector<std::uint32_t> expected = reference::first_k(scores, budget.entries(visible));
    std::sort(expected.begin(), expected.end());
    const std::size_t r = shape.row_index(row.batch, row.query, row.head);
    ASSERT_EQ(result.kept[r], expected.size()) << "query " << row.query;
    ASSERT_EQ(result.offsets[r], total);
    total += result.kept[r];
    ASSERT_EQ(result.offsets[r + 1], total);
    ASSERT_EQ(result.keys_of(r), expected) << "batch " << row.batch << ", query " << row.query << ", head " << row.head;
  }
}

/// Family "attention": the output of the estimator, and the dropped mass, for the set that was kept. The bound holds
/// without any allowance, and is not wider than what its derivation adds up to.
inline void expect_estimate(const Inputs& inputs, Estimator estimator, const Sparse& result) {
  const reference::Tensors tensors = inputs.tensors();
  for (const reference::Row row : inputs.each_row()) {
    SCOPED_TRACE(::testing::Message() << "batch " << row.batch << ", query " << row.query << ", head " << row.head);
    const RowError error(tensors, row);
    const std::size_t r = inputs.shape.row_index(row.batch, row.query, row.head);
    const float* out = result.out.data() + inputs.out_at(row);
    if (error.p.empty()) {
      for (std::size_t c = 0; c < tensors.value_dim; ++c) ASSERT_EQ(out[c], 0.0f);
      ASSERT_EQ(result.dropped[r], 0.0f);
      ASSERT_EQ(result.bound[r], 0.0f);
      continue;
    }
    const std::vector<std::uint32_t> kept = result.keys_of(r);
    const double tau = reference::dropped_mass(error.p, kept);
    ASSERT_TRUE(within(error.dropped(), &tau, &result.dropped[r], 1));
    ASSERT_GE(static_cast<double>(result.bound[r]), tau) << "the certificate is wrong";
    ASSERT_GE(result.bound[r], result.dropped[r]);
    ASSERT_LE(result.bound[r], 1.0f);
    double mass = 0.0;
    for (const std::uint32_t j : kept) mass += error.p[j];
    if (kept.size() == error.p.size()) {
      ASSERT_EQ(result.dropped[r], 0.0f);
    }

    const std::vector<double> weights = estimator == Estimator::kRenormalized ? reference::renormalized(error.p, kept)
                                        : estimator == Estimator::kRaw        ? reference::raw(error.p, kept)
                                        : estimator == Estimator::kCompensated
                                            ? reference::compensated(error.p, kept)
                                            : reference::linear(error.p, error.scores, kept);
    double bound = error.estimator(kept.size(), estimator == Estimator::kRenormalized ? mass : 1.0);
    if (estimator == Estimator::kLinear) {
      const reference::Line line = reference::fit_line(error.p, error.scores, kept);
      const double highest = *std::max_element(error.scores.begin(), error.scores.end());
      double squares = 0.0;
      for (const double s : error.scores) squares += (s - highest) * (s - highest);
      // Where the spread is too small a part of the squares the library takes the line as flat.
      const std::size_t dropped = error.p.size() - kept.size();
      bound += error.line(dropped, line.slope, line.spread, squares);
      if (line.spread < 2e-4 * squares)
        bound += error.largest_value * std::abs(line.slope) * std::sqrt(static_cast<double>(dropped) * line.spread);
    }
    const std::vector<double> expected = reference::mix(tensors, row, weights);
    ASSERT_TRUE(within(bound, expected.data(), out, expected.size()));
  }
}

}  // namespace heed::test
