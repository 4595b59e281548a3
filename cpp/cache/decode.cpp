#include "cache/decode.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/row_filter.hpp"
#include "simd/row_values.hpp"

namespace heed {

struct CacheAttention::Scratch {
  float* scores;   // (rows, kDecodeChunk), then weights
  float* widened;  // a page of half floats that are not all finite
};

struct CacheAttention::Part {
  float* out;
  float* reference;
  double* sum;
};

CacheAttention::CacheAttention(const KvCache& cache, const DecodeProblem& problem, TaskPool& pool)
    : cache_(cache), problem_(problem), pool_(pool), status_(validate(cache, problem)), scores_(cache_, problem_) {
  if (!status_.ok()) return;
  const AttentionShape& shape = scores_.shape();
  chunks_ = (shape.keys + kDecodeChunk - 1) / kDecodeChunk;
  columns_ = simd::row_columns(shape.value_dim);
  const CheckedSize parts = checked_product({shape.kv_heads, chunks_, scores_.most_rows()});
  const CheckedSize outs = checked_product({parts.value, columns_});
  const CheckedSize scratch = checked_product({scratch_bytes(), pool.threads()});
  if (!parts.fits || !outs.fits || !scratch.fits || !scores_.prepare() || !outs_.resize(outs.value) ||
      !references_.resize(parts.value) || !sums_.resize(parts.value) || !total_.resize(columns_) ||
      !scratch_.resize(scratch.value))
    status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the call");
}

CacheAttention::Scratch CacheAttention::cut(Pieces& pieces) const noexcept {
  const AttentionShape& shape = scores_.shape();
  const bool half = cache_.shape().type == simd::RowType::kHalf;
  Scratch s{};
  s.scores = pieces.take<float>(scores_.most_rows() * kDecodeChunk);
  s.widened = pieces.take<float>(half ? kPageTokens * std::max(simd::row_columns(shape.head_dim), columns_) : 0);
  return s;
}

std::size_t CacheAttention::scratch_bytes() const noexcept {
  Pieces pieces(nullptr);
  cut(pieces);
  return pieces.used();
}

CacheAttention::Part CacheAttention::part(std::size_t g, std::size_t chunk, std::size_t row) noexcept {
  const std::size_t at = (g * chunks_ + chunk) * scores_.most_rows() + row;
  return {outs_.data() + at * columns_, references_.data() + at, sums_.data() + at};
}

void CacheAttention::run(Range units) {
  const std::size_t heads = scores_.shape().kv_heads;
  for (std::size_t unit = units.begin; unit < units.end; ++unit) {
    scores_.start({unit * kDecodeQueries, std::min((unit + 1) * kDecodeQueries, problem_.queries)});
    pool_.run({0, heads * chunks_}, [this](std::size_t i, std::size_t thread) {
      run_chunk(i / chunks_, i % chunks_, thread);
    });
    for (std::size_t g = 0; g < heads; ++g)
      for (std::size_t r = 0; r < scores_.rows(); ++r) merge(g, r);
  }
}

void CacheAttention::run_chunk(std::size_t g, std::size_t chunk, std::size_t thread) noexcept {
  const std::size_t first = chunk * kDecodeChunk, end = std::min(first + kDecodeChunk, scores_.shape().keys);
  const std::size_t rows = scores_.rows();
  Pieces pieces(scratch_.data() + thread * scratch_bytes());
  const Scratch s = cut(pieces);
  for (std::size_t r = 0; r < rows; ++r) {
    const Part to = part(g, chunk, r);
    std::fill_n(to.out, columns_, 0.0f);
    *to.reference = -simd::kInfinity;
    *to.sum = 0.0;
  }
  if (!scores_.any_see({first, end})) return;
  for (std::size_t j = first; j < end; j += kPageTokens)
    scores_.form(g, {j, std::min(j + kPageTokens, end)}, s.scores + (j - first), kDecodeChunk, s.widened);
  for (std::size_t r = 0; r < rows; ++r) {
    const Part to = part(g, chunk, r);
    float* const row = s.scores + r * kDecodeChunk;
    std::fill(row + (end - first), row + round_up(end - first, simd::kLanes), -simd::kInfinity);
    *to.reference = simd::kernel_row_max(row, end - first);
    *to.sum = simd::kernel_weigh_row(row, end - first, *to.reference == -simd::kInfinity ? 0.0f : *to.reference);
  }
  for (std::size_t j = first; j < end; j += kPageTokens) {
    const Range keys{j, std::min(j + kPageTokens, end)};
    for (std::size_t r = 0; r < rows; ++r)
      mix(g, keys, r, s.scores + r * kDecodeChunk + (j - first), part(g, chunk, r).out, s.widened);
  }
}

void CacheAttention::mix(std::size_t g, Range keys, std::size_t row, const float* weights, float* out,
                         float* widened) noexcept {
  const simd::RowType type = cache_.shape().type;
  const std::byte* const page = cache_.page(problem_.layer, keys.begin / kPageTokens);
  const simd::CachedRows rows = cache_.layout().values(page, g, keys.begin % kPageTokens);
  if (type == simd::RowType::kHalf && !cache_.finite(problem_.layer, keys)) {
    if (row == 0) simd::kernel_widen(type, rows, keys.size(), columns_, widened);
    simd::kernel_row_values(simd::RowType::kFloat, weights, {reinterpret_cast<const std::byte*>(widened)}, keys.size(),
                            columns_, out);
    return;
  }
  simd::kernel_row_values(type, weights, rows, keys.size(), columns_, out);
}

void CacheAttention::merge(std::size_t g, std::size_t row) noexcept {
  const AttentionShape& shape = scores_.shape();
  float highest = -simd::kInfinity;
  for (std::size_t c = 0; c < chunks_; ++c) highest = std::max(highest, *part(g, c, row).reference);
  double sum = 0.0;
  std::fill_n(total_.data(), columns_, 0.0);
  for (std::size_t c = 0; c < chunks_; ++c) {
    const Part from = part(g, c, row);
    // A chunk that the row does not see has the sum 0; one of NaN scores alone has no reference, and must be seen.
    if (*from.sum == 0.0) continue;
    const double factor =
        *from.reference == -simd::kInfinity ? 1.0 : std::exp(double{*from.reference} - double{highest});
    sum += factor * *from.sum;
    for (std::size_t i = 0; i < columns_; ++i) total_[i] += factor * double{from.out[i]};
  }
  const std::size_t place = scores_.query_of(row) * shape.heads + scores_.head_of(g, row);
  const double factor = sum == 0.0 ? 0.0 : 1.0 / sum;
  float* const out = problem_.out + place * shape.value_dim;
  for (std::size_t i = 0; i < shape.value_dim; ++i) out[i] = static_cast<float>(total_[i] * factor);
  if (problem_.lse != nullptr)
    problem_.lse[place] = sum == 0.0 ? -std::numeric_limits<float>::infinity()
                                     : static_cast<float>(double{highest} + std::log(sum));
}

}  // namespace heed
