// What every top-k result must satisfy, row by row.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "reference/selection.hpp"
#include "reference/sparse.hpp"
#include "sparse/panel_scan.hpp"
#include "support/compare.hpp"
#include "support/run.hpp"
#include "support/seen_row.hpp"

namespace heed::test {

/// Sinks in their order, then all other keys in rank order, by a full sort of the build's own scores. Places in `row`.
inline std::vector<std::uint32_t> rank_order(const SeenRow& row, const std::vector<float>& scores) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t j = 0; j < row.sinks; ++j) order.push_back(j);
  const std::vector<float> others(scores.begin() + static_cast<std::ptrdiff_t>(row.sinks), scores.end());
  for (const std::uint32_t j : reference::first_k(others, others.size()))
    order.push_back(j + static_cast<std::uint32_t>(row.sinks));
  return order;
}

/// How many keys of that order a budget asks for, before its limits. A budget of probabilities decides on computed
/// weights: `slack` moves its mark by their error, to one side or the other. Of a row without probabilities it asks for
/// nothing.
inline std::size_t entries_of(const Budget& budget, const SeenRow& row, const std::vector<float>& scores,
                              const std::vector<std::uint32_t>& order, double slack) {
  if (!budget.needs_scores()) return budget.entries(scores.size());
  const auto sane = [](float s) { return s < simd::kInfinity; };
  const bool weighs = std::all_of(scores.begin(), scores.end(), sane) &&
                      std::any_of(scores.begin(), scores.end(), [](float s) { return s > -simd::kInfinity; });
  if (!weighs) return budget.limited(0, scores.size());
  const std::vector<double> p = reference::softmax(std::vector<double>(scores.begin(), scores.end()));
  if (budget.mass == 1.0) return budget.limited(order.size(), order.size());
  std::size_t entries = row.sinks;
  if (budget.threshold != 0.0) {
    while (entries < order.size() && p[order[entries]] >= budget.threshold * (1.0 + slack)) ++entries;
  } else {
    double mass = 0.0;
    for (std::size_t i = 0; i < row.sinks; ++i) mass += p[i];
    while (entries < order.size() && mass < budget.mass + slack) mass += p[order[entries++]];
  }
  return budget.limited(entries, order.size());
}

/// The build's own scores of a row with all keys.
class ScoresWithoutCache {
 public:
  explicit ScoresWithoutCache(const Inputs& inputs) : inputs_(inputs) {}

  std::vector<float> operator()(reference::Row row) {
    std::vector<float>& matrix = matrices_[{row.batch, row.head}];
    if (matrix.empty()) matrix = look(inputs_, row.batch, row.head, Look::kScores);
    const auto from = matrix.begin() + static_cast<std::ptrdiff_t>(row.query * inputs_.shape.keys);
    return {from, from + static_cast<std::ptrdiff_t>(inputs_.shape.keys)};
  }

 private:
  const Inputs& inputs_;
  std::map<std::pair<std::size_t, std::size_t>, std::vector<float>> matrices_;
};

/// Family "exact": the kept keys are the first of a full sort of this build's own scores, sinks before all others; the
/// counts and offsets are those of the budget for the keys that the row sees. Where a budget of probabilities stands
/// within the error of the weights of its mark, either side is right. `scores_of(row)`: the scores with all keys.
template <class Scores>
void expect_exact_sets(const Inputs& inputs, const TopKOptions& options, const Sparse& result, Scores&& scores_of) {
  const AttentionShape& shape = inputs.shape;
  std::uint32_t total = 0;
  for (const reference::Row row : inputs.each_row()) {
    const std::vector<float> all = scores_of(row);
    const SeenRow seen(inputs.tensors(), row);
    std::vector<float> scores;
    for (const std::uint32_t key : seen.keys) scores.push_back(all[key]);
    const std::vector<std::uint32_t> order = rank_order(seen, scores);
    const std::size_t r = shape.row_index(row.batch, row.query, row.head);
    SCOPED_TRACE(::testing::Message() << "batch " << row.batch << ", query " << row.query << ", head " << row.head);
    const Budget& budget = options.budget_of(row.head);
    const double slack = 3.0 * (double{simd::kExpError} + 88.0 * 2.0 * kUnit);
    const std::size_t one = entries_of(budget, seen, scores, order, slack);
    const std::size_t other = entries_of(budget, seen, scores, order, -slack);
    ASSERT_GE(result.kept[r], std::min(one, other));
    ASSERT_LE(result.kept[r], std::max(one, other));
    ASSERT_EQ(result.offsets[r], total);
    total += result.kept[r];
    ASSERT_EQ(result.offsets[r + 1], total);
    std::vector<std::uint32_t> expected;
    for (std::size_t i = 0; i < result.kept[r]; ++i) expected.push_back(seen.keys[order[i]]);
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(result.keys_of(r), expected);
  }
}

inline void expect_exact_sets(const Inputs& inputs, const TopKOptions& options, const Sparse& result) {
  expect_exact_sets(inputs, options, result, ScoresWithoutCache(inputs));
}

inline void expect_exact_sets(const Inputs& inputs, const Budget& budget, const Sparse& result) {
  expect_exact_sets(inputs, TopKOptions{.budget = budget}, result);
}

/// The largest that the library's sum of squares x^2 can be, x = s - reference (sparse/tail.hpp). It is convex in the
/// reference, which lies at most kSlack below the largest score, or is 0 in a scan of scores up to kPlainRange.
inline double line_squares(const reference::Tensors& t, reference::Row row, const std::vector<double>& logits) {
  const auto squares_from = [&](double reference) {
    double sum = 0.0;
    for (const double s : logits) sum += (s - reference) * (s - reference);
    return sum;
  };
  const auto norm = [&](const float* from) {
    return std::sqrt(std::inner_product(from, from + t.head_dim, from, 0.0));
  };
  double key_norm = 0.0;
  for (std::size_t j = 0; j < logits.size(); ++j) key_norm = std::max(key_norm, norm(reference::key_at(t, row, j)));
  const double highest = *std::max_element(logits.begin(), logits.end());
  double squares = std::max(squares_from(highest), squares_from(highest - double{simd::kSlack}));
  if (!t.causal && std::abs(t.scale) * norm(reference::query_at(t, row)) * key_norm <= kPlainRange)
    squares = std::max(squares, squares_from(0.0));
  return squares;
}

/// Whether sum v_j k_j^T may overflow in float: then, too, the line is taken as flat.
inline bool products_overflow(const reference::Tensors& t, reference::Row row, std::size_t keys) {
  double sum = 0.0;
  for (std::size_t j = 0; j < keys; ++j) {
    double key = 0.0, value = 0.0;
    for (std::size_t c = 0; c < t.head_dim; ++c) key = std::max(key, std::abs(double{reference::key_at(t, row, j)[c]}));
    for (std::size_t c = 0; c < t.value_dim; ++c)
      value = std::max(value, std::abs(double{reference::value_at(t, row, j)[c]}));
    sum += key * value;
  }
  return sum > 3e38;
}

/// Family "attention": the output of the estimator, and the dropped mass, for the set that was kept. The bound holds
/// without any allowance, and is not wider than what its derivation adds up to. `coarse`: how far the dropped keys'
/// terms may be off, each of itself; the dropped mass then is by that times tau (1 - tau), and every weight by that
/// times tau, to first order.
inline void expect_estimate(const Inputs& inputs, Estimator estimator, const Sparse& result, double coarse = 0.0) {
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
    const SeenRow seen(tensors, row);
    const std::vector<std::uint32_t> kept = seen.places(result.keys_of(r));
    const double tau = reference::dropped_mass(seen.p, kept);
    const double moved = coarse / (1.0 - coarse) * tau;
    ASSERT_TRUE(within(error.dropped() + moved * (1.0 - tau), &tau, &result.dropped[r], 1));
    ASSERT_GE(static_cast<double>(result.bound[r]), tau) << "the certificate is wrong";
    ASSERT_GE(result.bound[r], result.dropped[r]);
    ASSERT_LE(result.bound[r], 1.0f);
    if (kept.size() == seen.p.size()) {
      ASSERT_EQ(result.dropped[r], 0.0f);
    }

    const std::vector<double> weights = estimator == Estimator::kRenormalized ? reference::renormalized(seen.p, kept)
                                        : estimator == Estimator::kRaw        ? reference::raw(seen.p, kept)
                                        : estimator == Estimator::kCompensated
                                            ? reference::compensated(seen.p, kept)
                                            : reference::linear(seen.p, seen.logits, kept);
    double bound = estimator == Estimator::kRenormalized ? error.renormalized(result.keys_of(r))
                                                         : error.estimator(kept.size(), 1.0);
    if (estimator != Estimator::kRenormalized) bound += error.largest_value * 2.0 * moved;
    if (estimator == Estimator::kLinear) {
      const reference::Line line = reference::fit_line(seen.p, seen.logits, kept);
      const double squares = line_squares(tensors, row, seen.logits);
      // Where the spread is too small a part of the squares the library takes the line as flat.
      const std::size_t dropped = seen.p.size() - kept.size();
      bound += error.line(dropped, line.slope, line.spread, squares);
      if (line.spread < 2e-4 * squares || products_overflow(tensors, row, seen.logits.size()))
        bound += error.largest_value * std::abs(line.slope) * std::sqrt(static_cast<double>(dropped) * line.spread);
    }
    // An explicit tail adds up blocks of weighted values.
    double absolute = 0.0;
    for (const double weight : weights) absolute += std::abs(weight);
    bound += error.largest_value * gamma(simd::kKeyBlock + 4) * absolute;
    std::vector<double> on_keys(error.p.size(), 0.0);
    for (std::size_t j = 0; j < weights.size(); ++j) on_keys[seen.keys[j]] = weights[j];
    const std::vector<double> expected = reference::mix(tensors, row, on_keys);
    ASSERT_TRUE(within(bound, expected.data(), out, expected.size()));
  }
}

}  // namespace heed::test
