#include "cache/decode_scores.hpp"

#include <algorithm>
#include <cmath>

#include "simd/score_rules.hpp"
#include "simd/shadow_scores.hpp"

namespace heed {
namespace {

using simd::RowType;

void hide(float* scores, std::size_t count) noexcept { std::fill_n(scores, count, -simd::kInfinity); }

}  // namespace

DecodeScores::DecodeScores(const KvCache& cache, const DecodeProblem& problem) noexcept
    : cache_(cache),
      problem_(problem),
      shape_(decode_shape(cache, problem)),
      columns_(simd::row_columns(shape_.head_dim)) {}

bool DecodeScores::prepare(bool shadowed) noexcept {
  if (cache_.shape().type == RowType::kByte) largest_whole_ = simd::largest_whole(columns_);
  if (shadowed) largest_whole_ = std::min(simd::largest_whole(columns_), simd::kLargestShadowed);
  const std::size_t rows = shape_.kv_heads * most_rows();
  const CheckedSize numbers = checked_product({rows, columns_});
  const bool half = cache_.shape().type == RowType::kHalf;
  if (!numbers.fits || !packed_.resize(numbers.value) || !rests_.resize(half ? rows : 0)) return false;
  return largest_whole_ == 0 || (whole_.resize(numbers.value) && scales_.resize(rows));
}

void DecodeScores::start(Range queries) noexcept {
  queries_ = queries;
  const auto scale = static_cast<float>(problem_.scale);
  for (std::size_t g = 0; g < shape_.kv_heads; ++g) {
    for (std::size_t r = 0; r < rows(); ++r) {
      const std::size_t place = g * most_rows() + r;
      const float* from = problem_.q + (query_of(r) * shape_.heads + head_of(g, r)) * shape_.head_dim;
      float* to = packed_.data() + place * columns_;
      for (std::size_t c = 0; c < shape_.head_dim; ++c) to[c] = scale * from[c];
      std::fill(to + shape_.head_dim, to + columns_, 0.0f);
      if (largest_whole_ != 0)
        simd::kernel_round_query(to, columns_, largest_whole_, whole_.data() + place * columns_,
                                 scales_.data() + place);
      if (rests_.size() == 0) continue;
      float largest = 0.0f;
      for (std::size_t c = 0; c < shape_.head_dim; ++c) largest = std::max(largest, std::abs(to[c]));
      const bool rooted = largest < simd::kLargestRooted;
      rests_[place] = rooted ? simd::kHalfRest : simd::kHalfRoot * simd::kHalfRest;
      for (std::size_t c = 0; rooted && c < shape_.head_dim; ++c) to[c] *= simd::kHalfRoot;
    }
  }
}

bool DecodeScores::any_see(Range keys) const noexcept {
  const std::size_t last = queries_.end - 1;
  return keys.begin < shape_.end(last) && (keys.end > shape_.from(queries_.begin) || keys.begin < shape_.sinks);
}

simd::RowQueries DecodeScores::packed(std::size_t g) const noexcept {
  const std::size_t place = g * most_rows();
  const bool bytes = largest_whole_ != 0;
  return {packed_.data() + place * columns_, bytes ? whole_.data() + place * columns_ : nullptr,
          bytes ? scales_.data() + place : nullptr, rows(), rests_.size() == 0 ? nullptr : rests_.data() + place};
}

double DecodeScores::root(std::size_t g, std::size_t row) const noexcept {
  return rests_.size() == 0 ? 1.0 : 0x1p112 / double{rests_[g * most_rows() + row]};
}

QueryNorms DecodeScores::norms(std::size_t g, std::size_t row) const noexcept {
  const simd::RowQueries query = packed(g).from(row, columns_);
  const double of_floats = root(g, row);
  double norm = 0.0, off = 0.0;
  for (std::size_t c = 0; c < shape_.head_dim; ++c) {
    const double q = double{query.floats[c]} / of_floats;
    norm += q * q;
    if (query.whole == nullptr) continue;
    const double rest = q - double{*query.scales} * static_cast<double>(query.whole[c]);
    off += rest * rest;
  }
  return {std::sqrt(norm), std::sqrt(off)};
}

void DecodeScores::form(std::size_t g, Range keys, float* scores, std::size_t stride, float* products) const noexcept {
  simd::kernel_row_scores(cache_.shape().type, packed(g), cache_.key_rows(problem_.layer, g, keys), keys.size(),
                          columns_, scores, stride);
  for (std::size_t r = 0; r < rows(); ++r) {
    if (products != nullptr) std::copy_n(scores + r * stride, keys.size(), products + r * stride);
    apply_rules(g, r, keys, scores + r * stride);
  }
}

void DecodeScores::form_row(std::size_t g, std::size_t row, Range keys, float* scores) const noexcept {
  simd::RowQueries query = packed(g).from(row, columns_);
  query.count = 1;
  simd::kernel_row_scores(cache_.shape().type, query, cache_.key_rows(problem_.layer, g, keys), keys.size(), columns_,
                          scores, keys.size());
}

// Softcap, mask, visibility, in this order.
void DecodeScores::apply_rules(std::size_t g, std::size_t row, Range keys, float* scores) const noexcept {
  const std::size_t count = keys.size(), i = query_of(row);
  if (problem_.softcap != 0.0) {
    const std::size_t panels = (count + simd::kPanel - 1) / simd::kPanel;
    simd::kernel_softcap(scores, panels, static_cast<float>(problem_.softcap));
  }
  const std::size_t masked = mask_row(g, row) + keys.begin;
  if (problem_.mask.bias != nullptr)
    for (std::size_t j = 0; j < count; ++j) scores[j] += problem_.mask.bias[masked + j];
  if (problem_.mask.allowed != nullptr)
    for (std::size_t j = 0; j < count; ++j)
      if (problem_.mask.allowed[masked + j] == 0) scores[j] = -simd::kInfinity;
  const std::size_t end = std::clamp(shape_.end(i), keys.begin, keys.end) - keys.begin;
  hide(scores + end, count - end);
  const std::size_t from = shape_.from(i), sinks = std::min(shape_.sinks, from);
  const std::size_t first_hidden = std::clamp(sinks, keys.begin, keys.end) - keys.begin;
  const std::size_t first_seen = std::clamp(from, keys.begin, keys.end) - keys.begin;
  if (first_seen > first_hidden) hide(scores + first_hidden, first_seen - first_hidden);
}

void DecodeScores::form_listed(std::size_t g, std::size_t row, const std::uint32_t* list, std::size_t count,
                               float* scores) const noexcept {
  constexpr std::size_t kTogether = 256;
  const simd::RowQueries query = packed(g).from(row, columns_);
  const std::size_t row_bytes = columns_ * simd::number_bytes(cache_.shape().type);
  while (count > 0) {
    const std::byte* rows[kTogether];
    float scales[kTogether];
    simd::ListedRows listed{rows, scales};
    const std::size_t size = std::min(count, kTogether);
    for (std::size_t i = 0; i < size;) {
      const std::size_t page = list[i] / kPageTokens, first = page * kPageTokens;
      const simd::CachedRows from =
          cache_.key_rows(problem_.layer, g, {first, std::min(first + kPageTokens, shape_.keys)});
      listed.finite = listed.finite && from.finite;
      for (; i < size && list[i] / kPageTokens == page; ++i) {
        rows[i] = from.data + (list[i] - first) * row_bytes;
        if (from.scales != nullptr) scales[i] = from.scales[list[i] - first];
      }
    }
    simd::kernel_listed_scores(cache_.shape().type, query, listed, size, columns_, scores);
    apply_rules(g, row, list, size, scores);
    list += size, scores += size, count -= size;
  }
}

void DecodeScores::apply_rules(std::size_t g, std::size_t row, const std::uint32_t* list, std::size_t count,
                               float* scores) const noexcept {
  const std::size_t i = query_of(row), masked = mask_row(g, row);
  if (problem_.softcap != 0.0) {
    // The kernel works on whole panels.
    for (std::size_t at = 0; at < count; at += simd::kPanel) {
      alignas(64) float panel[simd::kPanel] = {};
      const std::size_t size = std::min(simd::kPanel, count - at);
      std::copy_n(scores + at, size, panel);
      simd::kernel_softcap(panel, 1, static_cast<float>(problem_.softcap));
      std::copy_n(panel, size, scores + at);
    }
  }
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t j = list[k];
    if (problem_.mask.bias != nullptr) scores[k] += problem_.mask.bias[masked + j];
    const bool allowed = problem_.mask.allowed == nullptr || problem_.mask.allowed[masked + j] != 0;
    const bool seen = j < shape_.end(i) && (j >= shape_.from(i) || j < shape_.sinks);
    if (!allowed || !seen) scores[k] = -simd::kInfinity;
  }
}

}  // namespace heed
