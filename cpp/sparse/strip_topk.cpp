#include "sparse/strip_topk.hpp"

#include <algorithm>

#include "simd/pack.hpp"
#include "sparse/strip_scratch.hpp"

namespace heed {
namespace {

// The keys that some row of a panel sees.
std::size_t seen_by_any(const PanelVisibility& sees) noexcept {
  if (sees.end_most == 0) return 0;
  return sees.end_most - sees.from_least + std::min(sees.sinks, sees.from_least);
}

}  // namespace

StripTopK::StripTopK(const AttentionProblem& problem, const TopKOptions& options, TaskPool& pool)
    : problem_(problem), options_(options), pool_(pool), status_(validate(problem)), former_(problem_) {
  if (status_.ok()) status_ = validate(options, problem.shape.heads);
  if (status_.ok()) status_ = prepare();
}

bool StripTopK::fills_tail() const noexcept {
  return options_.estimator == Estimator::kCompensated || options_.estimator == Estimator::kLinear;
}

bool StripTopK::needs_logits() const noexcept {
  return options_.estimator == Estimator::kLinear && (problem_.softcap != 0.0 || problem_.mask.bias != nullptr);
}

Status StripTopK::prepare() {
  const AttentionShape& shape = problem_.shape;
  for (std::size_t first = 0; first < shape.queries; first += simd::kPanel)
    columns_ = std::max(columns_, seen_by_any(PanelVisibility::of(shape, first, shape.queries)));
  const CheckedSize total = checked_product({scratch_bytes(), pool_.threads()});
  const CheckedSize strip = checked_product({columns_, simd::kPanel * 4 * sizeof(float)});
  const std::size_t keys = shape.batch * shape.kv_heads * shape.keys;
  const bool certified = options_.certificates.wanted();
  const bool room = strip.fits && total.fits && scratch_.resize(total.value) && key_norms_.resize(keys) &&
                    value_norms_.resize(certified ? keys : 0) && (!certified || pages_.build(problem_, pool_));
  if (!room) return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the threads");
  note_norms();
  return {};
}

void StripTopK::note_norms() {
  const AttentionShape& shape = problem_.shape;
  pool_.run({0, shape.batch * shape.kv_heads}, [&](std::size_t head, std::size_t) {
    const std::size_t b = head / shape.kv_heads, g = head % shape.kv_heads;
    for (std::size_t j = 0; j < shape.keys; ++j)
      key_norms_[head * shape.keys + j] = row_norm(problem_.key_rows(b, g).row(j), shape.head_dim);
    for (std::size_t j = 0; j < (value_norms_.size() == 0 ? 0 : shape.keys); ++j)
      value_norms_[head * shape.keys + j] = row_norm(problem_.value_rows(b, g).row(j), shape.value_dim);
  });
}

StripTopK::Scratch StripTopK::cut(Pieces& pieces) const noexcept {
  const std::size_t d = problem_.shape.head_dim, d_v = round_up(problem_.shape.value_dim, simd::kKeyTile);
  const std::size_t block = simd::kKeyBlock * simd::kPanel, row = round_up(columns_, 16);
  Scratch s{};
  s.rows = pieces.take<WholeRow>(simd::kPanel);
  float* const scores = pieces.take<float>(simd::kPanel * row);
  float* const logits = needs_logits() ? pieces.take<float>(simd::kPanel * row) : scores;
  auto* const keys = pieces.take<std::uint32_t>(simd::kPanel * row);
  float* const residuals = pieces.take<float>(options_.certificates.wanted() ? simd::kPanel * row : 0);
  s.queries = pieces.take<float>(simd::kPanel * std::max(d, d_v));
  s.packed = pieces.take<float>(simd::kKeyBlock * std::max(simd::packed_stride(d), simd::packed_stride(d_v)));
  s.block = pieces.take<float>(block);
  s.raw = pieces.take<float>(needs_logits() ? block : 0);
  s.row = {pieces.take<float>(row), pieces.take<std::uint32_t>(row), pieces.take<float>(row)};
  s.total = pieces.take<double>(simd::kPanel * d_v);
  s.part = pieces.take<float>(simd::kPanel * d_v);
  if (scores == nullptr) return s;
  for (std::size_t lane = 0; lane < simd::kPanel; ++lane)
    s.rows[lane] = {.scores = scores + lane * row,
                    .logits = logits + lane * row,
                    .keys = keys + lane * row,
                    .residuals = residuals + lane * row,
                    .sums = {}};
  return s;
}

std::size_t StripTopK::scratch_bytes() const noexcept {
  Pieces pieces(nullptr);
  cut(pieces);
  return pieces.used();
}

std::size_t StripTopK::units() const noexcept {
  const AttentionShape& s = problem_.shape;
  return s.batch * s.heads * ((s.queries + simd::kPanel - 1) / simd::kPanel);
}

// Causal units come in order of falling cost.
StripTopK::Place StripTopK::place(std::size_t unit) const noexcept {
  const AttentionShape& s = problem_.shape;
  const std::size_t heads = s.batch * s.heads, panels = (s.queries + simd::kPanel - 1) / simd::kPanel;
  const std::size_t panel = s.causal ? panels - 1 - unit / heads : unit / heads;
  const std::size_t first = panel * simd::kPanel, head = unit % heads % s.heads;
  Place p{unit % heads / s.heads, head, head / s.group(), first, std::min(first + simd::kPanel, s.queries), {}, {}, {}};
  p.sees = PanelVisibility::of(s, p.first, p.last);
  if (p.sees.end_most == 0) return p;
  p.before = {0, std::min(p.sees.sinks, p.sees.from_least)};
  p.after = {p.sees.from_least, p.sees.end_most};
  return p;
}

std::size_t StripTopK::row_index(const Place& at, std::size_t lane) const noexcept {
  return problem_.shape.row_index(at.batch, at.first + lane, at.head);
}

void StripTopK::run(Range units) {
  pool_.run(units, [this](std::size_t unit, std::size_t thread) { run_unit(unit, thread); });
}

void StripTopK::run_unit(std::size_t unit, std::size_t thread) noexcept {
  const Place at = place(unit);
  Pieces pieces(scratch_.data() + thread * scratch_bytes());
  Scratch s = cut(pieces);
  form_scores(at, s);
  for (std::size_t lane = 0; lane < at.lanes(); ++lane) finish_row(at, lane, s);
  if (options_.only_count) return;
  if (fills_tail()) mix(at, s);
  if (options_.certificates.wanted()) certify_outputs(at, s);
}

void StripTopK::form_scores(const Place& at, Scratch& s) noexcept {
  const PanelRows rows{at.batch, at.head, at.first, at.last, s.queries, &at.sees};
  simd::kernel_pack_panel(problem_.query_rows(at.batch, at.head), at.first, static_cast<float>(problem_.scale),
                          s.queries);
  each_block(at, [&](Range keys) {
    simd::kernel_pack_rows(problem_.key_rows(at.batch, at.kv_head), keys, problem_.shape.head_dim, s.packed);
    former_.form_products(rows, keys.size(), s.packed, s.block);
    if (needs_logits()) std::copy_n(s.block, keys.size() * simd::kPanel, s.raw);
    former_.apply_rules(rows, keys, s.block);
    append_visible(at, keys, s);
  });
}

bool StripTopK::sees(const Place& at, std::size_t lane, std::size_t key) const noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t i = at.first + lane;
  if (key >= shape.end(i) || (key < shape.from(i) && key >= shape.sinks)) return false;
  const Mask& mask = problem_.mask;
  const std::size_t entry = ((mask.per_head ? at.head * shape.queries : 0) + i) * shape.keys + key;
  return (mask.allowed == nullptr || mask.allowed[entry] != 0) &&
         (mask.bias == nullptr || mask.bias[entry] != -simd::kInfinity);
}

void StripTopK::append_visible(const Place& at, Range keys, Scratch& s) noexcept {
  const bool all = at.sees.all_see(keys) && problem_.mask.empty();
  const float* const raw = needs_logits() ? s.raw : s.block;
  for (std::size_t lane = 0; lane < at.lanes(); ++lane) {
    WholeRow& row = s.rows[lane];
    for (std::size_t key = keys.begin; key < keys.end; ++key) {
      if (!all && !sees(at, lane, key)) continue;
      const std::size_t from = (key - keys.begin) * simd::kPanel + lane;
      row.logits[row.count] = raw[from];
      row.scores[row.count] = s.block[from];
      row.keys[row.count++] = static_cast<std::uint32_t>(key);
      row.sinks += key < problem_.shape.sinks ? 1 : 0;
    }
  }
}

}  // namespace heed
