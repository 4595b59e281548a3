#include "cache/page_boxes.hpp"

#include <algorithm>
#include <cmath>

#include "cache/kv_cache.hpp"

namespace heed {

PageBoxes::PageBoxes(const CacheShape& shape) noexcept
    : Companion(shape, kBoxTokens), columns_(simd::row_columns(shape.head_dim)) {
  // The kernel of scores reads whole vectors of rows.
  const std::size_t boxes = round_up(page_tokens() / kBoxTokens, simd::kLanes);
  norms_at_ = boxes * row_columns() * sizeof(float);
  means_at_ = norms_at_ + boxes * sizeof(float);
  radii_at_ = means_at_ + boxes * columns_ * sizeof(float);
  set_head_bytes(radii_at_ + boxes * sizeof(float));
}

bool PageBoxes::update(const KvCache& cache, std::size_t layer, TaskPool& pool) noexcept {
  return extend(layer, cache.length(layer), pool, [&](std::size_t page, std::size_t g, Range tokens, std::size_t) {
    add(cache, layer, page, g, tokens);
  });
}

void PageBoxes::add(const KvCache& cache, std::size_t layer, std::size_t page, std::size_t g, Range tokens) noexcept {
  std::byte* const base = records(layer, page, g);
  const simd::RowType type = cache.shape().type;
  for (std::size_t t = tokens.begin; t < tokens.end; ++t) {
    const std::size_t token = page * kShadowTokens + t;
    const simd::CachedRows row = cache.key_rows(layer, g, {token, token + 1});
    float* const largest = reinterpret_cast<float*>(base) + t / kBoxTokens * row_columns();
    float* const least = largest + columns_;
    float* const norm = reinterpret_cast<float*>(base + norms_at_) + t / kBoxTokens;
    const bool first = t % kBoxTokens == 0;
    const bool spoiled = !first && std::isinf(*norm);
    double squares = 0.0;
    float step[simd::kRowStep], check = 0.0f;
    for (std::size_t c = 0; c < columns_; c += simd::kRowStep) {
      simd::widen_rows(type, {row.data + c * simd::number_bytes(type), row.scales}, 1, simd::kRowStep, step);
      for (std::size_t i = 0; i < simd::kRowStep; ++i) {
        const float x = step[i];
        check += x - x;
        largest[c + i] = first ? x : std::max(largest[c + i], x);
        least[c + i] = first ? x : std::min(least[c + i], x);
        const double size = std::max(std::abs(double{largest[c + i]}), std::abs(double{least[c + i]}));
        squares += size * size;
      }
    }
    const bool finite = !spoiled && check == 0.0f;
    *norm = finite ? std::nextafter(static_cast<float>(std::sqrt(squares)), simd::kInfinity) : simd::kInfinity;
    if (t % kBoxTokens == kBoxTokens - 1) add_ball(cache, layer, page, g, t / kBoxTokens);
  }
}

void PageBoxes::add_ball(const KvCache& cache, std::size_t layer, std::size_t page, std::size_t g,
                         std::size_t box) noexcept {
  std::byte* const base = records(layer, page, g);
  float* const mean = reinterpret_cast<float*>(base + means_at_) + box * columns_;
  float* const radius = reinterpret_cast<float*>(base + radii_at_) + box;
  const std::size_t first = page * kShadowTokens + box * kBoxTokens;
  const simd::RowType type = cache.shape().type;
  const simd::CachedRows keys = cache.key_rows(layer, g, {first, first + kBoxTokens});
  double squares[kBoxTokens] = {};
  for (std::size_t c = 0; c < columns_; c += simd::kRowStep) {
    float steps[kBoxTokens][simd::kRowStep];
    for (std::size_t j = 0; j < kBoxTokens; ++j)
      simd::widen_rows(type,
                       {keys.data + (j * columns_ + c) * simd::number_bytes(type),
                        keys.scales == nullptr ? nullptr : keys.scales + j},
                       1, simd::kRowStep, steps[j]);
    for (std::size_t i = 0; i < simd::kRowStep; ++i) {
      double sum = 0.0;
      for (const auto& step : steps) sum += double{step[i]};
      mean[c + i] = static_cast<float>(sum / static_cast<double>(kBoxTokens));
      for (std::size_t j = 0; j < kBoxTokens; ++j) {
        const double off = double{steps[j][i]} - double{mean[c + i]};
        squares[j] += off * off;
      }
    }
  }
  const double largest = *std::max_element(squares, squares + kBoxTokens);
  // Of numbers that are not finite it is not looked at.
  *radius = std::nextafter(static_cast<float>(std::sqrt(largest)), simd::kInfinity);
}

simd::CachedRows PageBoxes::rows(std::size_t layer, std::size_t token, std::size_t g) const noexcept {
  return {records(layer, token / kShadowTokens, g), nullptr};
}

simd::CachedRows PageBoxes::means(std::size_t layer, std::size_t token, std::size_t g) const noexcept {
  return {records(layer, token / kShadowTokens, g) + means_at_, nullptr};
}

const float* PageBoxes::radii(std::size_t layer, std::size_t token, std::size_t g) const noexcept {
  return reinterpret_cast<const float*>(records(layer, token / kShadowTokens, g) + radii_at_);
}

const float* PageBoxes::norms(std::size_t layer, std::size_t token, std::size_t g) const noexcept {
  return reinterpret_cast<const float*>(records(layer, token / kShadowTokens, g) + norms_at_);
}

}  // namespace heed
