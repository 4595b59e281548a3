#include "retrieve/retrieved_attention.hpp"

#include <algorithm>

#include "retrieve/retrieved_scratch.hpp"
#include "simd/gather.hpp"
#include "simd/pack.hpp"
#include "simd/score_tile.hpp"

namespace heed {

bool retrievable(const AttentionProblem& problem) noexcept {
  return problem.shape.window == 0 && problem.shape.sinks == 0 && problem.mask.empty() && problem.softcap == 0.0;
}

RetrievedAttention::RetrievedAttention(const AttentionProblem& problem, const RetrievalOptions& options,
                                       const KeyIndex* index, TaskPool& pool)
    : problem_(problem), options_(options), pool_(pool), status_(validate(problem)), index_(index) {
  if (status_.ok()) status_ = validate(options.budget);
  if (status_.ok()) status_ = prepare();
}

Status RetrievedAttention::prepare() {
  const AttentionShape& shape = problem_.shape;
  if (!retrievable(problem_))
    return Status::fail(ErrorCode::kUnsupported, "window, sinks, mask and softcap need search \"exact\"");
  if (!sampled() && options_.estimator != Estimator::kRenormalized)
    return Status::fail(ErrorCode::kUnsupported, "without every score or a sampled tail there is renormalized only");
  if (!heads_apart_.build(problem_, pool_))
    return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the threads");
  if (index_ == nullptr) {
    if (Status made = own_.prepare(problem_, options_.search, options_.seed); !made.ok()) return made;
    index_ = &own_;
    build_units_ = own_.build_units();
  } else if (!index_->fits(shape)) {
    return Status::fail(ErrorCode::kShapeMismatch, "the index was made for keys of another shape");
  }
  most_kept_ = options_.budget.entries(shape.keys);
  blocks_ = (shape.queries + kRowsTogether - 1) / kRowsTogether;
  row_units_ = shape.batch * shape.heads * blocks_;
  retriever_bytes_ = index_->scratch_bytes(problem_, most_kept_);
  const std::size_t sums = shape.causal ? blocks_ : std::size_t{1};
  const CheckedSize total = checked_product({scratch_bytes(), pool_.threads()});
  const CheckedSize key_sums = checked_product({shape.batch, shape.kv_heads, sums, shape.head_dim});
  const bool room =
      total.fits && key_sums.fits && scratch_.resize(total.value) &&
      (!sampled() || (tail_sums_.build(problem_, kRowsTogether, linear(), pool_) && key_sums_.resize(key_sums.value)));
  if (!room) return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the threads");
  if (sampled()) sum_keys();
  return {};
}

void RetrievedAttention::sum_keys() noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t sums = shape.causal ? blocks_ : std::size_t{1}, d = shape.head_dim;
  pool_.run({0, shape.batch * shape.kv_heads}, [&](std::size_t head, std::size_t) {
    const MatrixView<const float> keys = problem_.key_rows(head / shape.kv_heads, head % shape.kv_heads);
    std::size_t done = 0;
    for (std::size_t block = 0; block < sums; ++block) {
      double* sum = key_sums_.data() + (head * sums + block) * d;
      if (block == 0)
        std::fill_n(sum, d, 0.0);
      else
        std::copy_n(sum - d, d, sum);
      const std::size_t end = shape.queries == 0 ? 0 : shape.end(block * kRowsTogether);
      simd::kernel_add_rows(keys, {done, end}, sum);
      done = end;
    }
  });
}

RetrievedAttention::Scratch RetrievedAttention::cut(Pieces& pieces) const noexcept {
  const AttentionShape& shape = problem_.shape;
  Scratch s{};
  s.room = round_up(most_kept_, 4 * simd::kLanes);
  s.queries = pieces.take<float>(kRowsTogether * shape.head_dim);
  s.scores = pieces.take<float>(kRowsTogether * s.room);
  s.indices = pieces.take<std::uint32_t>(kRowsTogether * s.room);
  s.weights = pieces.take<float>(s.room);
  s.rows = pieces.take<RetrievedRow>(kRowsTogether);
  s.retriever = pieces.take<std::byte>(retriever_bytes_);
  const bool approximate = index_ != nullptr && !index_->exact();
  s.exact = ExactRowScratch::cut(pieces, approximate ? shape.keys : 0);
  s.exact_indices = pieces.take<std::uint32_t>(approximate ? s.room : 0);
  s.sample = pieces.take<TailSampleScratch>(sampled() ? 1 : 0);
  s.visible_values = pieces.take<double>(sampled() ? shape.value_dim : 0);
  const std::size_t columns = round_up(shape.value_dim, simd::kKeyTile);
  s.panel = pieces.take<float>(linear() ? simd::kPanel * shape.head_dim : 0);
  s.scored = pieces.take<float>(linear() ? kRowsTogether / simd::kPanel * simd::kPanel * columns : 0);
  s.row_scored = pieces.take<float>(linear() ? shape.value_dim : 0);
  s.added = pieces.take<float>(linear() ? shape.value_dim : 0);
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
  Scratch s = cut(pieces);
  // The last blocks first: where attention is causal they take the longest.
  const std::size_t heads = shape.batch * shape.heads, block = blocks_ - 1 - unit / heads, h = unit % heads;
  const std::size_t first = block * kRowsTogether, last = std::min(first + kRowsTogether, shape.queries);
  const QueryRows rows{h / shape.heads, h % shape.heads, h % shape.heads / shape.group(), first, last,
                       s.queries,       options_.enough};
  const MatrixView<const float> queries = problem_.query_rows(rows.batch, rows.head);
  const auto scale = static_cast<float>(problem_.scale);
  for (std::size_t i = 0; i < last - first; ++i) {
    const float* query = queries.row(first + i);
    for (std::size_t c = 0; c < shape.head_dim; ++c) s.queries[i * shape.head_dim + c] = query[c] * scale;
    s.rows[i] = {s.indices + i * s.room, s.scores + i * s.room, options_.budget.entries(shape.visible(first + i))};
  }
  index_->retrieve(problem_, rows, most_kept_, s.rows, s.retriever);
  if (sampled()) start_tails(rows, s);
  for (std::size_t i = 0; i < last - first; ++i) write(rows, i, s);
}

// sum s_j v_j over the keys that the block's first row sees, for all its rows; and the sum of their values.
void RetrievedAttention::start_tails(const QueryRows& rows, Scratch& s) noexcept {
  const AttentionShape& shape = problem_.shape;
  const std::size_t block = rows.first / kRowsTogether, columns = round_up(shape.value_dim, simd::kKeyTile);
  std::copy_n(tail_sums_.values(rows.batch, rows.kv_head, block), shape.value_dim, s.visible_values);
  s.summed = shape.end(rows.first);
  if (!linear()) return;
  const MatrixView<const float> queries = problem_.query_rows(rows.batch, rows.head);
  for (std::size_t first = rows.first; first < rows.last; first += simd::kPanel) {
    simd::kernel_pack_panel(queries, first, static_cast<float>(problem_.scale), s.panel);
    simd::scores(s.panel, tail_sums_.products(rows.batch, rows.kv_head, block), columns, shape.head_dim,
                 s.scored + (first - rows.first) * columns);
  }
}

}  // namespace heed
