#include "attention/exact.hpp"

#include <cmath>

#include "simd/pack.hpp"
#include "simd/score_tile.hpp"
#include "simd/softmax_pass.hpp"
#include "simd/value_tile.hpp"

namespace heed {
namespace {

// 256 rows share a packed block: packing then costs 2 % of the arithmetic at d = 64.
constexpr std::size_t kUnitRows = 256;
// Panels that go through a block together: 64 rows, whose scores of one block are 24 KB.
constexpr std::size_t kPanelsTogether = 64 / simd::kPanel;

}  // namespace

struct ExactAttention::Panel {
  simd::PanelState state;
  PanelVisibility sees;
};

// One thread's working memory, cut from one allocation.
struct ExactAttention::Scratch {
  float* keys;
  float* values;
  float* scores;    // kPanelsTogether blocks
  float* queries;   // panels
  float* out;       // panels
  Panel* panels;
};

ExactAttention::ExactAttention(const AttentionProblem& problem, TaskPool& pool)
    : problem_(problem),
      pool_(pool),
      status_(validate(problem)),
      blocks_(status_.ok() ? problem.shape : AttentionShape{}, kUnitRows),
      value_columns_(round_up(problem.shape.value_dim, 2)) {
  if (!status_.ok()) return;
  const std::size_t panels = blocks_.panels();
  scratch_size_ = simd::kKeyBlock * (simd::packed_stride(problem.shape.head_dim) + simd::packed_stride(value_columns_)) +
                  kPanelsTogether * simd::kKeyBlock * simd::kPanel +
                  panels * simd::kPanel * (problem.shape.head_dim + value_columns_) +
                  panels * sizeof(Panel) / sizeof(float);
  scratch_size_ = round_up(scratch_size_, 16);
  const CheckedSize total = checked_product({scratch_size_, pool.threads()});
  if (!total.fits || !scratch_.resize(total.value))
    status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the threads");
}

ExactAttention::Scratch ExactAttention::scratch(std::size_t thread) noexcept {
  const std::size_t panels = blocks_.panels();
  Scratch s{};
  s.panels = reinterpret_cast<Panel*>(scratch_.data() + thread * scratch_size_);
  s.keys = reinterpret_cast<float*>(s.panels + panels);
  s.values = s.keys + simd::kKeyBlock * simd::packed_stride(problem_.shape.head_dim);
  s.scores = s.values + simd::kKeyBlock * simd::packed_stride(value_columns_);
  s.queries = s.scores + kPanelsTogether * simd::kKeyBlock * simd::kPanel;
  s.out = s.queries + panels * simd::kPanel * problem_.shape.head_dim;
  return s;
}

void ExactAttention::run(Range units) {
  pool_.run(units, [this](std::size_t unit, std::size_t thread) { run_unit(unit, thread); });
}

void ExactAttention::run_unit(std::size_t index, std::size_t thread) noexcept {
  const AttentionShape& shape = problem_.shape;
  const RowBlocks::Unit unit = blocks_.unit(index);
  Scratch s = scratch(thread);

  const std::size_t panels = blocks_.panels();
  for (std::size_t p = 0; p < panels; ++p) {
    const std::size_t first = blocks_.panel_query(unit, p);
    s.panels[p].state.clear();
    s.panels[p].sees = PanelVisibility::of(shape, first, unit.last);
    if (first >= unit.last) continue;
    simd::kernel_pack_panel(problem_.query_rows(unit.batch, blocks_.panel_head(unit, p)), first, problem_.scale,
                            s.queries + p * simd::kPanel * shape.head_dim);
  }
  std::fill_n(s.out, panels * simd::kPanel * value_columns_, 0.0f);

  const std::size_t visible = shape.visible(unit.last - 1);
  for (std::size_t j = 0; j < visible; j += simd::kKeyBlock)
    absorb_block(unit, {j, std::min(j + simd::kKeyBlock, visible)}, s);

  for (std::size_t p = 0; p < panels; ++p) write_panel(unit, p, s);
}

void ExactAttention::absorb_block(const RowBlocks::Unit& unit, Range keys, Scratch& s) noexcept {
  const std::size_t d = problem_.shape.head_dim, panels = blocks_.panels();
  const std::size_t block_size = simd::kKeyBlock * simd::kPanel, stride = simd::packed_stride(value_columns_);
  simd::kernel_pack_rows(problem_.key_rows(unit.batch, unit.kv_head), keys, d, s.keys);
  simd::kernel_pack_rows(problem_.value_rows(unit.batch, unit.kv_head), keys, value_columns_, s.values);

  for (std::size_t together = 0; together < panels; together += kPanelsTogether) {
    // A panel takes part when one of its queries sees a key of the block; `count` keys are seen by somebody.
    const auto each = [&](auto&& step) {
      for (std::size_t p = together; p < std::min(together + kPanelsTogether, panels); ++p) {
        const std::size_t most = s.panels[p].sees.most;
        if (most <= keys.begin) continue;
        step(p, std::min(most, keys.end) - keys.begin, s.scores + (p - together) * block_size);
      }
    };
    each([&](std::size_t p, std::size_t count, float* scores) {
      simd::scores(s.queries + p * simd::kPanel * d, s.keys, count, d, scores);
    });
    each([&](std::size_t p, std::size_t count, float* scores) {
      Panel& panel = s.panels[p];
      if (panel.sees.least < keys.begin + count)
        simd::kernel_mask(scores, count, panel.sees.lanes, static_cast<float>(keys.begin));
      alignas(64) float rescale[simd::kPanel];
      if (simd::kernel_softmax(scores, count, panel.state, rescale))
        simd::kernel_rescale(rescale, value_columns_, s.out + p * simd::kPanel * value_columns_);
    });
    each([&](std::size_t p, std::size_t count, float* scores) {
      const PanelVisibility& sees = s.panels[p].sees;
      float* out = s.out + p * simd::kPanel * value_columns_;
      const std::size_t by_all = std::min(std::max(sees.least, keys.begin) - keys.begin, count);
      simd::add_values(scores, s.values, by_all, value_columns_, out);
      if (by_all < count)
        simd::kernel_values_ragged(scores + by_all * simd::kPanel, s.values + by_all * stride, count - by_all,
                                   value_columns_, stride, sees.lanes, static_cast<float>(keys.begin + by_all), out);
    });
  }
}

void ExactAttention::write_panel(const RowBlocks::Unit& unit, std::size_t panel, const Scratch& s) noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t first = blocks_.panel_query(unit, panel), head = blocks_.panel_head(unit, panel);
  const float* out = s.out + panel * simd::kPanel * value_columns_;
  const simd::PanelState& state = s.panels[panel].state;
  for (std::size_t i = first; i < std::min(first + simd::kPanel, unit.last); ++i) {
    const std::size_t lane = i - first;
    const float sum = state.sum[lane];
    const float factor = sum == 0.0f ? 0.0f : 1.0f / sum;
    simd::unpack_lane(out, lane, shape.value_dim, factor, problem_.out_rows(unit.batch, head).row(i));
    if (problem_.lse != nullptr)
      problem_.lse[shape.row_index(unit.batch, i, head)] =
          sum == 0.0f ? -simd::kInfinity : state.reference[lane] + std::log(sum);
  }
}

}  // namespace heed
