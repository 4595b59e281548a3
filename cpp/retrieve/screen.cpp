#include "retrieve/screen.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "attention/row_blocks.hpp"
#include "retrieve/exact_row.hpp"
#include "retrieve/level_rounding.hpp"
#include "simd/candidate_filter.hpp"
#include "simd/gathered_scores.hpp"
#include "simd/row_filter.hpp"
#include "simd/score_rules.hpp"
#include "sparse/candidates.hpp"
#include "sparse/dropped_mass.hpp"
#include "sparse/key_order.hpp"

namespace heed {

static_assert(Retriever<Screen>);

namespace {

using simd::kKeyBlock;
using simd::kPanel;

constexpr std::size_t kPanels = (kRowsTogether + kPanel - 1) / kPanel;

// What is known of the rows of a panel. Prescores, floors and bands are in units of each query's scale.
struct Panel {
  alignas(64) float floor[kPanel];
  // band = lost_factor * error norm + key_factor * key norm + constant
  alignas(64) float lost_factor[kPanel];
  alignas(64) float key_factor[kPanel];
  alignas(64) float constant[kPanel];
  float scale[kPanel];
  bool screened[kPanel];
  std::uint32_t count[kPanel];
  std::uint32_t wanted[kPanel];
  PanelVisibility sees;

  float band(std::size_t lane, const QuantizedKeys::BlockNorms& norms) const noexcept {
    return lost_factor[lane] * norms.error + key_factor[lane] * norms.key + constant[lane];
  }
};

// Room for what a good floor lets through, twice, and one more block.
std::size_t candidate_capacity(std::size_t most_kept, std::size_t keys) noexcept {
  return round_up(std::min(2 * most_kept + 256, keys) + kKeyBlock, 16);
}

// A number that at least k of the `count` values reach, and not many more.
float reached_by(float* values, std::size_t count, std::size_t k, float lowest) noexcept {
  std::fill(values + count, values + round_up(count, simd::kLanes), -simd::kInfinity);
  float low = lowest, high = simd::kernel_row_max(values, count);
  constexpr int kRounds = 4;
  const std::size_t enough = k + k / 16;
  for (int round = 0; round < kRounds && high > low; ++round) {
    const float step = 0.25f * (high - low);
    const float at[3] = {low + step, low + 2.0f * step, low + 3.0f * step};
    const simd::Above above = simd::kernel_count_row(values, count, at[0], at[1], at[2]);
    const std::size_t counts[3] = {above.low, above.middle, above.high};
    for (std::size_t i = 3; i-- > 0;) {
      if (counts[i] < k) {
        high = at[i];
      } else {
        low = at[i];
        if (counts[i] <= enough) return low;
        break;
      }
    }
  }
  return low;
}

class Scan {
 public:
  Scan(const AttentionProblem& problem, const QueryRows& rows, std::size_t most_kept, RetrievedRow* found,
       Pieces& pieces) noexcept
      : shape_(problem.shape),
        rows_(rows),
        keys_(problem.key_rows(rows.batch, rows.kv_head)),
        found_(found),
        d_(problem.shape.head_dim),
        most_kept_(most_kept),
        capacity_(candidate_capacity(most_kept, problem.shape.keys)),
        panels_(pieces.take<Panel>(kPanels)),
        levels_(pieces.take<simd::ScreenLevel>(kPanels * simd::screen_panel_size(d_))),
        sample_levels_(pieces.take<std::int8_t>(KeyOrder::kMostSampled * simd::screen_stride(d_))),
        sample_starts_(pieces.take<std::int32_t>(KeyOrder::kMostSampled * simd::screen_chunks(d_))),
        sample_scales_(pieces.take<float>(KeyOrder::kMostSampled)),
        widened_(pieces.take<simd::ScreenLevel>(KeyOrder::kMostSampled * simd::screen_stride(d_))),
        prescores_(pieces.take<float>(KeyOrder::kMostSampled * kPanel)),
        listed_(pieces.take<std::uint32_t>(KeyOrder::kMostSampled)),
        candidate_prescores_(pieces.take<float>(kPanels * kPanel * capacity_)),
        candidate_indices_(pieces.take<std::uint32_t>(kPanels * kPanel * capacity_)),
        values_(pieces.take<float>(capacity_)),
        spare_indices_(pieces.take<std::uint32_t>(capacity_)),
        bands_(pieces.take<float>(capacity_)),
        query_levels_(pieces.take<float>(d_)),
        exact_(ExactRowScratch::cut(pieces, problem.shape.keys)) {}

  void run(const QuantizedKeys& keys) noexcept {
    head_ = keys.head(rows_.batch, rows_.kv_head);
    const std::size_t end = shape_.end(rows_.last - 1);
    bool screened = false;
    for (std::size_t p = 0; p < kPanels; ++p) screened = start_panel(p) || screened;
    if (screened) {
      sample();
      for (std::size_t j = 0; j < end; j += kKeyBlock) screen_block({j, std::min(j + kKeyBlock, end)});
    }
    for (std::size_t i = 0; i < rows_.last - rows_.first; ++i) finish_row(i);
  }

 private:
  simd::ScreenLevel* panel_levels(std::size_t p) const noexcept { return levels_ + p * simd::screen_panel_size(d_); }

  // False when no row of the panel is screened.
  bool start_panel(std::size_t p) noexcept {
    Panel& panel = panels_[p];
    const std::size_t first = rows_.first + p * kPanel;
    panel.sees = PanelVisibility::of(shape_, first, rows_.last);
    bool any = false;
    for (std::size_t lane = 0; lane < kPanel; ++lane) {
      const bool row = first + lane < rows_.last;
      panel.count[lane] = 0;
      panel.wanted[lane] = row ? static_cast<std::uint32_t>(found_[first + lane - rows_.first].wanted) : 0;
      panel.screened[lane] = row && start_lane(panel, p, lane);
      any = any || panel.screened[lane];
      if (panel.screened[lane]) continue;
      panel.floor[lane] = simd::kInfinity;
      panel.lost_factor[lane] = panel.key_factor[lane] = panel.constant[lane] = 0.0f;
      std::fill_n(query_levels_, d_, 0.0f);
      simd::write_screen_lane(query_levels_, d_, lane, panel_levels(p));
    }
    if (!any) panel.sees.end_most = 0;
    return any;
  }

  // False when the row is not to be screened.
  bool start_lane(Panel& panel, std::size_t p, std::size_t lane) noexcept {
    const std::size_t i = p * kPanel + lane, visible = shape_.visible(rows_.first + i);
    const float* x = rows_.scaled + i * d_;
    const double size = row_norm(x, d_);
    constexpr double kSmallestNorm = 1e-18;
    if (panel.wanted[lane] == 0 || 2 * panel.wanted[lane] >= visible || visible > head_.first_outlier ||
        !(size < kLargestNorm && size > kSmallestNorm))
      return false;
    const RoundedRow rounded = round_to_levels(x, d_, simd::kQueryLevels, simd::kQueryNorm, query_levels_);
    simd::write_screen_lane(query_levels_, d_, lane, panel_levels(p));
    // The terms of quantized_keys.hpp, with |k_j| <= |k_j - center| + |center| and |scale_j level_j| <= 2 |k_j -
    // center|; twice the last one for the sums of prescores and bands in float; and a little more for the rounding of
    // all this and for underflow.
    const double unit = (1.0 + 1e-5) / double{rounded.scale}, du = static_cast<double>(d_ + 2) * 0x1p-24;
    const double gamma = du / (1.0 - du), chunks = static_cast<double>(simd::screen_chunks(d_));
    panel.scale[lane] = rounded.scale;
    panel.lost_factor[lane] = static_cast<float>(unit * rounded.level);
    panel.key_factor[lane] =
        static_cast<float>(unit * (rounded.lost + gamma * size + 12.0 * 0x1p-24 * chunks * rounded.level));
    panel.constant[lane] = static_cast<float>(unit * (gamma * size * head_.center_norm + 1e-35));
    panel.floor[lane] = -simd::kInfinity;
    return true;
  }

  // A first floor: a prescore that about wanted / visible of the sample exceed, with some to spare.
  void sample() noexcept {
    const KeyOrder order(shape_.end(rows_.first), shape_.end(rows_.last - 1), most_kept_);
    const std::size_t count = order.sample(), stride = simd::screen_stride(d_), chunks = simd::screen_chunks(d_);
    if (count == 0) return;
    order.list_sample(listed_);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t j = listed_[i];
      std::copy_n(head_.levels + j * stride, stride, sample_levels_ + i * stride);
      std::copy_n(head_.starts + j * chunks, chunks, sample_starts_ + i * chunks);
      sample_scales_[i] = head_.scales[j];
    }
    const simd::ScreenLevel* keys = simd::screen_keys(sample_levels_, count * stride, widened_);
    for (std::size_t p = 0; p < kPanels; ++p) {
      Panel& panel = panels_[p];
      if (panel.sees.end_most == 0) continue;
      simd::screen(panel_levels(p), keys, sample_starts_, sample_scales_, count, d_, prescores_);
      alignas(64) float hits[kPanel], floor[kPanel];
      for (std::size_t lane = 0; lane < kPanel; ++lane) hits[lane] = order.hits(panel.wanted[lane]);
      simd::kernel_sample_threshold(prescores_, count, hits, floor);
      for (std::size_t lane = 0; lane < kPanel; ++lane)
        if (panel.screened[lane]) panel.floor[lane] = floor[lane];
    }
  }

  void screen_block(Range block) noexcept {
    const std::size_t stride = simd::screen_stride(d_), chunks = simd::screen_chunks(d_);
    const QuantizedKeys::BlockNorms norms = head_.norms[block.begin / kKeyBlock];
    for (std::size_t i = 0; i < block.size(); ++i) listed_[i] = static_cast<std::uint32_t>(block.begin + i);
    const simd::ScreenLevel* keys =
        simd::screen_keys(head_.levels + block.begin * stride, round_up(block.size(), 4) * stride, widened_);
    for (std::size_t p = 0; p < kPanels; ++p) {
      Panel& panel = panels_[p];
      if (panel.sees.end_most <= block.begin) continue;
      const std::size_t count = std::min(block.end, panel.sees.end_most) - block.begin;
      simd::screen(panel_levels(p), keys, head_.starts + block.begin * chunks, head_.scales + block.begin, count, d_,
                   prescores_);
      if (!panel.sees.all_see({block.begin, block.begin + count}))
        simd::kernel_hide(prescores_, count, panel.sees.lanes, static_cast<float>(block.begin));
      alignas(64) float threshold[kPanel];
      for (std::size_t lane = 0; lane < kPanel; ++lane) threshold[lane] = panel.floor[lane] - panel.band(lane, norms);
      const std::size_t base = p * kPanel * capacity_;
      simd::kernel_filter(prescores_, count, listed_, threshold,
                          {candidate_prescores_ + base, candidate_indices_ + base, panel.count, capacity_});
      for (std::size_t lane = 0; lane < kPanel; ++lane) {
        if (panel.count[lane] + kKeyBlock <= capacity_) continue;
        raise_floor(p, lane);
        // Too wide a band for this row: it is scanned.
        if (panel.count[lane] + kKeyBlock > capacity_) {
          panel.screened[lane] = false;
          panel.floor[lane] = simd::kInfinity;
          panel.count[lane] = 0;
        }
      }
    }
  }

  // The floor of a row rises to what `wanted` of its candidates are known to reach, unless it is above that already;
  // what cannot exceed it goes. Returns what they are known to reach.
  float raise_floor(std::size_t p, std::size_t lane) noexcept {
    Panel& panel = panels_[p];
    float* prescores = candidate_prescores_ + (p * kPanel + lane) * capacity_;
    std::uint32_t* indices = candidate_indices_ + (p * kPanel + lane) * capacity_;
    const std::size_t count = panel.count[lane];
    if (count < panel.wanted[lane]) return -simd::kInfinity;
    float lowest = simd::kInfinity;
    for (std::size_t i = 0; i < count; ++i) {
      const float band = panel.band(lane, head_.norms[indices[i] / kKeyBlock]);
      const float value = prescores[i] - band;
      bands_[i] = band;
      values_[i] = value;
      lowest = value < lowest ? value : lowest;
    }
    const float reached = reached_by(values_, count, panel.wanted[lane], lowest);
    const float floor = std::max(panel.floor[lane], reached);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const float prescore = prescores[i];
      prescores[kept] = prescore;
      indices[kept] = indices[i];
      kept += prescore + bands_[i] > floor ? 1 : 0;
    }
    panel.floor[lane] = floor;
    panel.count[lane] = static_cast<std::uint32_t>(kept);
    return reached;
  }

  void finish_row(std::size_t i) noexcept {
    const std::size_t p = i / kPanel, lane = i % kPanel;
    Panel& panel = panels_[p];
    RetrievedRow& row = found_[i];
    const float* query = rows_.scaled + i * d_;
    const std::size_t visible = shape_.visible(rows_.first + i);
    if (panel.screened[lane]) {
      const float reached = raise_floor(p, lane);
      if (panel.count[lane] >= row.wanted && score_candidates(p, lane, query, reached, row)) {
        const float* best = std::max_element(row.scores, row.scores + row.count);
        const float* last = std::min_element(row.scores, row.scores + row.count);
        // An exponential that vanishes is more than nothing: the error of the scores may be as large as their gap.
        row.rest = static_cast<double>(visible - row.wanted) *
                   std::max(std::exp(double{*last} - double{*best}), std::numeric_limits<double>::min());
        return;
      }
    }
    retrieve_exactly(keys_, visible, query, row, exact_);
  }

  // Exact scores, first of the candidates that reach `reached` for certain, at least as many as are wanted; then of
  // those that may beat the least of these. False when the best may lie outside the candidates.
  bool score_candidates(std::size_t p, std::size_t lane, const float* query, float reached,
                        RetrievedRow& row) noexcept {
    const Panel& panel = panels_[p];
    float* prescores = candidate_prescores_ + (p * kPanel + lane) * capacity_;
    std::uint32_t* indices = candidate_indices_ + (p * kPanel + lane) * capacity_;
    double offset = 0.0;
    for (std::size_t c = 0; c < d_; ++c) offset += double{query[c]} * double{head_.center[c]};

    const std::size_t count = panel.count[lane];
    std::size_t sure = 0, others = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const float band = panel.band(lane, head_.norms[indices[i] / kKeyBlock]);
      const bool reaches = prescores[i] - band >= reached;
      // Upper bounds and numbers of the others wait in the working space.
      values_[others] = prescores[i] + band;
      spare_indices_[others] = indices[i];
      indices[sure] = indices[i];
      sure += reaches ? 1 : 0;
      others += reaches ? 0 : 1;
    }
    if (sure < row.wanted) return false;
    float* scores = prescores;
    simd::kernel_gathered_scores(query, keys_, indices, sure, scores);
    const double least = double{*std::min_element(scores, scores + sure)};
    const double needed = (least - offset) / double{panel.scale[lane]};
    std::size_t total = sure;
    for (std::size_t i = 0; i < others; ++i) {
      indices[total] = spare_indices_[i];
      total += double{values_[i]} > needed - 1e-9 * std::abs(needed) ? 1 : 0;
    }
    if (total > sure) simd::kernel_gathered_scores(query, keys_, indices + sure, total - sure, scores + sure);
    row.scored += total;
    Candidates candidates{scores, indices, total, sure, values_, spare_indices_};
    const float last = cut_to_best(candidates, row.wanted, UINT32_MAX);
    if (!(double{last} > offset + double{panel.scale[lane]} * double{panel.floor[lane]})) return false;
    std::copy_n(scores, row.wanted, row.scores);
    std::copy_n(indices, row.wanted, row.indices);
    row.count = row.wanted;
    return true;
  }

  const AttentionShape& shape_;
  QueryRows rows_;
  MatrixView<const float> keys_;
  RetrievedRow* found_;
  std::size_t d_, most_kept_, capacity_;
  QuantizedKeys::Head head_{};

  Panel* panels_;
  simd::ScreenLevel* levels_;
  std::int8_t* sample_levels_;
  std::int32_t* sample_starts_;
  float* sample_scales_;
  simd::ScreenLevel* widened_;
  float* prescores_;
  std::uint32_t* listed_;
  float* candidate_prescores_;
  std::uint32_t* candidate_indices_;
  float* values_;
  std::uint32_t* spare_indices_;
  float* bands_;
  float* query_levels_;
  ExactRowScratch exact_;
};

}  // namespace

std::size_t Screen::scratch_bytes(const AttentionProblem& problem, std::size_t most_kept) const noexcept {
  Pieces pieces(nullptr);
  Scan(problem, {}, most_kept, nullptr, pieces);
  return pieces.used();
}

void Screen::retrieve(const AttentionProblem& problem, const QueryRows& rows, std::size_t most_kept,
                      RetrievedRow* found, std::byte* scratch) const noexcept {
  Pieces pieces(scratch);
  Scan(problem, rows, most_kept, found, pieces).run(keys_);
}

}  // namespace heed
