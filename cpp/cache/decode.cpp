#include "cache/decode.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/row_filter.hpp"
#include "simd/row_values.hpp"

namespace heed {

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
  const CheckedSize scratch = checked_product({scores_.most_rows(), kDecodeChunk, pool.threads()});
  if (!parts.fits || !outs.fits || !scratch.fits || !scores_.prepare() || !outs_.resize(outs.value) ||
      !references_.resize(parts.value) || !sums_.resize(parts.value) || !total_.resize(columns_) ||
      !weights_.resize(scratch.value))
    status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the call");
}

CacheAttention::Part CacheAttention::part(std::size_t g, std::size_t chunk, std::size_t row) noexcept {
  const std::size_t at = (g * chunks_ + chunk) * scores_.most_rows() + row;
  return {outs_.data() + at * columns_, references_.data() + at, sums_.data() + at};
}

void CacheAttention::run(Range units) {
  const std::size_t heads = scores_.shape().kv_heads;
  for (std::size_t unit = units.begin; unit < units.end; ++unit) {
    scores_.start({unit * kDecodeQueries, std::min((unit + 1) * kDecodeQueries, problem_.queries)});
    pool_.run({0, heads * chunks_},
              [this](std::size_t i, std::size_t thread) { run_chunk(i / chunks_, i % chunks_, thread); });
    for (std::size_t g = 0; g < heads; ++g)
      for (std::size_t r = 0; r < scores_.rows(); ++r) merge(g, r);
  }
}

void CacheAttention::run_chunk(std::size_t g, std::size_t chunk, std::size_t thread) noexcept {
  const std::size_t first = chunk * kDecodeChunk, end = std::min(first + kDecodeChunk, scores_.shape().keys);
  const std::size_t rows = scores_.rows();
  float* const weights = weights_.data() + thread * scores_.most_rows() * kDecodeChunk;
  for (std::size_t r = 0; r < rows; ++r) {
    const Part to = part(g, chunk, r);
    std::fill_n(to.out, columns_, 0.0f);
    *to.reference = -simd::kInfinity;
    *to.sum = 0.0;
  }
  if (!scores_.any_see({first, end})) return;
  const Range keys{first, end};
  scores_.form(g, keys, weights, kDecodeChunk);
  for (std::size_t r = 0; r < rows; ++r) {
    const Part to = part(g, chunk, r);
    float* const row = weights + r * kDecodeChunk;
    std::fill(row + keys.size(), row + round_up(keys.size(), simd::kLanes), -simd::kInfinity);
    *to.reference = simd::kernel_row_max(row, keys.size());
    *to.sum = simd::kernel_weigh_row(row, keys.size(), *to.reference == -simd::kInfinity ? 0.0f : *to.reference);
    simd::kernel_row_values(cache_.shape().type, row, cache_.value_rows(problem_.layer, g, keys), keys.size(), columns_,
                            to.out);
  }
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
    problem_.lse[place] =
        sum == 0.0 ? -std::numeric_limits<float>::infinity() : static_cast<float>(double{highest} + std::log(sum));
}

}  // namespace heed
