#include "sparse/topk_attention.hpp"

#include <algorithm>
#include <cmath>

#include "simd/gather.hpp"
#include "simd/pack.hpp"
#include "simd/row_filter.hpp"
#include "simd/score_tile.hpp"
#include "sparse/topk_scratch.hpp"
#include "topk/select.hpp"

namespace heed {
namespace {

constexpr std::size_t kPanelsTogether = 64 / simd::kPanel;

// Rows of a unit: enough to pay for packing, few enough for their candidates to stay in the second-level cache.
constexpr std::size_t unit_rows(std::size_t most_kept) noexcept { return most_kept <= 256 ? 128 : 64; }

// Room for the k kept, as many again (at least 160) to find them in, and one more block.
std::size_t candidate_capacity(std::size_t most_kept, std::size_t keys) noexcept {
  const std::size_t enough = most_kept + std::max<std::size_t>(most_kept, 160) + simd::kKeyBlock;
  return round_up(std::min(enough, keys + simd::kKeyBlock), 16);
}

double norm(const float* row, std::size_t columns) noexcept {
  double sum = 0.0;
  for (std::size_t c = 0; c < columns; ++c) sum += double{row[c]} * double{row[c]};
  return std::sqrt(sum);
}

}  // namespace

struct TopKAttention::Scratch {
  PanelScan* panels;
  float* keys;           // the packed sample, later one packed block
  float* scores;         // of the sample for one panel, or of one block for kPanelsTogether panels
  float* queries;        // panels
  std::uint32_t* listed;  // numbers of the packed keys
  float* candidate_scores;
  std::uint32_t* candidate_indices;
  float* spare_scores;
  std::uint32_t* spare_indices;
  double* visible_sum;
  float* kept_sum;
};

// At most one block of keys. Whatever comes later has a number above `all_before`: for the sample, that is 0.
struct TopKAttention::OfferedKeys {
  const std::uint32_t* numbers;
  std::size_t count;
  std::uint32_t all_before;
};

struct TopKAttention::RowPlace {
  std::size_t batch, kv_head, head, query, panel, lane;
};

bool write_offsets(const AttentionShape& shape, const Budget& budget, std::uint32_t* offsets) noexcept {
  std::uint64_t total = 0;
  *offsets++ = 0;
  for (std::size_t b = 0; b < shape.batch; ++b) {
    for (std::size_t i = 0; i < shape.queries; ++i) {
      const std::size_t entries = budget.entries(shape.visible(i));
      for (std::size_t h = 0; h < shape.heads; ++h) {
        total += entries;
        if (total > UINT32_MAX) return false;
        *offsets++ = static_cast<std::uint32_t>(total);
      }
    }
  }
  return true;
}

TopKAttention::TopKAttention(const AttentionProblem& problem, const TopKOptions& options, TaskPool& pool)
    : problem_(problem),
      options_(options),
      pool_(pool),
      status_(validate(problem)),
      most_kept_(options.budget.entries(problem.shape.keys)),
      capacity_(candidate_capacity(most_kept_, problem.shape.keys)),
      blocks_(status_.ok() ? problem.shape : AttentionShape{}, unit_rows(most_kept_)) {
  if (status_.ok()) status_ = validate(options.budget);
  if (status_.ok()) status_ = prepare();
}

Status TopKAttention::prepare() {
  const AttentionShape& shape = problem_.shape;
  const std::size_t heads = shape.batch * shape.kv_heads;
  const CheckedSize total = checked_product({scratch_bytes(), pool_.threads()});
  const bool room = total.fits && scratch_.resize(total.value) && key_norms_.resize(heads * shape.keys) &&
                    (options_.estimator != Estimator::kCompensated ||
                     value_sums_.build(problem_, blocks_.panels_per_head() * simd::kPanel, pool_));
  if (!room) return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the threads");
  pool_.run({0, heads}, [&](std::size_t head, std::size_t) {
    const MatrixView<const float> keys = problem_.key_rows(head / shape.kv_heads, head % shape.kv_heads);
    double largest = 0.0;
    for (std::size_t j = 0; j < shape.keys; ++j)
      key_norms_[head * shape.keys + j] = largest = std::max(largest, norm(keys.row(j), keys.cols));
  });
  return {};
}

TopKAttention::Scratch TopKAttention::cut(Pieces& pieces) const noexcept {
  const std::size_t d = problem_.shape.head_dim, rows = blocks_.panels() * simd::kPanel;
  Scratch s{};
  s.panels = pieces.take<PanelScan>(blocks_.panels());
  s.keys = pieces.take<float>(KeyOrder::kMostSampled * simd::packed_stride(d));
  s.scores = pieces.take<float>(std::max(kPanelsTogether * simd::kKeyBlock, KeyOrder::kMostSampled) * simd::kPanel);
  s.queries = pieces.take<float>(rows * d);
  s.listed = pieces.take<std::uint32_t>(KeyOrder::kMostSampled);
  s.candidate_scores = pieces.take<float>(rows * capacity_);
  s.candidate_indices = pieces.take<std::uint32_t>(rows * capacity_);
  s.spare_scores = pieces.take<float>(capacity_);
  s.spare_indices = pieces.take<std::uint32_t>(capacity_);
  s.visible_sum = pieces.take<double>(problem_.shape.value_dim);
  s.kept_sum = pieces.take<float>(problem_.shape.value_dim);
  return s;
}

std::size_t TopKAttention::scratch_bytes() const noexcept {
  Pieces pieces(nullptr);
  cut(pieces);
  return pieces.used();
}

void TopKAttention::run(Range units) {
  pool_.run(units, [this](std::size_t unit, std::size_t thread) { run_unit(unit, thread); });
}

void TopKAttention::run_unit(std::size_t index, std::size_t thread) noexcept {
  const AttentionShape& shape = problem_.shape;
  const RowBlocks::Unit unit = blocks_.unit(index);
  Pieces pieces(scratch_.data() + thread * scratch_bytes());
  Scratch s = cut(pieces);
  for (std::size_t p = 0; p < blocks_.panels(); ++p) start_panel(unit, p, s);

  KeyOrder order(shape.visible(unit.first), shape.visible(unit.last - 1), most_kept_);
  if (order.sample() != 0) scan_sample(unit, order, s);
  while (const std::size_t count = order.list_next(simd::kKeyBlock, s.listed)) scan_block(unit, count, s);
  finish_rows(unit, order.sample() != 0, s);
}

void TopKAttention::start_panel(const RowBlocks::Unit& unit, std::size_t p, Scratch& s) noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t first = blocks_.panel_query(unit, p);
  PanelScan& scan = s.panels[p];
  scan.sees = PanelVisibility::of(shape, first, unit.last);
  if (first >= unit.last) return;
  simd::kernel_pack_panel(problem_.query_rows(unit.batch, blocks_.panel_head(unit, p)), first, problem_.scale,
                          s.queries + p * simd::kPanel * shape.head_dim);
  scan.state.clear();
  scan.moves = 0;
  for (std::size_t lane = 0; lane < simd::kPanel; ++lane) {
    const bool row = first + lane < unit.last;
    scan.threshold[lane] = row ? -simd::kInfinity : simd::kInfinity;  // a lane without a row gathers nothing
    scan.wanted[lane] = row ? static_cast<std::uint32_t>(options_.budget.entries(shape.visible(first + lane))) : 0;
    scan.count[lane] = scan.first_run[lane] = 0;
    scan.all[lane] = 0.0;
  }
}

void TopKAttention::scan_sample(const RowBlocks::Unit& unit, const KeyOrder& order, Scratch& s) noexcept {
  const std::size_t d = problem_.shape.head_dim, count = order.sample();
  order.list_sample(s.listed);
  simd::kernel_pack_listed(problem_.key_rows(unit.batch, unit.kv_head), s.listed, count, d, s.keys);
  for (std::size_t p = 0; p < blocks_.panels(); ++p) {
    PanelScan& scan = s.panels[p];
    if (scan.sees.most == 0) continue;
    simd::scores(s.queries + p * simd::kPanel * d, s.keys, count, d, s.scores);
    add_to_sums(scan, s.scores, count);
    alignas(64) float hits[simd::kPanel], threshold[simd::kPanel];
    for (std::size_t lane = 0; lane < simd::kPanel; ++lane) hits[lane] = order.hits(scan.wanted[lane]);
    simd::kernel_sample_threshold(s.scores, count, hits, threshold);
    for (std::size_t lane = 0; lane < simd::kPanel; ++lane)
      scan.threshold[lane] = scan.wanted[lane] == 0 ? simd::kInfinity : threshold[lane];
    for (std::size_t j = 0; j < count; j += simd::kKeyBlock)
      offer(p, s.scores + j * simd::kPanel, {s.listed + j, std::min(simd::kKeyBlock, count - j), 0}, s);
    std::copy_n(scan.count, simd::kPanel, scan.first_run);
  }
}

void TopKAttention::scan_block(const RowBlocks::Unit& unit, std::size_t count, Scratch& s) noexcept {
  const std::size_t d = problem_.shape.head_dim, panels = blocks_.panels();
  simd::kernel_pack_listed(problem_.key_rows(unit.batch, unit.kv_head), s.listed, count, d, s.keys);
  for (std::size_t together = 0; together < panels; together += kPanelsTogether) {
    const auto each = [&](auto&& step) {
      for (std::size_t p = together; p < std::min(together + kPanelsTogether, panels); ++p) {
        const std::size_t most = s.panels[p].sees.most;
        if (most <= s.listed[0]) continue;
        const std::size_t seen =
            s.listed[count - 1] < most
                ? count
                : static_cast<std::size_t>(std::lower_bound(s.listed, s.listed + count, most) - s.listed);
        step(p, seen, s.scores + (p - together) * simd::kKeyBlock * simd::kPanel);
      }
    };
    each([&](std::size_t p, std::size_t seen, float* scores) {
      simd::scores(s.queries + p * simd::kPanel * d, s.keys, seen, d, scores);
    });
    each([&](std::size_t p, std::size_t seen, float* scores) {
      PanelScan& scan = s.panels[p];
      if (scan.sees.least <= s.listed[seen - 1])
        simd::kernel_mask_listed(scores, seen, scan.sees.lanes, s.listed);
      add_to_sums(scan, scores, seen);
      offer(p, scores, {s.listed, seen, s.listed[seen - 1]}, s);
    });
  }
}

void TopKAttention::add_to_sums(PanelScan& scan, const float* scores, std::size_t count) noexcept {
  for (std::size_t j = 0; j < count; j += simd::kKeyBlock) {
    alignas(64) float rescale[simd::kPanel], block_sum[simd::kPanel];
    const bool moved = simd::kernel_denominator(scores + j * simd::kPanel, std::min(simd::kKeyBlock, count - j),
                                                scan.state, rescale, block_sum);
    if (moved) ++scan.moves;
    for (std::size_t lane = 0; lane < simd::kPanel; ++lane)
      scan.all[lane] = (moved ? scan.all[lane] * double{rescale[lane]} : scan.all[lane]) + double{block_sum[lane]};
  }
}

Candidates TopKAttention::candidates(std::size_t p, std::size_t lane, Scratch& s) const noexcept {
  const std::size_t row = (p * simd::kPanel + lane) * capacity_;
  const PanelScan& scan = s.panels[p];
  return {s.candidate_scores + row, s.candidate_indices + row, scan.count[lane],
          scan.first_run[lane],     s.spare_scores,            s.spare_indices};
}

void TopKAttention::offer(std::size_t p, const float* scores, const OfferedKeys& keys, Scratch& s) noexcept {
  PanelScan& scan = s.panels[p];
  const std::size_t base = p * simd::kPanel * capacity_;
  simd::kernel_filter(scores, keys.count, keys.numbers, scan.threshold,
                      {s.candidate_scores + base, s.candidate_indices + base, scan.count, capacity_});
  for (std::size_t lane = 0; lane < simd::kPanel; ++lane) {
    if (scan.count[lane] + simd::kKeyBlock <= capacity_) continue;
    Candidates row = candidates(p, lane, s);
    scan.threshold[lane] = cut_to_best(row, scan.wanted[lane], keys.all_before);
    scan.count[lane] = scan.first_run[lane] = scan.wanted[lane];
  }
}

void TopKAttention::finish_rows(const RowBlocks::Unit& unit, bool sampled, Scratch& s) noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t per_head = blocks_.panels_per_head();
  const bool compensated = options_.estimator == Estimator::kCompensated;
  const MatrixView<const float> values = problem_.value_rows(unit.batch, unit.kv_head);
  for (std::size_t h = 0; h < shape.group(); ++h) {
    std::size_t summed = shape.visible(unit.first);
    if (compensated)
      std::copy_n(value_sums_.at(unit.batch, unit.kv_head, unit.first / (per_head * simd::kPanel)), shape.value_dim,
                  s.visible_sum);
    for (std::size_t i = unit.first; i < unit.last; ++i) {
      if (compensated) simd::kernel_add_rows(values, {summed, shape.visible(i)}, s.visible_sum);
      summed = shape.visible(i);
      const std::size_t row = i - unit.first;
      finish_row({unit.batch, unit.kv_head, unit.kv_head * shape.group() + h, i, h * per_head + row / simd::kPanel,
                  row % simd::kPanel},
                 sampled, s);
    }
  }
}

void TopKAttention::finish_row(const RowPlace& place, bool sampled, Scratch& s) noexcept {
  const AttentionShape& shape = problem_.shape;
  PanelScan& scan = s.panels[place.panel];
  const std::size_t lane = place.lane;
  if (sampled && scan.count[lane] < scan.wanted[lane]) rescan(place, s);
  if (scan.count[lane] < scan.wanted[lane]) take_unranked(place, s);
  Candidates row_candidates = candidates(place.panel, lane, s);
  cut_to_best(row_candidates, scan.wanted[lane], UINT32_MAX);
  float* const scores = row_candidates.scores;
  const std::uint32_t* const indices = row_candidates.indices;

  RowSums sums{.all = scan.all[lane],
               .kept = 0.0,
               .visible = shape.visible(place.query),
               .entries = scan.wanted[lane],
               .moves = scan.moves == 0 ? 0u : scan.moves - 1,
               .score_error = 0.0};
  const float reference = scan.state.reference[lane];
  simd::kernel_exp_row(scores, sums.entries, reference == -simd::kInfinity ? 0.0f : reference);
  for (std::size_t i = 0; i < sums.entries; ++i) sums.kept += double{scores[i]};
  if (sums.visible != 0) {
    const std::size_t last_key = (place.batch * shape.kv_heads + place.kv_head) * shape.keys + sums.visible - 1;
    const float* query = problem_.query_rows(place.batch, place.head).row(place.query);
    sums.score_error = score_error(shape.head_dim, norm(query, shape.head_dim), key_norms_[last_key],
                                   double{problem_.scale});
  }

  const std::size_t row = shape.row_index(place.batch, place.query, place.head);
  const DroppedMass mass = dropped_mass(sums);
  if (options_.dropped != nullptr) options_.dropped[row] = mass.value;
  if (options_.bound != nullptr) options_.bound[row] = mass.bound;
  if (options_.kept != nullptr) options_.kept[row] = scan.wanted[lane];
  if (options_.indices != nullptr) std::copy_n(indices, sums.entries, options_.indices + options_.offsets[row]);
  write_row(options_.estimator, problem_.value_rows(place.batch, place.kv_head), {indices, scores}, sums, s.visible_sum,
            s.kept_sum, problem_.out_rows(place.batch, place.head).row(place.query));
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
    simd::scores(s.queries + place.panel * simd::kPanel * d, s.keys, count, d, s.scores);
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
