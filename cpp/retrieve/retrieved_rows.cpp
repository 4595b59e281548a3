// From retrieved keys to rows: weights, the tail where it is sampled, what is known of the dropped mass, and the
// output.
#include <algorithm>
#include <cmath>
#include <limits>

#include "retrieve/certified_mass.hpp"
#include "retrieve/retrieved_scratch.hpp"
#include "simd/exp.hpp"
#include "simd/gather.hpp"
#include "simd/gathered_scores.hpp"
#include "simd/softmax_pass.hpp"

namespace heed {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

float highest(const RetrievedRow& row) noexcept {
  float best = -simd::kInfinity;
  for (std::size_t j = 0; j < row.count; ++j) best = row.scores[j] > best ? row.scores[j] : best;
  return best;
}

// e^(score - reference) of what a row keeps, and their sum.
double weigh(const RetrievedRow& row, float reference, float* weights) noexcept {
  const std::size_t whole = round_up(row.count, simd::kLanes);
  std::copy_n(row.scores, row.count, weights);
  std::fill(weights + row.count, weights + whole, -simd::kInfinity);
  simd::kernel_exp_row(weights, row.count, reference == -simd::kInfinity ? 0.0f : reference);
  double sum = 0.0;
  for (std::size_t j = 0; j < row.count; ++j) sum += double{weights[j]};
  return sum;
}

}  // namespace

void RetrievedAttention::write(const QueryRows& rows, std::size_t i, Scratch& s) noexcept {
  const AttentionShape& shape = problem_.shape;
  RetrievedRow& row = s.rows[i];
  const std::size_t query = rows.first + i, visible = shape.visible(query);
  const std::size_t place = shape.row_index(rows.batch, query, rows.head);
  const float best = highest(row);
  double error = 0.0;
  if (visible != 0) {
    const double size = row_norm(problem_.query_rows(rows.batch, rows.head).row(query), shape.head_dim);
    const double largest = index_->norms().largest(rows.batch, rows.kv_head, visible);
    error = score_error(shape.head_dim, size, largest, problem_.scale);
    // No score exceeds |scale q| |k|, the rounding of the chain aside.
    if (std::isinf(row.rest) && row.count < visible)
      row.rest = static_cast<double>(visible - row.count) *
                 std::exp(std::abs(problem_.scale) * size * largest * (1.0 + 1e-6) + error - double{best});
  }
  const float bound = certified_mass(weigh(row, best, s.weights), row.rest, error);
  const bool tail = sampled() && row.count < visible && !std::isnan(row.rest);
  Mass mass = tail ? sampled_mass(rows, i, place, s) : known_mass(row, visible, s);
  if (options_.dropped != nullptr) options_.dropped[place] = mass.dropped > bound ? bound : mass.dropped;
  if (options_.bound != nullptr) options_.bound[place] = std::isnan(mass.dropped) ? kNaN : bound;
  if (options_.interval != nullptr) options_.interval[place] = mass.interval;
  if (options_.kept != nullptr) options_.kept[place] = static_cast<std::uint32_t>(row.count);
  if (options_.indices != nullptr) std::copy_n(row.indices, row.count, options_.indices + options_.offsets[place]);
  write_row(options_.estimator, problem_.value_rows(rows.batch, rows.kv_head), {row.indices, row.scores, s.weights},
            mass.sums, mass.scores, mass.visible, problem_.out_rows(rows.batch, rows.head).row(query));
  if (options_.recall != nullptr && !index_->exact()) measure_recall(rows, i, place, s);
}

// Weights are there already, relative to the best score. Everything else that could be known is in row.rest.
RetrievedAttention::Mass RetrievedAttention::known_mass(const RetrievedRow& row, std::size_t visible,
                                                        Scratch& s) noexcept {
  Mass mass{};
  for (std::size_t j = 0; j < row.count; ++j) mass.sums.kept += double{s.weights[j]};
  mass.sums.all = std::isnan(row.rest) ? row.rest : mass.sums.kept;
  mass.sums.entries = row.count;
  mass.sums.visible = row.count == visible ? row.count : visible;
  mass.dropped = row.rest == 0.0        ? 0.0f
                 : std::isinf(row.rest) ? 1.0f
                                        : static_cast<float>(row.rest / (mass.sums.kept + row.rest));
  mass.interval = std::isnan(row.rest) ? kNaN : 0.0f;
  return mass;
}

RetrievedAttention::Mass RetrievedAttention::sampled_mass(const QueryRows& rows, std::size_t i, std::size_t place,
                                                          Scratch& s) noexcept {
  const RetrievedRow& row = s.rows[i];
  const std::size_t visible = problem_.shape.visible(rows.first + i), d = problem_.shape.head_dim;
  const SampledTail tail =
      sample_tail(problem_.key_rows(rows.batch, rows.kv_head), visible, s.queries + i * d, row.indices, row.count,
                  highest(row), CounterRandom(options_.seed, 1), std::uint64_t{place} * kTailSample, *s.sample);
  Mass mass{};
  mass.sums.kept = weigh(row, tail.reference, s.weights);
  mass.sums.all = tail.spoiled ? std::numeric_limits<double>::quiet_NaN() : mass.sums.kept + tail.weight;
  mass.sums.entries = row.count;
  mass.sums.visible = visible;
  const double all = mass.sums.all;
  mass.dropped = static_cast<float>(tail.weight / all);
  mass.interval = static_cast<float>(1.96 * tail.deviation * mass.sums.kept / (all * all));
  double score = 0.0;
  if (options_.estimator == Estimator::kCompensated || linear()) mass.visible = visible_sums(rows, i, score, s);

  // The sums over all keys with which tail.hpp finds this very line over the dropped ones.
  const auto others = static_cast<double>(visible - row.count), reference = double{tail.reference};
  mass.scores.reference = reference;
  mass.scores.x = score - static_cast<double>(visible) * reference;
  double x = mass.scores.x;
  for (std::size_t j = 0; j < row.count; ++j) {
    const double xj = double{row.scores[j]} - reference;
    x -= xj;
    mass.scores.x_squared += xj * xj;
    mass.scores.w_x += double{s.weights[j]} * xj;
  }
  mass.scores.x_squared += tail.spread + x * x / others;
  mass.scores.w_x += tail.slope * tail.spread + x / others * tail.weight;
  return mass;
}

// Sums over all keys that the row sees; `score` becomes the sum of their scores. Rows of a block come in order.
VisibleSums RetrievedAttention::visible_sums(const QueryRows& rows, std::size_t i, double& score, Scratch& s) noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t d = shape.head_dim, columns = round_up(shape.value_dim, simd::kKeyTile);
  const std::size_t by_all = shape.end(rows.first), end = shape.end(rows.first + i);
  const MatrixView<const float> values = problem_.value_rows(rows.batch, rows.kv_head);
  simd::kernel_add_rows(values, {s.summed, end}, s.visible_values);
  s.summed = end;
  if (!linear()) return {s.visible_values, nullptr, 1};

  const std::size_t sums = shape.causal ? blocks_ : std::size_t{1};
  const std::size_t block = shape.causal ? rows.first / kRowsTogether : 0;
  const double* keys = key_sums_.data() + ((rows.batch * shape.kv_heads + rows.kv_head) * sums + block) * d;
  const float* query = s.queries + i * d;
  for (std::size_t c = 0; c < d; ++c) score += double{query[c]} * keys[c];
  const float* scored = s.scored + i / simd::kPanel * simd::kPanel * columns + i % simd::kPanel;
  for (std::size_t c = 0; c < shape.value_dim; ++c) s.row_scored[c] = scored[c * simd::kPanel];
  // The keys between the block's first row and this one, fewer than a block has rows.
  const std::size_t count = end - by_all;
  if (count != 0) {
    static_assert(kRowsTogether <= kTailSample);
    for (std::size_t j = 0; j < count; ++j) s.sample->indices[j] = static_cast<std::uint32_t>(by_all + j);
    simd::kernel_gathered_scores(query, problem_.key_rows(rows.batch, rows.kv_head), s.sample->indices, count,
                                 s.sample->scores);
    simd::kernel_gather(values, s.sample->indices, s.sample->scores, count, s.added);
    for (std::size_t j = 0; j < count; ++j) score += double{s.sample->scores[j]};
    for (std::size_t c = 0; c < shape.value_dim; ++c) s.row_scored[c] += s.added[c];
  }
  return {s.visible_values, s.row_scored, 1};
}

// The share of the exact set that was found, for rows evenly spread over all.
void RetrievedAttention::measure_recall(const QueryRows& rows, std::size_t i, std::size_t place, Scratch& s) noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t all = shape.batch * shape.queries * shape.heads;
  const auto slot = static_cast<std::size_t>(std::uint64_t{place} * kRecallRows / all);
  const RetrievedRow& row = s.rows[i];
  if ((2 * slot + 1) * std::uint64_t{all} / (2 * kRecallRows) != place || row.wanted == 0) return;
  RetrievedRow exact{s.exact_indices, s.weights, row.wanted};
  retrieve_exactly(problem_.key_rows(rows.batch, rows.kv_head), shape.visible(rows.first + i),
                   s.queries + i * shape.head_dim, exact, s.exact);
  std::size_t found = 0;
  for (std::size_t j = 0; j < row.count; ++j)
    found += std::binary_search(exact.indices, exact.indices + exact.count, row.indices[j]) ? 1 : 0;
  options_.recall[slot] = static_cast<float>(found) / static_cast<float>(row.wanted);
}

}  // namespace heed
