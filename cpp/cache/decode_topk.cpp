#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "cache/topk_row.hpp"
#include "simd/gather.hpp"
#include "simd/row_filter.hpp"
#include "simd/shadow_scores.hpp"
#include "simd/softmax_pass.hpp"
#include "sparse/dropped_mass.hpp"
#include "topk/select.hpp"

namespace heed {
namespace {

using simd::kScreenGroup;

constexpr std::size_t kSample = 512;

}  // namespace

CacheTopK::CacheTopK(KvCache& cache, const DecodeProblem& problem, const CacheTopKOptions& options, TaskPool& pool)
    : cache_(cache),
      problem_(problem),
      options_(options),
      pool_(pool),
      status_(validate(cache, problem)),
      scores_(cache_, problem_),
      search_(cache.shape().type == simd::RowType::kByte ? CacheSearch::kExact : options.search),
      monitor_(options.monitor) {
  if (status_.ok()) status_ = validate(options, problem.heads);
  if (status_.ok() && needs_whole_rows(problem, options))
    status_ = Status::fail(ErrorCode::kUnsupported, "such rows need all their scores at once");
  if (status_.ok()) status_ = prepare();
}

Status CacheTopK::prepare() {
  const AttentionShape& shape = scores_.shape();
  chunks_ = (shape.keys + kDecodeChunk - 1) / kDecodeChunk;
  stride_ = round_up(shape.keys, kDecodeChunk);
  most_kept_ = options_.most_entries(shape.heads, shape.keys);
  const CheckedSize rows = checked_product({shape.kv_heads, scores_.most_rows()});
  const CheckedSize formed = checked_product({rows.value, stride_});
  const CheckedSize sums = checked_product({rows.value, chunks_, sizeof(Sums)});
  const CheckedSize scratch = checked_product({scratch_bytes(), pool_.threads()});
  const bool room = rows.fits && formed.fits && sums.fits && scratch.fits && scores_.prepare(screened()) &&
                    formed_.resize(formed.value) && sums_.resize(sums.value) && scratch_.resize(scratch.value) &&
                    monitor_.prepare(shape.keys, pool_.threads());
  const bool shadowed = room && (!screened() || cache_.shadow().update(cache_, problem_.layer, pool_));
  if (!shadowed) return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the call");
  return {};
}

CacheTopK::Scratch CacheTopK::cut(Pieces& pieces) const noexcept {
  const AttentionShape& shape = scores_.shape();
  const std::size_t n = stride_ + kScreenGroup;
  Scratch s{};
  s.kept = pieces.take<float>(n);
  s.indices = pieces.take<std::uint32_t>(n);
  s.thresholds = pieces.take<float>(n / kScreenGroup);
  s.bands = pieces.take<float>(n / kScreenGroup);
  s.sample = pieces.take<float>(kSample + 64);
  s.sample_indices = pieces.take<std::uint32_t>(kSample + 64);
  s.weights = pieces.take<float>(most_kept_ + 64);
  s.formed = pieces.take<float>(screened() ? most_kept_ + 64 : 0);
  s.rows = pieces.take<const float*>(most_kept_);
  s.values = pieces.take<float>(in_place() ? 0 : most_kept_ * shape.value_dim);
  s.sums = pieces.take<double>(shape.value_dim);
  s.products = pieces.take<double>(shape.value_dim);
  s.scored = pieces.take<float>(shape.value_dim);
  s.row = pieces.take<float>(shape.value_dim);
  return s;
}

std::size_t CacheTopK::scratch_bytes() const noexcept {
  Pieces pieces(nullptr);
  cut(pieces);
  return pieces.used();
}

void CacheTopK::run(Range units) {
  const AttentionShape& shape = scores_.shape();
  for (std::size_t unit = units.begin; unit < units.end; ++unit) {
    const Range queries{unit * kDecodeQueries, std::min((unit + 1) * kDecodeQueries, problem_.queries)};
    scores_.start(queries);
    // What the first query sees; rows add the few tokens between it and themselves.
    summed_ = shape.end(queries.begin);
    if (fitted() && !cache_.tails().move_to(cache_, problem_.layer, summed_, pool_)) {
      status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the sums over all tokens");
      return;
    }
    pool_.run({0, shape.kv_heads * chunks_},
              [this](std::size_t i, std::size_t) { form_chunk(i / chunks_, i % chunks_); });
    pool_.run({0, shape.kv_heads * scores_.rows()}, [this](std::size_t i, std::size_t thread) {
      finish_row(i / scores_.rows(), i % scores_.rows(), thread);
    });
  }
}

void CacheTopK::form_chunk(std::size_t g, std::size_t chunk) noexcept {
  const AttentionShape& shape = scores_.shape();
  const std::size_t first = chunk * kDecodeChunk;
  const Range keys{first, std::min(first + kDecodeChunk, shape.keys)};
  if (!screened()) scores_.form(g, keys, scores_of(g, 0) + first, stride_);
  for (std::size_t r = 0; r < scores_.rows(); ++r) {
    const std::size_t seen = std::clamp(shape.end(scores_.query_of(r)), keys.begin, keys.end) - keys.begin;
    float* const scores = scores_of(g, r) + first;
    float highest = -simd::kInfinity;
    if (screened()) {
      const std::size_t columns = simd::row_columns(shape.head_dim);
      highest =
          simd::kernel_shadow_scores(scores_.packed(g).from(r, columns), cache_.shadow().rows(problem_.layer, first, g),
                                     cache_.shadow().sums(problem_.layer, first, g), keys.size(), columns, scores);
    }
    if (!screened() || seen != kDecodeChunk) {
      const std::size_t whole = seen / simd::kLanes * simd::kLanes;
      highest = simd::kernel_row_max(scores, whole);
      for (std::size_t j = whole; j < seen; ++j) highest = scores[j] > highest ? scores[j] : highest;
    }
    Sums& sums = reinterpret_cast<Sums*>(sums_.data())[(g * scores_.most_rows() + r) * chunks_ + chunk];
    sums.reference = highest;
    const float reference = highest == -simd::kInfinity ? 0.0f : highest;
    if (options_.estimator == Estimator::kLinear)
      sums.moments = simd::kernel_row_moments(scores, seen, reference);
    else
      sums.moments = {.weight = simd::kernel_row_weight(scores, seen, reference)};
  }
}

void CacheTopK::finish_row(std::size_t g, std::size_t r, std::size_t thread) noexcept {
  const AttentionShape& shape = scores_.shape();
  Pieces pieces(scratch_.data() + thread * scratch_bytes());
  Scratch s = cut(pieces);
  const std::size_t visible = shape.end(scores_.query_of(r));
  Row row{.g = g,
          .r = r,
          .place = scores_.query_of(r) * shape.heads + scores_.head_of(g, r),
          .visible = visible,
          .wanted = options_.budget_of(scores_.head_of(g, r)).entries(visible),
          .scores = scores_of(g, r),
          .root = scores_.root(g, r)};
  const Sums* const sums = reinterpret_cast<const Sums*>(sums_.data()) + (g * scores_.most_rows() + r) * chunks_;
  float highest = -simd::kInfinity;
  for (std::size_t c = 0; c < chunks_; ++c) highest = std::max(highest, sums[c].reference);
  row.reference = highest == -simd::kInfinity ? 0.0 : double{highest};
  for (std::size_t c = 0; c < chunks_; ++c) {
    const std::size_t first = c * kDecodeChunk;
    if (first >= visible) break;
    // x = s - reference: every x of the chunk falls by what the row's reference is above the chunk's.
    const double rise = row.reference - (sums[c].reference == -simd::kInfinity ? 0.0 : double{sums[c].reference});
    const double factor = std::exp(-rise), n = static_cast<double>(std::min(kDecodeChunk, visible - first));
    const simd::RowMoments& m = sums[c].moments;
    row.all.weight += factor * m.weight;
    row.all.w_x += factor * (m.w_x - rise * m.weight);
    row.all.x_squared += m.x_squared + rise * (rise * n - 2.0 * m.x);
    row.all.x += m.x - rise * n;
  }
  const QueryNorms query = scores_.norms(g, r);
  row.query_norm = query.exact;
  row.rounding_norm = query.rounded_away;
  keep(row, screened() ? screen(row, s) : select(row, s), s);
  monitor_.scored({row.scores, visible, s.kept, s.indices, row.wanted, row.band}, row.place, thread);
  write(row, s);
}

// A score that more than k scores of the row exceed, but not many more: from an even sample of them. -infinity where
// the row is short or k large. As in sparse/key_order.hpp, one row in 300 finds too few and looks at everything.
float CacheTopK::guess(const Row& row, Scratch& s) const noexcept {
  if (row.visible < 4 * kSample) return -simd::kInfinity;
  const double share = static_cast<double>(row.wanted) / static_cast<double>(row.visible);
  const double expected = share * static_cast<double>(kSample);
  const auto hits = static_cast<std::size_t>(expected + 2.6 * std::sqrt(expected) + 2.0);
  if (hits > kSample / 2) return -simd::kInfinity;
  for (std::size_t i = 0; i < kSample; ++i) {
    const float score = row.scores[i * row.visible / kSample];
    s.sample[i] = score != score ? -simd::kInfinity : score;
    s.sample_indices[i] = static_cast<std::uint32_t>(i);
  }
  return keep_best(s.sample, s.sample_indices, kSample, hits);
}

// The scores above a threshold, and their tokens.
std::size_t CacheTopK::filter(const Row& row, float threshold, Scratch& s) const noexcept {
  std::fill_n(s.thresholds, (row.visible + kScreenGroup - 1) / kScreenGroup, threshold);
  return simd::kernel_filter_row(row.scores, row.visible, s.thresholds, s.kept, s.indices);
}

// Candidates among which the k best are, with their scores, ascending.
std::size_t CacheTopK::select(const Row& row, Scratch& s) noexcept {
  const std::size_t found = filter(row, guess(row, s), s);
  if (found >= row.wanted) return found;
  std::copy_n(row.scores, row.visible, s.kept);
  std::iota(s.indices, s.indices + row.visible, 0u);
  return row.visible;
}

// Exactly the k that rank first, in order of token. NaN ranks last.
void CacheTopK::keep(const Row& row, std::size_t count, Scratch& s) noexcept {
  const auto numbers = static_cast<std::size_t>(std::count_if(s.kept, s.kept + count, [](float x) { return x == x; }));
  if (numbers == count) {
    keep_best(s.kept, s.indices, count, row.wanted);
    return;
  }
  std::size_t kept = 0, spare = row.wanted > numbers ? row.wanted - numbers : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool number = s.kept[i] == s.kept[i];
    if (!number && spare == 0) continue;
    if (!number) --spare;
    s.kept[kept] = s.kept[i];
    s.indices[kept++] = s.indices[i];
  }
  if (kept > row.wanted) keep_best(s.kept, s.indices, kept, row.wanted);
}

// What the row's estimator must know of all tokens that it sees.
void CacheTopK::sum_visible(const Row& row, Scratch& s) noexcept {
  const AttentionShape& shape = scores_.shape();
  const std::size_t columns = shape.value_dim;
  std::fill_n(s.sums, columns, 0.0);
  std::fill_n(s.products, columns, 0.0);
  const double* const values = cache_.tails().values(problem_.layer, row.g);
  if (values != nullptr) {
    std::copy_n(values, columns, s.sums);
    const double* __restrict product = values + columns;
    double* const __restrict products = s.products;
    const float* const query = scores_.packed(row.g).from(row.r, simd::row_columns(shape.head_dim)).floats;
    for (std::size_t i = 0; i < shape.head_dim; ++i, product += columns) {
      const double q = double{query[i]} / row.root;
      for (std::size_t c = 0; c < columns; ++c) products[c] += q * product[c];
    }
  }
  for (std::size_t t = summed_; t < row.visible; ++t) {
    cache_.read(problem_.layer, row.g, t, nullptr, s.row);
    for (std::size_t c = 0; c < columns; ++c) {
      s.sums[c] += double{s.row[c]};
      s.products[c] += double{row.scores[t]} * double{s.row[c]};
    }
  }
  for (std::size_t c = 0; c < columns; ++c) s.scored[c] = static_cast<float>(s.products[c]);
}

void CacheTopK::write(Row& row, Scratch& s) noexcept {
  const AttentionShape& shape = scores_.shape();
  if (screened()) settle(row, s);
  const std::size_t kept = row.wanted, columns = shape.value_dim;
  std::copy_n(s.kept, kept, s.weights);
  simd::exp_row(s.weights, kept, static_cast<float>(row.reference));
  const double key_norm = cache_.key_norm(problem_.layer, row.g, row.visible);
  const double du = static_cast<double>(shape.head_dim + 4) * kUnitRoundoff;
  RowSums sums{.all = row.all.weight,
               .kept = 0.0,
               .visible = row.visible,
               .entries = kept,
               .moves = 0,
               .score_error = (du / (1.0 - du) * row.query_norm + row.rounding_norm) * key_norm + row.band};
  for (std::size_t i = 0; i < kept; ++i) sums.kept += double{s.weights[i]};
  // Rounding may leave the whole below its part.
  if (sums.all < sums.kept) sums.all = sums.kept;
  const DroppedMass mass = dropped_mass(sums);
  if (options_.dropped != nullptr) options_.dropped[row.place] = mass.value;
  if (options_.bound != nullptr) options_.bound[row.place] = mass.bound;
  if (options_.kept != nullptr) options_.kept[row.place] = static_cast<std::uint32_t>(kept);
  if (options_.indices != nullptr) std::copy_n(s.indices, kept, options_.indices + options_.offsets[row.place]);
  if (fitted()) sum_visible(row, s);
  float* const out = problem_.out + row.place * columns;
  const VisibleSums visible{s.sums, s.scored, 1};
  const RowEnd end = weigh_kept(options_.estimator, columns, {s.indices, s.kept, s.weights}, sums,
                                {row.reference, row.all.x, row.all.x_squared, row.all.w_x}, visible);
  if (end.reads_values()) {
    find_values(row, s);
    simd::kernel_gather_rows(s.rows, s.weights, kept, columns, out);
  }
  end_row(end, columns, visible, out);
}

// Where the kept values lie as floats.
void CacheTopK::find_values(const Row& row, Scratch& s) const noexcept {
  const std::size_t columns = scores_.shape().value_dim, stride = simd::row_columns(columns);
  for (std::size_t i = 0; i < row.wanted;) {
    const std::size_t page = s.indices[i] / kPageTokens, first = page * kPageTokens;
    const auto* const values =
        in_place() ? cache_.value_rows(problem_.layer, row.g, {first, first + 1}).as<float>() : nullptr;
    for (; i < row.wanted && s.indices[i] / kPageTokens == page; ++i) {
      s.rows[i] = in_place() ? values + (s.indices[i] - first) * stride : s.values + i * columns;
      if (!in_place()) cache_.read(problem_.layer, row.g, s.indices[i], nullptr, s.values + i * columns);
    }
  }
}

}  // namespace heed
