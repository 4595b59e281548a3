#include "cache/decode_precise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace heed {
namespace {

constexpr double kHidden = -std::numeric_limits<double>::infinity();

// Row j of a cache without its scale, which is returned: no number of it is rounded.
double widen(simd::RowType type, const simd::CachedRows& rows, std::size_t j, std::size_t columns, float* to) noexcept {
  constexpr float kOne = 1.0f;
  simd::widen_rows(type, {rows.data + j * columns * simd::number_bytes(type), &kOne}, 1, columns, to);
  return rows.scales == nullptr ? 1.0 : double{rows.scales[j]};
}

// Four chains, one for each column modulo 4.
double product(const double* query, const float* key, std::size_t columns) noexcept {
  double sums[4] = {};
  for (std::size_t c = 0; c < columns; c += 4)
    for (std::size_t i = 0; i < 4; ++i) sums[i] += query[c + i] * double{key[c + i]};
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

struct PreciseCacheAttention::Part {
  double *out, *highest, *sum;
};

struct PreciseCacheAttention::Row {
  std::size_t query, head;
};

PreciseCacheAttention::PreciseCacheAttention(const KvCache& cache, const DecodeProblem& problem, TaskPool& pool)
    : cache_(cache),
      problem_(problem),
      pool_(pool),
      shape_(decode_shape(cache, problem)),
      status_(validate(cache, problem)),
      key_columns_(simd::row_columns(shape_.head_dim)),
      value_columns_(simd::row_columns(shape_.value_dim)) {
  if (!status_.ok()) return;
  chunks_ = (shape_.keys + kDecodeChunk - 1) / kDecodeChunk;
  const CheckedSize parts = checked_product({shape_.kv_heads, chunks_, most_rows()});
  const CheckedSize outs = checked_product({parts.value, value_columns_});
  const CheckedSize scaled = checked_product({shape_.kv_heads, most_rows(), key_columns_});
  const CheckedSize scores = checked_product({pool.threads(), most_rows(), kDecodeChunk});
  const CheckedSize tokens = checked_product({pool.threads(), std::max(key_columns_, value_columns_)});
  if (!parts.fits || !outs.fits || !scaled.fits || !scores.fits || !tokens.fits || !scaled_.resize(scaled.value) ||
      !outs_.resize(outs.value) || !highest_.resize(parts.value) || !sums_.resize(parts.value) ||
      !scores_.resize(scores.value) || !tokens_.resize(tokens.value))
    status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of the call");
}

PreciseCacheAttention::Part PreciseCacheAttention::part(std::size_t g, std::size_t chunk, std::size_t r) noexcept {
  const std::size_t at = (g * chunks_ + chunk) * most_rows() + r;
  return {outs_.data() + at * value_columns_, highest_.data() + at, sums_.data() + at};
}

PreciseCacheAttention::Row PreciseCacheAttention::row(std::size_t g, std::size_t r) const noexcept {
  return {queries_.begin + r / shape_.group(), g * shape_.group() + r % shape_.group()};
}

void PreciseCacheAttention::run(Range units) {
  for (std::size_t unit = units.begin; unit < units.end; ++unit) {
    start({unit * kDecodeQueries, std::min((unit + 1) * kDecodeQueries, problem_.queries)});
    pool_.run({0, shape_.kv_heads * chunks_},
              [this](std::size_t i, std::size_t thread) { run_chunk(i / chunks_, i % chunks_, thread); });
    pool_.run({0, shape_.kv_heads * rows()}, [this](std::size_t i, std::size_t) { merge(i / rows(), i % rows()); });
  }
}

void PreciseCacheAttention::start(Range queries) noexcept {
  queries_ = queries;
  for (std::size_t g = 0; g < shape_.kv_heads; ++g) {
    for (std::size_t r = 0; r < rows(); ++r) {
      const Row at = row(g, r);
      const float* const from = problem_.q + (at.query * shape_.heads + at.head) * shape_.head_dim;
      double* const to = scaled_.data() + (g * most_rows() + r) * key_columns_;
      for (std::size_t c = 0; c < shape_.head_dim; ++c) to[c] = problem_.scale * double{from[c]};
      std::fill(to + shape_.head_dim, to + key_columns_, 0.0);
    }
  }
}

void PreciseCacheAttention::run_chunk(std::size_t g, std::size_t chunk, std::size_t thread) noexcept {
  const Range tokens{chunk * kDecodeChunk, std::min((chunk + 1) * kDecodeChunk, shape_.keys)};
  double* const scores = scores_.data() + thread * most_rows() * kDecodeChunk;
  float* const token = tokens_.data() + thread * std::max(key_columns_, value_columns_);
  form_scores(g, tokens, scores, token);
  for (std::size_t r = 0; r < rows(); ++r) {
    const Part to = part(g, chunk, r);
    double* const weights = scores + r * kDecodeChunk;
    *to.highest = kHidden;
    for (std::size_t j = 0; j < tokens.size(); ++j) *to.highest = std::max(*to.highest, weights[j]);
    *to.sum = 0.0;
    for (std::size_t j = 0; j < tokens.size(); ++j) {
      weights[j] = weights[j] == kHidden ? 0.0 : std::exp(weights[j] - *to.highest);
      *to.sum += weights[j];
    }
  }
  add_values(g, chunk, tokens, scores, token);
}

// A token that no row of the block sees is not read.
void PreciseCacheAttention::form_scores(std::size_t g, Range tokens, double* scores, float* token) const noexcept {
  const simd::CachedRows keys = cache_.key_rows(problem_.layer, g, tokens);
  const double* const queries = scaled_.data() + g * most_rows() * key_columns_;
  for (std::size_t j = 0; j < tokens.size(); ++j) {
    const double scale = widen(cache_.shape().type, keys, j, key_columns_, token);
    for (std::size_t r = 0; r < rows(); ++r)
      scores[r * kDecodeChunk + j] =
          ruled(row(g, r), tokens.begin + j, scale * product(queries + r * key_columns_, token, key_columns_));
  }
}

// Softcap, mask, visibility, in this order.
double PreciseCacheAttention::ruled(const Row& at, std::size_t token, double score) const noexcept {
  const std::size_t end = shape_.end(at.query), from = shape_.from(at.query);
  if (token >= end || (token < from && token >= shape_.sinks)) return kHidden;
  if (problem_.softcap != 0.0) score = problem_.softcap * std::tanh(score / problem_.softcap);
  if (problem_.mask.empty()) return score;
  const std::size_t plane = problem_.mask.per_head ? at.head * shape_.queries : 0;
  const std::size_t place = (plane + at.query) * shape_.keys + token;
  if (problem_.mask.bias != nullptr) score += double{problem_.mask.bias[place]};
  return problem_.mask.allowed != nullptr && problem_.mask.allowed[place] == 0 ? kHidden : score;
}

// A weight of 0, which is what a hidden token has, adds nothing, whatever the value is.
void PreciseCacheAttention::add_values(std::size_t g, std::size_t chunk, Range tokens, const double* weights,
                                       float* token) noexcept {
  const simd::CachedRows values = cache_.value_rows(problem_.layer, g, tokens);
  for (std::size_t r = 0; r < rows(); ++r) std::fill_n(part(g, chunk, r).out, value_columns_, 0.0);
  for (std::size_t j = 0; j < tokens.size(); ++j) {
    const double scale = widen(cache_.shape().type, values, j, value_columns_, token);
    for (std::size_t r = 0; r < rows(); ++r) {
      const double weight = weights[r * kDecodeChunk + j];
      if (weight == 0.0) continue;
      double* const out = part(g, chunk, r).out;
      for (std::size_t c = 0; c < value_columns_; ++c) out[c] += weight * scale * double{token[c]};
    }
  }
}

void PreciseCacheAttention::merge(std::size_t g, std::size_t r) noexcept {
  const Row at = row(g, r);
  const std::size_t place = at.query * shape_.heads + at.head;
  float* const out = problem_.out + place * shape_.value_dim;
  std::fill_n(out, shape_.value_dim, 0.0f);
  double highest = kHidden, sum = 0.0;
  for (std::size_t c = 0; c < chunks_; ++c) highest = std::max(highest, *part(g, c, r).highest);
  double* total = nullptr;
  for (std::size_t c = 0; c < chunks_; ++c) {
    const Part from = part(g, c, r);
    // A chunk that the row does not see has the sum 0; one of NaN scores alone has no maximum, and must be seen.
    if (*from.sum == 0.0) continue;
    const double factor = *from.highest == kHidden ? 1.0 : std::exp(*from.highest - highest);
    sum += factor * *from.sum;
    for (std::size_t i = 0; i < shape_.value_dim; ++i)
      from.out[i] = factor * from.out[i] + (total == nullptr ? 0.0 : total[i]);
    total = from.out;
  }
  for (std::size_t i = 0; total != nullptr && i < shape_.value_dim; ++i) out[i] = static_cast<float>(total[i] / sum);
  if (problem_.lse != nullptr)
    problem_.lse[place] =
        total == nullptr ? -std::numeric_limits<float>::infinity() : static_cast<float>(highest + std::log(sum));
}

}  // namespace heed
