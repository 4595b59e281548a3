#include "sparse/topk_attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/candidate_filter.hpp"
#include "simd/fast_exp.hpp"
#include "simd/gather.hpp"
#include "simd/pack.hpp"
#include "simd/row_filter.hpp"
#include "simd/score_tile.hpp"
#include "simd/value_tile.hpp"
#include "sparse/topk_scratch.hpp"

namespace heed {
namespace {

constexpr std::size_t kPanelsTogether = 64 / simd::kPanel;

// Rows of a unit: enough to pay for packing, few enough for what is touched of their candidates to stay in the
// second-level cache.
constexpr std::size_t unit_rows(std::size_t most_kept) noexcept { return most_kept <= 128 ? 256 : 64; }

// Room for the k kept, as many again (at least 160) to find them in, and one more block.
std::size_t candidate_capacity(std::size_t most_kept, std::size_t keys) noexcept {
  const std::size_t enough = most_kept + std::max<std::size_t>(most_kept, 160) + simd::kKeyBlock;
  return round_up(std::min(enough, keys + simd::kKeyBlock), 16);
}

std::size_t most_entries(const AttentionShape& shape, const TopKOptions& options) noexcept {
  std::size_t most = 0;
  for (std::size_t head = 0; head < shape.heads; ++head)
    most = std::max(most, options.budget_of(head).entries(shape.keys));
  return most;
}

}  // namespace

bool scans(const AttentionProblem& problem, const TopKOptions& options) noexcept {
  const AttentionShape& shape = problem.shape;
  const bool line_through_other_scores = problem.softcap != 0.0 && options.estimator == Estimator::kLinear;
  return shape.window == 0 && shape.sinks == 0 && !line_through_other_scores && !options.certificates.wanted() &&
         !options.only_count && entries_known(problem, options);
}

TopKAttention::TopKAttention(const AttentionProblem& problem, const TopKOptions& options, TaskPool& pool)
    : problem_(problem),
      options_(options),
      pool_(pool),
      status_(validate(problem)),
      most_kept_(most_entries(problem.shape, options)),
      capacity_(candidate_capacity(most_kept_, problem.shape.keys)),
      blocks_(status_.ok() ? problem.shape : AttentionShape{}, unit_rows(most_kept_)),
      former_(problem_) {
  if (status_.ok()) status_ = validate(options, problem.shape.heads);
  if (status_.ok() && !scans(problem, options))
    status_ = Status::fail(ErrorCode::kUnsupported, "such rows do not pass by block by block");
  if (status_.ok()) status_ = prepare();
}

Status TopKAttention::prepare() {
  const AttentionShape& shape = problem_.shape;
  const std::size_t heads = shape.batch * shape.kv_heads;
  const CheckedSize total = checked_product({scratch_bytes(), pool_.threads()});
  const bool room =
      total.fits && scratch_.resize(total.value) && heads_apart_.build(problem_, pool_) &&
      key_norms_.resize(heads * shape.keys) && order_keys() &&
      (!needs_values() || tail_sums_.build(problem_, blocks_.panels_per_head() * simd::kPanel, linear(), pool_));
  if (!room) return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the threads");
  pool_.run({0, heads}, [&](std::size_t head, std::size_t) {
    const MatrixView<const float> keys = problem_.key_rows(head / shape.kv_heads, head % shape.kv_heads);
    double largest = 0.0;
    for (std::size_t j = 0; j < shape.keys; ++j) {
      const double norm = row_norm(keys.row(j), keys.cols);
      largest = std::max(largest, std::isnan(norm) ? std::numeric_limits<double>::infinity() : norm);
      key_norms_[head * shape.keys + j] = largest;
    }
  });
  return {};
}

// Where no row sees less than another all units look at the keys in one order.
bool TopKAttention::order_keys() {
  const AttentionShape& shape = problem_.shape;
  if (shape.causal || shape.queries <= blocks_.panels_per_head() * simd::kPanel) return true;
  return ordered_keys_.build(problem_, KeyOrder(shape.keys, shape.keys, most_kept_), pool_);
}

// Norms bound the scores of a panel: are they small enough for coarse weights, or for weights relative to 0? A query
// that is not finite spoils its own row either way, but coarse weights would not show it. What is not causal sees all
// keys, so that no row's weights depend on keys that it does not see.
void TopKAttention::choose_weights(PanelScan& scan) const noexcept {
  const AttentionShape& shape = problem_.shape;
  const PanelRows& rows = scan.rows;
  double query_norm = 0.0;
  bool finite = true;
  for (std::size_t i = rows.first; i < rows.last; ++i) {
    const double norm = row_norm(problem_.query_rows(rows.batch, rows.head).row(i), shape.head_dim);
    scan.query_norm[i - rows.first] = norm;
    finite = finite && std::isfinite(norm);
    if (std::isfinite(norm)) query_norm = std::max(query_norm, norm);
  }
  scan.fast = scan.plain = false;
  const std::size_t visible = shape.end(rows.last - 1);
  if (visible == 0 || problem_.mask.bias != nullptr) return;
  const std::size_t kv_head = rows.batch * shape.kv_heads + rows.head / shape.group();
  const double largest = 1.001 * std::abs(problem_.scale) * query_norm * key_norms_[kv_head * shape.keys + visible - 1];
  scan.fast =
      options_.denominator == Denominator::kFast && !linear() && finite && largest <= double{simd::kFastExpRange};
  scan.plain = !scan.fast && !shape.causal && largest <= kPlainRange;
  if (scan.plain) std::fill_n(scan.state.reference, simd::kPanel, 0.0f);
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
  const std::size_t columns = round_up(problem_.shape.value_dim, simd::kKeyTile);
  s.scored = pieces.take<float>(linear() ? rows * columns : 0);
  s.block_values = pieces.take<float>(linear() ? simd::kKeyBlock * simd::packed_stride(columns) : 0);
  s.block_weights = pieces.take<float>(linear() ? simd::kKeyBlock * simd::kPanel : 0);
  s.gathered = pieces.take<GatheredRow>(rows);
  s.ends = pieces.take<RowEnd>(rows);
  s.kept_sums = pieces.take<float>(rows * problem_.shape.value_dim);
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

  KeyOrder order(shape.end(unit.first), shape.end(unit.last - 1), most_kept_);
  if (linear()) start_tail(unit, s);
  if (order.sample() != 0) scan_sample(unit, order, s);
  if (ordered_keys_.ready()) {
    for (std::size_t j = order.sample(); j < shape.keys; j += simd::kKeyBlock)
      scan_block(unit, ordered_keys_.at(unit.batch, unit.kv_head, j, std::min(simd::kKeyBlock, shape.keys - j)), s);
  } else {
    while (const std::size_t count = order.list_next(simd::kKeyBlock, s.listed))
      scan_block(unit, pack_listed(unit, count, s), s);
  }
  finish_rows(unit, order.sample() != 0, s);
}

void TopKAttention::start_panel(const RowBlocks::Unit& unit, std::size_t p, Scratch& s) noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t first = blocks_.panel_query(unit, p), head = blocks_.panel_head(unit, p);
  float* queries = s.queries + p * simd::kPanel * shape.head_dim;
  PanelScan& scan = s.panels[p];
  scan.sees = PanelVisibility::of(shape, first, unit.last);
  scan.rows = {unit.batch, head, first, std::min(first + simd::kPanel, unit.last), queries, &scan.sees};
  if (first >= unit.last) return;
  simd::kernel_pack_panel(problem_.query_rows(unit.batch, head), first, static_cast<float>(problem_.scale), queries);
  scan.state.clear();
  scan.moves = 0;
  choose_weights(scan);
  const Budget& budget = options_.budget_of(head);
  for (std::size_t lane = 0; lane < simd::kPanel; ++lane) {
    const bool row = first + lane < unit.last;
    scan.threshold[lane] = row ? -simd::kInfinity : simd::kInfinity;  // a lane without a row gathers nothing
    scan.wanted[lane] = row ? static_cast<std::uint32_t>(budget.entries(shape.visible(first + lane))) : 0;
    scan.count[lane] = scan.first_run[lane] = scan.summed[lane] = 0;
    scan.all[lane] = scan.x[lane] = scan.x_squared[lane] = scan.w_x[lane] = 0.0;
  }
}

// The first `count` listed keys as a packed block.
PassingKeys TopKAttention::pack_listed(const RowBlocks::Unit& unit, std::size_t count, Scratch& s) noexcept {
  simd::kernel_pack_listed(problem_.key_rows(unit.batch, unit.kv_head), s.listed, count, problem_.shape.head_dim,
                           s.keys);
  return {s.listed, s.keys, count};
}

void TopKAttention::scan_sample(const RowBlocks::Unit& unit, const KeyOrder& order, Scratch& s) noexcept {
  const std::size_t count = order.sample();
  if (!ordered_keys_.ready()) order.list_sample(s.listed);
  const PassingKeys sample =
      ordered_keys_.ready() ? ordered_keys_.at(unit.batch, unit.kv_head, 0, count) : pack_listed(unit, count, s);
  for (std::size_t p = 0; p < blocks_.panels(); ++p) {
    PanelScan& scan = s.panels[p];
    if (scan.sees.end_most == 0) continue;
    former_.form_listed(scan.rows, sample.numbers, count, sample.packed, s.scores);
    for (std::size_t j = 0; j < count; j += simd::kKeyBlock)
      add_to_sums(scan, s.scores + j * simd::kPanel, {sample.numbers + j, std::min(simd::kKeyBlock, count - j), 0});
    alignas(64) float hits[simd::kPanel], threshold[simd::kPanel];
    for (std::size_t lane = 0; lane < simd::kPanel; ++lane) hits[lane] = order.hits(scan.wanted[lane]);
    simd::kernel_sample_threshold(s.scores, count, hits, threshold);
    for (std::size_t lane = 0; lane < simd::kPanel; ++lane)
      scan.threshold[lane] = scan.wanted[lane] == 0 ? simd::kInfinity : threshold[lane];
    for (std::size_t j = 0; j < count; j += simd::kKeyBlock)
      offer(p, s.scores + j * simd::kPanel, {sample.numbers + j, std::min(simd::kKeyBlock, count - j), 0}, s);
    std::copy_n(scan.count, simd::kPanel, scan.first_run);
  }
}

void TopKAttention::scan_block(const RowBlocks::Unit& unit, const PassingKeys& keys, Scratch& s) noexcept {
  const std::size_t panels = blocks_.panels();
  const std::uint32_t* const numbers = keys.numbers;
  const TailBlock tail = linear() ? pack_tail(unit, keys, s) : TailBlock{};
  for (std::size_t together = 0; together < panels; together += kPanelsTogether) {
    const auto each = [&](auto&& step) {
      for (std::size_t p = together; p < std::min(together + kPanelsTogether, panels); ++p) {
        const std::size_t most = s.panels[p].sees.end_most;
        if (most <= numbers[0]) continue;
        const std::size_t seen =
            numbers[keys.count - 1] < most
                ? keys.count
                : static_cast<std::size_t>(std::lower_bound(numbers, numbers + keys.count, most) - numbers);
        step(p, seen, s.scores + (p - together) * simd::kKeyBlock * simd::kPanel);
      }
    };
    each([&](std::size_t p, std::size_t seen, float* scores) {
      former_.form_listed(s.panels[p].rows, numbers, seen, keys.packed, scores);
    });
    each([&](std::size_t p, std::size_t seen, float* scores) {
      add_to_sums(s.panels[p], scores, {numbers, seen, 0});
      if (seen > tail.skip && tail.size != 0) add_to_tail(tail, p, scores, seen, s);
      offer(p, scores, {numbers, seen, numbers[seen - 1]}, s);
    });
  }
}

// At most one block.
void TopKAttention::add_to_sums(PanelScan& scan, const float* scores, const OfferedKeys& keys) noexcept {
  alignas(64) float rescale[simd::kPanel];
  if (!linear()) {
    alignas(64) float block_sum[simd::kPanel];
    bool moved = false;
    if (scan.fast)
      simd::kernel_fast_denominator(scores, keys.count, block_sum);
    else if (scan.plain)
      simd::kernel_plain_denominator(scores, keys.count, block_sum);
    else
      moved = simd::kernel_denominator(scores, keys.count, scan.state, rescale, block_sum);
    if (moved) ++scan.moves;
    scan.add(block_sum, moved ? rescale : nullptr);
    return;
  }
  float before[simd::kPanel];
  if (!scan.plain) std::copy_n(scan.state.reference, simd::kPanel, before);
  const std::size_t past = keys.numbers[keys.count - 1] + std::size_t{1};
  const bool hidden = !scan.sees.all_see({keys.numbers[0], past});
  simd::BlockMoments moments;
  if (scan.plain) {
    simd::kernel_plain_moments(scores, keys.count, hidden, moments);
  } else if (simd::kernel_tail_moments(scores, keys.count, hidden, scan.state, rescale, moments)) {
    ++scan.moves;
    scan.move(before, rescale);
  }
  scan.add(moments);
  for (std::size_t lane = 0; lane < simd::kPanel; ++lane) {
    std::size_t seen = keys.count;
    if (hidden) {
      const auto end = static_cast<std::uint32_t>(scan.sees.lanes.end[lane]);
      seen = static_cast<std::size_t>(std::lower_bound(keys.numbers, keys.numbers + keys.count, end) - keys.numbers);
    }
    scan.summed[lane] += static_cast<std::uint32_t>(seen);
  }
}

// sum s_j v_j over the keys that every row of the unit sees, for all its panels: the scores of the panel's queries with
// the columns of sum v_j k_j^T. The keys between the unit's first query and a row's own come in add_to_tail().
void TopKAttention::start_tail(const RowBlocks::Unit& unit, Scratch& s) noexcept {
  const std::size_t d = problem_.shape.head_dim, rows = round_up(problem_.shape.value_dim, simd::kKeyTile);
  const float* products =
      tail_sums_.products(unit.batch, unit.kv_head, unit.first / (blocks_.panels_per_head() * simd::kPanel));
  for (std::size_t p = 0; p < blocks_.panels(); ++p) {
    if (s.panels[p].sees.end_most == 0) continue;
    simd::scores(s.queries + p * simd::kPanel * d, products, rows, d, s.scored + p * simd::kPanel * rows);
  }
}

// The values of those listed keys that not every row of the unit sees, packed once for all panels. Behind the sample
// and what every row sees no key is left out, so these are neighbors.
TopKAttention::TailBlock TopKAttention::pack_tail(const RowBlocks::Unit& unit, const PassingKeys& keys,
                                                  Scratch& s) noexcept {
  const std::size_t by_all = problem_.shape.end(unit.first);
  const std::uint32_t* const numbers = keys.numbers;
  if (numbers[keys.count - 1] < by_all) return {};
  const auto skip = static_cast<std::size_t>(std::lower_bound(numbers, numbers + keys.count, by_all) - numbers);
  const std::size_t columns = round_up(problem_.shape.value_dim, simd::kKeyTile), size = keys.count - skip;
  const bool finite = simd::kernel_pack_checked(problem_.value_rows(unit.batch, unit.kv_head),
                                                {numbers[skip], numbers[skip] + size}, columns, s.block_values);
  return {skip, size, finite};
}

// Of the block's scores, the first `count` are seen by some row of the panel.
void TopKAttention::add_to_tail(const TailBlock& tail, std::size_t p, const float* scores, std::size_t count,
                                Scratch& s) noexcept {
  const std::size_t columns = round_up(problem_.shape.value_dim, simd::kKeyTile), keys = count - tail.skip;
  // A hidden key has the score -infinity, and no part in the sum: the weight 0.
  for (std::size_t i = 0; i < keys * simd::kPanel; ++i) {
    const float score = scores[tail.skip * simd::kPanel + i];
    s.block_weights[i] = score == -simd::kInfinity ? 0.0f : score;
  }
  float* scored = s.scored + p * simd::kPanel * columns;
  if (tail.finite) {
    simd::add_values(s.block_weights, s.block_values, keys, columns, scored);
  } else {
    simd::kernel_values_careful(s.block_weights, s.block_values, keys, columns, simd::packed_stride(columns), scored);
  }
}

Candidates TopKAttention::candidates(std::size_t p, std::size_t lane, Scratch& s) const noexcept {
  const std::size_t row = (p * simd::kPanel + lane) * capacity_;
  const PanelScan& scan = s.panels[p];
  return {s.candidate_scores + row, s.candidate_indices + row, scan.count[lane], scan.first_run[lane], s.spare_scores,
          s.spare_indices};
}

void TopKAttention::offer(std::size_t p, const float* scores, const OfferedKeys& keys, Scratch& s) noexcept {
  PanelScan& scan = s.panels[p];
  const std::size_t base = p * simd::kPanel * capacity_;
  simd::kernel_filter(scores, keys.count, keys.numbers, scan.threshold,
                      {s.candidate_scores + base, s.candidate_indices + base, scan.count, capacity_});
  std::uint32_t fullest = 0;
  for (std::size_t lane = 0; lane < simd::kPanel; ++lane) fullest = std::max(fullest, scan.count[lane]);
  if (fullest + simd::kKeyBlock <= capacity_) return;
  for (std::size_t lane = 0; lane < simd::kPanel; ++lane) {
    if (scan.count[lane] + simd::kKeyBlock <= capacity_) continue;
    Candidates row = candidates(p, lane, s);
    scan.threshold[lane] = cut_to_best(row, scan.wanted[lane], keys.all_before);
    scan.count[lane] = scan.first_run[lane] = scan.wanted[lane];
  }
}

}  // namespace heed
