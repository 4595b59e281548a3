// From candidates to rows: exactly k of them, their weights, what is known of the dropped keys, and the output.
#include <algorithm>
#include <cmath>

#include "simd/fast_exp.hpp"
#include "simd/gather.hpp"
#include "simd/pack.hpp"
#include "simd/score_rules.hpp"
#include "sparse/topk_scratch.hpp"

namespace heed {

// Row by row what each keeps and with what weights, then the kept values of all rows together, then the rows again.
void TopKAttention::finish_rows(const RowBlocks::Unit& unit, bool sampled, Scratch& s) noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t per_head = blocks_.panels_per_head(), columns = shape.value_dim;
  const MatrixView<const float> values = problem_.value_rows(unit.batch, unit.kv_head);
  const auto each = [&](auto&& visit) {
    std::size_t count = 0;
    for (std::size_t h = 0; h < shape.group(); ++h)
      for (std::size_t i = unit.first; i < unit.last; ++i) {
        const std::size_t row = i - unit.first;
        visit(RowPlace{unit.batch, unit.kv_head, unit.kv_head * shape.group() + h, i, h * per_head + row / simd::kPanel,
                       row % simd::kPanel},
              count++);
      }
    return count;
  };

  const std::size_t count = each([&](const RowPlace& place, std::size_t row) {
    s.ends[row] = weigh_row(place, sampled, s);
    const Candidates kept = candidates(place.panel, place.lane, s);
    const std::size_t entries = s.ends[row].reads_values() ? s.panels[place.panel].wanted[place.lane] : 0;
    s.gathered[row] = {kept.indices, kept.scores, entries, s.kept_sums + row * columns};
  });
  gather_rows(values, {s.gathered, count});
  std::size_t summed = 0;
  each([&](const RowPlace& place, std::size_t row) {
    if (needs_values()) {
      if (place.query == unit.first) {
        summed = shape.end(unit.first);
        std::copy_n(tail_sums_.values(unit.batch, unit.kv_head, unit.first / (per_head * simd::kPanel)), columns,
                    s.visible_sum);
      }
      simd::kernel_add_rows(values, {summed, shape.end(place.query)}, s.visible_sum);
      summed = shape.end(place.query);
    }
    float* const sum = s.gathered[row].sum;
    end_row(s.ends[row], columns, visible_sums(place, s), sum);
    std::copy_n(sum, columns, problem_.out_rows(place.batch, place.head).row(place.query));
  });
}

// The row's candidates become exactly the k that it keeps, in order of key.
void TopKAttention::complete_candidates(const RowPlace& place, bool sampled, Scratch& s) noexcept {
  PanelScan& scan = s.panels[place.panel];
  const std::size_t lane = place.lane;
  if (sampled && scan.count[lane] < scan.wanted[lane]) rescan(place, s);
  if (scan.count[lane] < scan.wanted[lane]) take_unranked(place, s);
  Candidates row = candidates(place.panel, lane, s);
  cut_to_best(row, scan.wanted[lane], UINT32_MAX);
}

namespace {

float highest(const float* scores, std::size_t count) noexcept {
  float most = -simd::kInfinity;
  for (std::size_t i = 0; i < count; ++i) most = std::max(most, scores[i]);
  return most;
}

// Z from the exact terms of the kept keys and the coarse ones of the others. `all` is relative to 0.
void add_coarse(double all, const Candidates& kept, float reference, RowSums& sums) noexcept {
  sums.all = sums.kept;
  if (sums.entries == sums.visible) return;
  const double factor = std::exp(-double{reference});
  sums.coarse = all * factor;
  sums.all += std::max(0.0, sums.coarse - simd::kernel_fast_exp_sum(kept.scores, sums.entries) * factor);
}

}  // namespace

// What the row keeps, what is known of the rest, and the weights of its values in the place of the scores.
RowEnd TopKAttention::weigh_row(const RowPlace& place, bool sampled, Scratch& s) noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t lane = place.lane;
  const PanelScan& scan = s.panels[place.panel];
  complete_candidates(place, sampled, s);
  const Candidates kept = candidates(place.panel, lane, s);

  RowSums sums{.all = scan.all[lane],
               .kept = 0.0,
               .visible = shape.visible(place.query),
               .entries = scan.wanted[lane],
               .moves = scan.moves == 0 ? 0u : scan.moves - 1,
               .score_error = 0.0};
  float reference = scan.state.reference[lane];
  if (scan.fast) reference = highest(kept.scores, sums.entries);
  if (reference == -simd::kInfinity) reference = 0.0f;
  float* const weights = s.spare_scores;
  std::copy_n(kept.scores, round_up(sums.entries, simd::kLanes), weights);
  simd::kernel_exp_row(weights, sums.entries, reference);
  for (std::size_t i = 0; i < sums.entries; ++i) sums.kept += double{weights[i]};
  if (scan.fast) add_coarse(scan.all[lane], kept, reference, sums);
  if (sums.visible != 0) {
    const std::size_t last_key = (place.batch * shape.kv_heads + place.kv_head) * shape.keys + sums.visible - 1;
    const double query_norm = scan.query_norm[lane], key_norm = key_norms_[last_key];
    sums.score_error = score_error(shape.head_dim, query_norm, key_norm, problem_.scale) +
                       double{simd::kSoftcapError} * problem_.softcap;
    if (scan.plain) sums.largest = 1.001 * std::abs(problem_.scale) * query_norm * key_norm;
  }

  const std::size_t row = shape.row_index(place.batch, place.query, place.head);
  const DroppedMass mass = dropped_mass(sums);
  if (options_.dropped != nullptr) options_.dropped[row] = mass.value;
  if (options_.bound != nullptr) options_.bound[row] = mass.bound;
  if (options_.kept != nullptr) options_.kept[row] = scan.wanted[lane];
  if (options_.indices != nullptr) std::copy_n(kept.indices, sums.entries, options_.indices + options_.offsets[row]);
  const ScoreSums scores{double{reference}, scan.x[lane], scan.x_squared[lane], scan.w_x[lane]};
  const RowEnd end = weigh_kept(options_.estimator, shape.value_dim, {kept.indices, kept.scores, weights}, sums, scores,
                                visible_sums(place, s));
  // Nobody asks for the scores any more.
  std::copy_n(weights, sums.entries, kept.scores);
  return end;
}

VisibleSums TopKAttention::visible_sums(const RowPlace& place, Scratch& s) const noexcept {
  const std::size_t columns = round_up(problem_.shape.value_dim, simd::kKeyTile);
  return {s.visible_sum, linear() ? s.scored + place.panel * simd::kPanel * columns + place.lane : nullptr,
          simd::kPanel};
}

// visit(key numbers of the row in order, their scores with stride kPanel) for every block that the row sees.
template <class Visit>
void TopKAttention::each_block_again(const RowPlace& place, Scratch& s, Visit&& visit) noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t visible = shape.visible(place.query), d = shape.head_dim;
  for (std::size_t j = 0; j < visible; j += simd::kKeyBlock) {
    const std::size_t count = std::min(simd::kKeyBlock, visible - j);
    for (std::size_t i = 0; i < count; ++i) s.listed[i] = static_cast<std::uint32_t>(j + i);
    simd::kernel_pack_listed(problem_.key_rows(place.batch, place.kv_head), s.listed, count, d, s.keys);
    former_.form_listed(s.panels[place.panel].rows, s.listed, count, s.keys, s.scores);
    visit(count, s.scores);
  }
}

// The same row without the threshold that its sample gave it. The other rows of the panel take no part.
void TopKAttention::rescan(const RowPlace& place, Scratch& s) noexcept {
  PanelScan& scan = s.panels[place.panel];
  std::fill_n(scan.threshold, simd::kPanel, simd::kInfinity);
  scan.threshold[place.lane] = -simd::kInfinity;
  scan.count[place.lane] = scan.first_run[place.lane] = 0;
  each_block_again(place, s, [&](std::size_t count, const float* scores) {
    offer(place.panel, scores, {s.listed, count, s.listed[count - 1]}, s);
  });
}

// The candidates are all scores above -infinity: the row has fewer of those than it keeps, so they were never cut. What
// is missing are keys with the score -infinity, then NaN. The scores are formed again, once to count the first kind and
// once to take all that is kept in the order of the keys.
void TopKAttention::take_unranked(const RowPlace& place, Scratch& s) noexcept {
  PanelScan& scan = s.panels[place.panel];
  std::size_t infinite = 0;
  each_block_again(place, s, [&](std::size_t block, const float* scores) {
    for (std::size_t i = 0; i < block; ++i)
      infinite += scores[i * simd::kPanel + place.lane] == -simd::kInfinity ? 1 : 0;
  });
  const Candidates row = candidates(place.panel, place.lane, s);
  const std::size_t missing = scan.wanted[place.lane] - row.count;
  std::size_t take_infinite = std::min(missing, infinite), take_nan = missing - take_infinite, count = 0;
  each_block_again(place, s, [&](std::size_t block, const float* scores) {
    for (std::size_t i = 0; i < block; ++i) {
      const float score = scores[i * simd::kPanel + place.lane];
      const bool lowest = score == -simd::kInfinity, nan = std::isnan(score);
      if ((lowest && take_infinite == 0) || (nan && take_nan == 0)) continue;
      take_infinite -= lowest ? 1 : 0;
      take_nan -= nan ? 1 : 0;
      row.scores[count] = score;
      row.indices[count++] = s.listed[i];
    }
  });
  scan.count[place.lane] = scan.first_run[place.lane] = static_cast<std::uint32_t>(count);
}

}  // namespace heed
