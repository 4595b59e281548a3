#include "cache/decode.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/block.hpp"
#include "simd/row_filter.hpp"
#include "simd/row_values.hpp"

namespace heed {

struct CacheAttention::Part {
  float* out;
  double* wide_out;  // instead of `out` where sums are compensated
  float* reference;
  double* sum;
};

// Of a row: sum e^(s - highest).
struct CacheAttention::Total {
  double highest, sum;

  double factor(const Part& from) const noexcept {
    return *from.reference == -simd::kInfinity ? 1.0 : std::exp(double{*from.reference} - highest);
  }
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
  if (problem.accumulate == Accumulate::kDouble && problem.out != nullptr) {
    precise_.emplace(cache, problem, pool);
    status_ = precise_->status();
    problem_.out = problem_.lse = nullptr;
    if (!status_.ok() || !forms_scores()) return;
  }
  const AttentionShape& shape = scores_.shape();
  chunks_ = (shape.keys + kDecodeChunk - 1) / kDecodeChunk;
  columns_ = simd::row_columns(shape.value_dim);
  const CheckedSize parts = checked_product({shape.kv_heads, chunks_, scores_.most_rows()});
  const CheckedSize wide_outs = checked_product({compensated() ? parts.value : 0, columns_});
  const CheckedSize outs = checked_product({compensated() ? pool.threads() : parts.value, columns_});
  const std::size_t slots = keeps_weights() ? shape.kv_heads * chunks_ : pool.threads();
  const CheckedSize scratch = checked_product({scores_.most_rows(), kDecodeChunk, slots});
  if (!parts.fits || !wide_outs.fits || !outs.fits || !scratch.fits || !scores_.prepare() ||
      !outs_.resize(outs.value) || !wide_outs_.resize(wide_outs.value) || !references_.resize(parts.value) ||
      !sums_.resize(parts.value) || !total_.resize(columns_) || !weights_.resize(scratch.value) ||
      !moments_.resize(monitored() ? parts.value : 0) ||
      !shares_.resize(monitor_.received == nullptr ? 0 : parts.value))
    status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the call");
  if (monitor_.received != nullptr) std::fill_n(monitor_.received, shape.kv_heads * shape.keys, 0.0);
}

CacheAttention::Part CacheAttention::part(std::size_t g, std::size_t chunk, std::size_t row) noexcept {
  const std::size_t at = (g * chunks_ + chunk) * scores_.most_rows() + row;
  return {compensated() ? nullptr : outs_.data() + at * columns_,
          compensated() ? wide_outs_.data() + at * columns_ : nullptr, references_.data() + at, sums_.data() + at};
}

void CacheAttention::run(Range units) {
  if (precise_) precise_->run(units);
  if (!forms_scores()) return;
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
    if (monitor_.received != nullptr) {
      for (std::size_t g = 0; g < heads; ++g)
        for (std::size_t r = 0; r < scores_.rows(); ++r) share(g, r);
      pool_.run({0, heads * chunks_}, [this](std::size_t i, std::size_t) { add_received(i / chunks_, i % chunks_); });
    }
  }
}

// A row's own weights lie one behind the other where they are looked at again.
float* CacheAttention::weights_of(std::size_t g, std::size_t row, std::size_t chunk, std::size_t thread) noexcept {
  if (!keeps_weights()) return weights_.data() + (thread * scores_.most_rows() + row) * kDecodeChunk;
  return weights_.data() + ((g * scores_.most_rows() + row) * chunks_ + chunk) * kDecodeChunk;
}

void CacheAttention::run_chunk(std::size_t g, std::size_t chunk, std::size_t thread) noexcept {
  const std::size_t first = chunk * kDecodeChunk, end = std::min(first + kDecodeChunk, scores_.shape().keys);
  const std::size_t rows = scores_.rows();
  const std::size_t stride = keeps_weights() ? chunks_ * kDecodeChunk : kDecodeChunk;
  float* const weights = weights_of(g, 0, chunk, thread);
  simd::WeighedMoments* const moments =
      monitored() ? moments_.data() + (g * chunks_ + chunk) * scores_.most_rows() : nullptr;
  for (std::size_t r = 0; r < rows; ++r) {
    const Part to = part(g, chunk, r);
    if (compensated())
      std::fill_n(to.wide_out, columns_, 0.0);
    else
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
    if (problem_.out != nullptr) add_values(g, keys, row, to, thread);
  }
}

void CacheAttention::add_values(std::size_t g, Range keys, const float* weights, const Part& to,
                                std::size_t thread) noexcept {
  const auto add = [&](Range some, float* out) {
    simd::kernel_row_values(cache_.shape().type, weights + (some.begin - keys.begin),
                            cache_.value_rows(problem_.layer, g, some), some.size(), columns_, out);
  };
  if (!compensated()) return add(keys, to.out);
  float* const sum = outs_.data() + thread * columns_;
  for (std::size_t first = keys.begin; first < keys.end; first += simd::kKeyBlock) {
    std::fill_n(sum, columns_, 0.0f);
    add({first, std::min(first + simd::kKeyBlock, keys.end)}, sum);
    for (std::size_t i = 0; i < columns_; ++i) to.wide_out[i] += double{sum[i]};
  }
}

void CacheAttention::look(std::size_t g, std::size_t row) noexcept {
  const std::size_t first = g * chunks_ * scores_.most_rows() + row;
  const std::size_t query = scores_.query_of(row);
  monitor_row({weights_of(g, row, 0, 0), references_.data() + first, moments_.data() + first, scores_.most_rows(),
               chunks_, scores_.shape().end(query)},
              monitor_, monitor_.out + (query * scores_.shape().heads + scores_.head_of(g, row)) * kMonitored);
}

CacheAttention::Total CacheAttention::total(std::size_t g, std::size_t row) noexcept {
  float highest = -simd::kInfinity;
  for (std::size_t c = 0; c < chunks_; ++c) highest = std::max(highest, *part(g, c, row).reference);
  Total total{double{highest}, 0.0};
  for (std::size_t c = 0; c < chunks_; ++c) {
    const Part from = part(g, c, row);
    // A chunk that the row does not see has the sum 0; one of NaN scores alone has no reference, and must be seen.
    if (*from.sum != 0.0) total.sum += total.factor(from) * *from.sum;
  }
  return total;
}

void CacheAttention::merge(std::size_t g, std::size_t row) noexcept {
  const AttentionShape& shape = scores_.shape();
  const Total all = total(g, row);
  std::fill_n(total_.data(), columns_, 0.0);
  for (std::size_t c = 0; c < chunks_; ++c) {
    const Part from = part(g, c, row);
    if (*from.sum == 0.0) continue;
    const double factor = all.factor(from);
    for (std::size_t i = 0; i < columns_; ++i)
      total_[i] += factor * (compensated() ? from.wide_out[i] : double{from.out[i]});
  }
  const std::size_t place = scores_.query_of(row) * shape.heads + scores_.head_of(g, row);
  const double factor = all.sum == 0.0 ? 0.0 : 1.0 / all.sum;
  float* const out = problem_.out + place * shape.value_dim;
  for (std::size_t i = 0; i < shape.value_dim; ++i) out[i] = static_cast<float>(total_[i] * factor);
  if (problem_.lse != nullptr)
    problem_.lse[place] =
        all.sum == 0.0 ? -std::numeric_limits<float>::infinity() : static_cast<float>(all.highest + std::log(all.sum));
}

// Rows that see nothing, or something that is not a number, give nothing.
void CacheAttention::share(std::size_t g, std::size_t row) noexcept {
  const Total all = total(g, row);
  const bool counts = all.sum > 0.0 && std::isfinite(all.sum);
  for (std::size_t c = 0; c < chunks_; ++c)
    shares_[(g * chunks_ + c) * scores_.most_rows() + row] = counts ? all.factor(part(g, c, row)) / all.sum : 0.0;
}

void CacheAttention::add_received(std::size_t g, std::size_t chunk) noexcept {
  const std::size_t keys = scores_.shape().keys, first = chunk * kDecodeChunk;
  double* const to = monitor_.received + g * keys + first;
  for (std::size_t r = 0; r < scores_.rows(); ++r) {
    const double share = shares_[(g * chunks_ + chunk) * scores_.most_rows() + r];
    if (share == 0.0 || *part(g, chunk, r).sum == 0.0) continue;
    const float* const weights = weights_of(g, r, chunk, 0);
    for (std::size_t j = 0; j < std::min(kDecodeChunk, keys - first); ++j) to[j] += share * double{weights[j]};
  }
}

}  // namespace heed
