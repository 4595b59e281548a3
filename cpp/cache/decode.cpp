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

CacheAttention::CacheAttention(const KvCache& cache, const DecodeProblem& problem, const MonitorOptions& monitor,
                               TaskPool& pool)
    : cache_(cache),
      problem_(problem),
      pool_(pool),
      status_(validate(cache, problem)),
      scores_(cache_, problem_),
      monitor_(monitor) {
  if (!status_.ok()) return;
  const AttentionShape& shape = scores_.shape();
  chunks_ = (shape.keys + kDecodeChunk - 1) / kDecodeChunk;
  columns_ = simd::row_columns(shape.value_dim);
  const CheckedSize parts = checked_product({shape.kv_heads, chunks_, scores_.most_rows()});
  const CheckedSize outs = checked_product({parts.value, columns_});
  const std::size_t slots = monitored() ? shape.kv_heads * chunks_ : pool.threads();
  const CheckedSize scratch = checked_product({scores_.most_rows(), kDecodeChunk, slots});
  if (!parts.fits || !outs.fits || !scratch.fits || !scores_.prepare() || !outs_.resize(outs.value) ||
      !references_.resize(parts.value) || !sums_.resize(parts.value) || !total_.resize(columns_) ||
      !weights_.resize(scratch.value) || !moments_.resize(monitored() ? parts.value : 0))
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
    if (problem_.out != nullptr) {
      for (std::size_t g = 0; g < heads; ++g)
        for (std::size_t r = 0; r < scores_.rows(); ++r) merge(g, r);
    }
    if (monitored()) {
      pool_.run({0, heads * scores_.rows()},
                [this](std::size_t i, std::size_t) { look(i / scores_.rows(), i % scores_.rows()); });
    }
  }
}

void CacheAttention::run_chunk(std::size_t g, std::size_t chunk, std::size_t thread) noexcept {
  const std::size_t first = chunk * kDecodeChunk, end = std::min(first + kDecodeChunk, scores_.shape().keys);
  const std::size_t rows = scores_.rows();
  // A row's own weights lie one behind the other when they are looked at again.
  const std::size_t stride = monitored() ? chunks_ * kDecodeChunk : kDecodeChunk;
  float* const weights = monitored() ? weights_.data() + g * scores_.most_rows() * stride + first
                                     : weights_.data() + thread * scores_.most_rows() * kDecodeChunk;
  simd::WeighedMoments* const moments =
      monitored() ? moments_.data() + (g * chunks_ + chunk) * scores_.most_rows() : nullptr;
  for (std::size_t r = 0; r < rows; ++r) {
    const Part to = part(g, chunk, r);
    std::fill_n(to.out, columns_, 0.0f);
    *to.reference = -simd::kInfinity;
    *to.sum = 0.0;
    if (moments != nullptr) moments[r] = {};
  }
  if (!scores_.any_see({first, end})) return;
  const Range keys{first, end};
  scores_.form(g, keys, weights, stride);
  for (std::size_t r = 0; r < rows; ++r) {
    const Part to = part(g, chunk, r);
    float* const row = weights + r * stride;
    std::fill(row + keys.size(), row + round_up(keys.size(), simd::kLanes), -simd::kInfinity);
    *to.reference = simd::kernel_row_max(row, keys.size());
    const float reference = *to.reference == -simd::kInfinity ? 0.0f : *to.reference;
    if (moments != nullptr) {
      moments[r] = simd::kernel_weigh_moments(row, keys.size(), reference);
      *to.sum = moments[r].weight;
    } else {
      *to.sum = simd::kernel_weigh_row(row, keys.size(), reference);
    }
    if (problem_.out == nullptr) continue;
    simd::kernel_row_values(cache_.shape().type, row, cache_.value_rows(problem_.layer, g, keys), keys.size(), columns_,
                            to.out);
  }
}

void CacheAttention::look(std::size_t g, std::size_t row) noexcept {
  const std::size_t first = g * chunks_ * scores_.most_rows() + row;
  const std::size_t query = scores_.query_of(row), stride = chunks_ * kDecodeChunk;
  monitor_row({weights_.data() + (g * scores_.most_rows() + row) * stride, references_.data() + first,
               moments_.data() + first, scores_.most_rows(), chunks_, scores_.shape().end(query)},
              monitor_, monitor_.out + (query * scores_.shape().heads + scores_.head_of(g, row)) * kMonitored);
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
