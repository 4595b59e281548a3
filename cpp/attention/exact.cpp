#include "attention/exact.hpp"

#include <cmath>

#include "base/pieces.hpp"
#include "simd/pack.hpp"
#include "simd/softmax_pass.hpp"
#include "simd/value_tile.hpp"

namespace heed {
namespace {

// 256 rows share a packed block: packing then costs 2 to 4 % of the arithmetic at d = 64. A unit is also what cannot be
// interrupted: with more than 32768 keys half as many rows keep it below a tenth of a second.
std::size_t unit_rows(std::size_t keys) noexcept { return keys <= 32768 ? 256 : 128; }

// Multiply-adds below which other threads are not woken: about 40 us of work, what waking them costs.
constexpr double kWorthWaking = 1e6;
// Panels that go through a block together: 64 rows, whose scores of one block are 24 KB.
constexpr std::size_t kPanelsTogether = 64 / simd::kPanel;

}  // namespace

struct ExactAttention::Panel {
  simd::PanelState state;
  PanelVisibility sees;
  PanelRows rows;
  double sum[simd::kPanel];  // instead of state.sum where sums are compensated
};

// One thread's working memory, cut from one allocation.
struct ExactAttention::Scratch {
  Panel* panels;
  float* keys;
  float* values;
  float* scores;   // kPanelsTogether blocks
  float* queries;  // panels
  float* out;      // panels
  float* low;      // panels, where sums are compensated: what `out` rounds away
  float* part;     // a panel's contribution of one block, likewise
};

ExactAttention::ExactAttention(const AttentionProblem& problem, TaskPool& pool)
    : problem_(problem),
      pool_(pool),
      status_(validate(problem)),
      blocks_(status_.ok() ? problem.shape : AttentionShape{}, unit_rows(problem.shape.keys)),
      former_(problem_),
      value_columns_(round_up(problem.shape.value_dim, 2)) {
  if (!status_.ok()) return;
  const CheckedSize total = checked_product({scratch_bytes(), pool.threads()});
  if (!total.fits || !scratch_.resize(total.value) ||
      (shares_blocks() && !packed_.build(problem_, value_columns_, pool)))
    status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the threads");
}

ExactAttention::Scratch ExactAttention::cut(Pieces& pieces) const noexcept {
  const std::size_t panels = blocks_.panels(), rows = panels * simd::kPanel;
  const bool compensated = problem_.accumulate == Accumulate::kCompensated;
  Scratch s{};
  s.panels = pieces.take<Panel>(panels);
  s.keys = pieces.take<float>(simd::kKeyBlock * simd::packed_stride(problem_.shape.head_dim));
  s.values = pieces.take<float>(simd::kKeyBlock * simd::packed_stride(value_columns_));
  s.scores = pieces.take<float>(kPanelsTogether * simd::kKeyBlock * simd::kPanel);
  s.queries = pieces.take<float>(rows * problem_.shape.head_dim);
  s.out = pieces.take<float>(rows * value_columns_);
  s.low = pieces.take<float>(compensated ? rows * value_columns_ : 0);
  s.part = pieces.take<float>(compensated ? simd::kPanel * value_columns_ : 0);
  return s;
}

// Whether several units look at the same keys, and at all of them.
bool ExactAttention::shares_blocks() const noexcept {
  const AttentionShape& shape = problem_.shape;
  return shape.window == 0 && shape.queries > blocks_.panels_per_head() * simd::kPanel;
}

std::size_t ExactAttention::scratch_bytes() const noexcept {
  Pieces pieces(nullptr);
  cut(pieces);
  return pieces.used();
}

void ExactAttention::run(Range units) {
  const AttentionShape& shape = problem_.shape;
  const double rows = static_cast<double>(units.size() * blocks_.panels() * simd::kPanel);
  const double work =
      rows * static_cast<double>(std::min(shape.keys, shape.queries) * (shape.head_dim + value_columns_));
  if (work < kWorthWaking) {
    for (std::size_t unit = units.begin; unit < units.end; ++unit) run_unit(unit, 0);
  } else {
    pool_.run(units, [this](std::size_t unit, std::size_t thread) { run_unit(unit, thread); });
  }
}

void ExactAttention::run_unit(std::size_t index, std::size_t thread) noexcept {
  const AttentionShape& shape = problem_.shape;
  const RowBlocks::Unit unit = blocks_.unit(index);
  Pieces pieces(scratch_.data() + thread * scratch_bytes());
  Scratch s = cut(pieces);
  const std::size_t panels = blocks_.panels(), size = panels * simd::kPanel * value_columns_;
  for (std::size_t p = 0; p < panels; ++p) start_panel(unit, p, s);
  std::fill_n(s.out, size, 0.0f);
  if (problem_.accumulate == Accumulate::kCompensated) {
    std::fill_n(s.low, size, 0.0f);
    std::fill_n(s.part, simd::kPanel * value_columns_, 0.0f);
  }

  const std::size_t end = shape.end(unit.last - 1), from = shape.from(unit.first);
  for (std::size_t j = 0; j < end; j += simd::kKeyBlock) {
    const Range keys{j, std::min(j + simd::kKeyBlock, end)};
    if (keys.end > from || keys.begin < shape.sinks) absorb_block(unit, keys, s);
  }
  for (std::size_t p = 0; p < panels; ++p) write_panel(unit, p, s);
}

void ExactAttention::start_panel(const RowBlocks::Unit& unit, std::size_t p, Scratch& s) noexcept {
  const std::size_t first = blocks_.panel_query(unit, p), head = blocks_.panel_head(unit, p);
  float* queries = s.queries + p * simd::kPanel * problem_.shape.head_dim;
  Panel& panel = s.panels[p];
  panel = {};
  panel.state.clear();
  panel.sees = PanelVisibility::of(problem_.shape, first, unit.last);
  panel.rows = {unit.batch, head, first, std::min(first + simd::kPanel, unit.last), queries, &panel.sees};
  if (first < unit.last)
    simd::kernel_pack_panel(problem_.query_rows(unit.batch, head), first, static_cast<float>(problem_.scale), queries);
}

PackedBlock ExactAttention::pack(const RowBlocks::Unit& unit, Range keys, Scratch& s) noexcept {
  simd::kernel_pack_rows(problem_.key_rows(unit.batch, unit.kv_head), keys, problem_.shape.head_dim, s.keys);
  const bool finite =
      simd::kernel_pack_checked(problem_.value_rows(unit.batch, unit.kv_head), keys, value_columns_, s.values);
  return {s.keys, s.values, finite};
}

void ExactAttention::absorb_block(const RowBlocks::Unit& unit, Range keys, Scratch& s) noexcept {
  const std::size_t panels = blocks_.panels(), block_size = simd::kKeyBlock * simd::kPanel;
  const std::size_t out_size = simd::kPanel * value_columns_;
  const PackedBlock block = packed_.ready() ? packed_.at(unit.batch, unit.kv_head, keys.begin) : pack(unit, keys, s);
  for (std::size_t together = 0; together < panels; together += kPanelsTogether) {
    // A panel takes part when one of its rows sees a key of the block; nobody sees keys past `count`.
    const auto each = [&](auto&& step) {
      for (std::size_t p = together; p < std::min(together + kPanelsTogether, panels); ++p) {
        Panel& panel = s.panels[p];
        if (!panel.sees.any_see(keys)) continue;
        step(p, panel, std::min(panel.sees.end_most, keys.end) - keys.begin, s.scores + (p - together) * block_size);
      }
    };
    each([&](std::size_t, Panel& panel, std::size_t count, float* scores) {
      former_.form(panel.rows, {keys.begin, keys.begin + count}, block.keys, scores);
    });
    each([&](std::size_t p, Panel& panel, std::size_t count, float* scores) {
      weigh(panel, count, scores, s.out + p * out_size, s.low + p * out_size);
    });
    each([&](std::size_t p, Panel&, std::size_t count, float* weights) {
      mix(count, block, weights, s, s.out + p * out_size, s.low + p * out_size);
    });
  }
}

// Scores to weights; what was accumulated before follows the reference.
void ExactAttention::weigh(Panel& panel, std::size_t count, float* scores, float* out, float* low) noexcept {
  const bool compensated = problem_.accumulate == Accumulate::kCompensated;
  if (compensated) std::fill_n(panel.state.sum, simd::kPanel, 0.0f);
  alignas(64) float rescale[simd::kPanel];
  const bool moved = simd::kernel_softmax(scores, count, panel.state, rescale);
  if (moved) simd::kernel_rescale(rescale, value_columns_, out);
  if (!compensated) return;
  if (moved) simd::kernel_rescale(rescale, value_columns_, low);
  for (std::size_t lane = 0; lane < simd::kPanel; ++lane)
    panel.sum[lane] = panel.sum[lane] * (moved ? double{rescale[lane]} : 1.0) + double{panel.state.sum[lane]};
}

void ExactAttention::mix(std::size_t count, const PackedBlock& block, const float* weights, const Scratch& s,
                         float* out, float* low) noexcept {
  const bool compensated = problem_.accumulate == Accumulate::kCompensated;
  float* const to = compensated ? s.part : out;
  if (block.finite) {
    simd::add_values(weights, block.values, count, value_columns_, to);
  } else {
    simd::kernel_values_careful(weights, block.values, count, value_columns_, simd::packed_stride(value_columns_), to);
  }
  if (compensated) simd::kernel_add_compensated(s.part, value_columns_, out, low);
}

void ExactAttention::write_panel(const RowBlocks::Unit& unit, std::size_t p, const Scratch& s) noexcept {
  const AttentionShape& shape = problem_.shape;
  const Panel& panel = s.panels[p];
  if (panel.rows.first >= panel.rows.last) return;
  const std::size_t size = simd::kPanel * value_columns_;
  const bool compensated = problem_.accumulate == Accumulate::kCompensated;
  float* const out = s.out + p * size;
  if (compensated) {
    for (std::size_t i = 0; i < size; ++i) out[i] += s.low[p * size + i];
  }
  alignas(64) float factors[simd::kPanel] = {};
  for (std::size_t i = panel.rows.first; i < panel.rows.last; ++i) {
    const std::size_t lane = i - panel.rows.first;
    const double sum = compensated ? panel.sum[lane] : double{panel.state.sum[lane]};
    factors[lane] = static_cast<float>(sum == 0.0 ? 0.0 : 1.0 / sum);
    if (problem_.lse != nullptr)
      problem_.lse[shape.row_index(unit.batch, i, panel.rows.head)] =
          sum == 0.0 ? -simd::kInfinity : static_cast<float>(double{panel.state.reference[lane]} + std::log(sum));
  }
  simd::kernel_unpack_panel(out, factors, panel.rows.first, problem_.out_rows(unit.batch, panel.rows.head));
}

}  // namespace heed
