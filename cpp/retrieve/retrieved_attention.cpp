#include "retrieve/retrieved_attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/exp.hpp"
#include "simd/softmax_pass.hpp"

namespace heed {
namespace {

float rounded_up(double x) noexcept {
  const auto nearest = static_cast<float>(x);
  return double{nearest} >= x ? nearest : std::nextafter(nearest, 2.0f);
}

DroppedMass mass_bound(double kept, double rest, double score_error) noexcept {
  if (std::isnan(rest)) return {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::quiet_NaN()};
  if (rest == 0.0) return {0.0f, 0.0f};
  constexpr double kEta = double{simd::kExpError} + 264.0 * 0x1p-24;
  const double tau = std::isinf(rest) ? 1.0 : rest / (kept + rest);
  const double computed = std::isinf(rest) ? 1.0 : rest / (kept * (1.0 - kEta) + rest);
  const double certified = computed / (computed + (1.0 - computed) * std::exp(-2.0 * score_error));
  return {static_cast<float>(tau), std::min(1.0f, rounded_up(certified))};
}

}  // namespace

struct RetrievedAttention::Scratch {
  float* queries;          // (kRowsTogether, head_dim), scaled
  float* scores;           // (kRowsTogether, room)
  std::uint32_t* indices;  // likewise
  float* weights;          // room
  RetrievedRow* rows;      // kRowsTogether
  std::size_t room;
  std::byte* retriever;
};

RetrievedAttention::RetrievedAttention(const AttentionProblem& problem, const TopKOptions& options, Search search,
                                       const KeyIndex* index, TaskPool& pool)
    : problem_(problem), options_(options), pool_(pool), status_(validate(problem)), index_(index) {
  const AttentionShape& shape = problem_.shape;
  if (status_.ok()) status_ = validate(options.budget);
  if (!status_.ok()) return;
  if (shape.window != 0 || !problem.mask.empty() || problem.softcap != 0.0) {
    status_ = Status::fail(ErrorCode::kUnsupported, "window, mask and softcap need search: \"exact\"");
    return;
  }
  if (index_ == nullptr) {
    status_ = own_.prepare(problem_, search);
    if (!status_.ok()) return;
    index_ = &own_;
    build_units_ = own_.build_units();
  } else if (!index_->fits(shape)) {
    status_ = Status::fail(ErrorCode::kShapeMismatch, "the index was made for keys of another shape");
    return;
  }
  most_kept_ = options_.budget.entries(shape.keys);
  blocks_ = (shape.queries + kRowsTogether - 1) / kRowsTogether;
  row_units_ = shape.batch * shape.heads * blocks_;
  retriever_bytes_ = index_->scratch_bytes(problem_, most_kept_);
  const CheckedSize total = checked_product({scratch_bytes(), pool_.threads()});
  if (!total.fits || !scratch_.resize(total.value))
    status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the threads");
}

RetrievedAttention::Scratch RetrievedAttention::cut(Pieces& pieces) const noexcept {
  const std::size_t room = round_up(most_kept_, 4 * simd::kLanes);
  Scratch s{};
  s.room = room;
  s.queries = pieces.take<float>(kRowsTogether * problem_.shape.head_dim);
  s.scores = pieces.take<float>(kRowsTogether * room);
  s.indices = pieces.take<std::uint32_t>(kRowsTogether * room);
  s.weights = pieces.take<float>(room);
  s.rows = pieces.take<RetrievedRow>(kRowsTogether);
  s.retriever = pieces.take<std::byte>(retriever_bytes_);
  return s;
}

std::size_t RetrievedAttention::scratch_bytes() const noexcept {
  Pieces pieces(nullptr);
  cut(pieces);
  return pieces.used();
}

void RetrievedAttention::run(Range units) {
  const Range build{std::min(units.begin, build_units_), std::min(units.end, build_units_)};
  const Range rows{std::max(units.begin, build_units_), std::max(units.end, build_units_)};
  if (build.size() != 0) pool_.run(build, [this](std::size_t unit, std::size_t) { own_.build(problem_, unit); });
  if (rows.size() != 0)
    pool_.run(rows, [this](std::size_t unit, std::size_t thread) { run_rows(unit - build_units_, thread); });
}

void RetrievedAttention::run_rows(std::size_t unit, std::size_t thread) noexcept {
  const AttentionShape& shape = problem_.shape;
  Pieces pieces(scratch_.data() + thread * scratch_bytes());
  const Scratch s = cut(pieces);
  // The last blocks first: where attention is causal they take the longest.
  const std::size_t heads = shape.batch * shape.heads, block = blocks_ - 1 - unit / heads, h = unit % heads;
  const std::size_t first = block * kRowsTogether, last = std::min(first + kRowsTogether, shape.queries);
  const QueryRows rows{h / shape.heads, h % shape.heads, h % shape.heads / shape.group(), first, last, s.queries};
  const MatrixView<const float> queries = problem_.query_rows(rows.batch, rows.head);
  const auto scale = static_cast<float>(problem_.scale);
  for (std::size_t i = 0; i < last - first; ++i) {
    for (std::size_t c = 0; c < shape.head_dim; ++c)
      s.queries[i * shape.head_dim + c] = queries.row(first + i)[c] * scale;
    s.rows[i] = {s.indices + i * s.room, s.scores + i * s.room, options_.budget.entries(shape.visible(first + i))};
  }
  index_->retrieve(problem_, rows, most_kept_, s.rows, s.retriever);
  for (std::size_t i = 0; i < last - first; ++i) write(rows, i, s.rows[i], s.weights);
}

void RetrievedAttention::write(const QueryRows& rows, std::size_t i, RetrievedRow& row, float* weights) noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t query = rows.first + i, visible = shape.visible(query);
  const std::size_t place = shape.row_index(rows.batch, query, rows.head);
  RowSums sums{.visible = visible, .entries = row.count};
  float best = -simd::kInfinity;
  for (std::size_t j = 0; j < row.count; ++j) best = row.scores[j] > best ? row.scores[j] : best;
  const std::size_t whole = round_up(row.count, simd::kLanes);
  std::fill(row.scores + row.count, row.scores + whole, -simd::kInfinity);
  std::copy_n(row.scores, whole, weights);
  simd::kernel_exp_row(weights, row.count, best == -simd::kInfinity ? 0.0f : best);
  for (std::size_t j = 0; j < row.count; ++j) sums.kept += double{weights[j]};
  sums.all = std::isnan(row.rest) ? row.rest : sums.kept;

  double error = 0.0;
  if (visible != 0) {
    const double size = row_norm(problem_.query_rows(rows.batch, rows.head).row(query), shape.head_dim);
    error =
        score_error(shape.head_dim, size, index_->norms().largest(rows.batch, rows.kv_head, visible), problem_.scale);
  }
  const DroppedMass mass = mass_bound(sums.kept, row.rest, error);
  if (options_.dropped != nullptr) options_.dropped[place] = mass.value;
  if (options_.bound != nullptr) options_.bound[place] = mass.bound;
  if (options_.kept != nullptr) options_.kept[place] = static_cast<std::uint32_t>(row.count);
  if (options_.indices != nullptr) std::copy_n(row.indices, row.count, options_.indices + options_.offsets[place]);
  write_row(options_.estimator, problem_.value_rows(rows.batch, rows.kv_head), {row.indices, row.scores, weights}, sums,
            {double{best}}, {}, problem_.out_rows(rows.batch, rows.head).row(query));
}

}  // namespace heed
