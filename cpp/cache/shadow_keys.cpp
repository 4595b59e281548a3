#include "cache/shadow_keys.hpp"

#include <algorithm>
#include <cmath>
#include <new>

#include "cache/kv_cache.hpp"
#include "sparse/dropped_mass.hpp"

namespace heed {
namespace {

using simd::kScreenGroup;

float rounded_up(double x) noexcept { return std::nextafter(static_cast<float>(x), simd::kInfinity); }

}  // namespace

ShadowKeys::ShadowKeys(const CacheShape& shape) noexcept
    : count_(shape.layers),
      heads_(shape.kv_heads),
      row_bytes_(simd::row_columns(shape.head_dim)),
      tokens_(shape.capacity < kShadowTokens ? round_up(shape.capacity, kScreenGroup) : kShadowTokens),
      scales_at_(round_up(tokens_ * row_bytes_, kAlignment)),
      norms_at_(scales_at_ + tokens_ * sizeof(float)),
      head_bytes_(round_up(norms_at_ + tokens_ / kScreenGroup * sizeof(Norms), kAlignment)) {}

bool ShadowKeys::prepare() noexcept {
  if (layers_ != nullptr) return true;
  layers_.reset(new (std::nothrow) Layer[count_]);
  if (layers_ == nullptr) return false;
  for (std::size_t i = 0; i < count_; ++i) layers_[i].table = PageTable(heads_ * head_bytes_);
  return true;
}

bool ShadowKeys::update(const KvCache& cache, std::size_t layer, TaskPool& pool) noexcept {
  if (!prepare()) return false;
  Layer& at = layers_[layer];
  const std::size_t end = cache.length(layer), first = at.length / kShadowTokens, before = at.table.size();
  if (at.length == end) return true;
  if (!at.table.grow((end + kShadowTokens - 1) / kShadowTokens)) return false;
  if (first < before && !at.table.own(first)) {
    at.table.shrink(before);
    return false;
  }
  pool.run({first * heads_, at.table.size() * heads_}, [&](std::size_t unit, std::size_t) {
    const std::size_t page = unit / heads_, start = page * kShadowTokens;
    store(cache, layer, page, unit % heads_,
          {std::max(at.length, start) - start, std::min(end - start, kShadowTokens)});
  });
  at.length = end;
  return true;
}

void ShadowKeys::store(const KvCache& cache, std::size_t layer, std::size_t page, std::size_t g,
                       Range tokens) noexcept {
  std::byte* const base = layers_[layer].table.page(page) + head(g);
  auto* const bytes = reinterpret_cast<std::int8_t*>(base);
  auto* const scales = reinterpret_cast<float*>(base + scales_at_);
  auto* const norms = reinterpret_cast<Norms*>(base + norms_at_);
  // Half floats are read piece by piece, so that a row of any size needs no memory.
  for (std::size_t t = tokens.begin; t < tokens.end; ++t) {
    const std::size_t token = page * kShadowTokens + t;
    double error = 0.0, norm = 0.0;
    scales[t] = simd::kernel_store_bytes(cache.key_rows(layer, g, {token, token + 1}), cache.shape().type, row_bytes_,
                                         bytes + t * row_bytes_, &error, &norm);
    Norms& group = norms[t / kScreenGroup];
    const Norms own{rounded_up(error), rounded_up(norm)};
    // NaN stays: a group with one is never left out.
    const auto larger = [](float a, float b) { return a > b || std::isnan(a) ? a : b; };
    group = t % kScreenGroup == 0 ? own : Norms{larger(group.error, own.error), larger(group.key, own.key)};
  }
}

void ShadowKeys::rewind(std::size_t layer, std::size_t length) noexcept {
  if (layers_ == nullptr || length >= layers_[layer].length) return;
  // The norms of a group are those of all its tokens: it begins anew.
  Layer& at = layers_[layer];
  at.length = length / kScreenGroup * kScreenGroup;
  at.table.shrink((at.length + kShadowTokens - 1) / kShadowTokens);
}

bool ShadowKeys::share(const ShadowKeys& other) noexcept {
  if (other.layers_ == nullptr) return true;
  if (!prepare()) return false;
  for (std::size_t i = 0; i < count_; ++i) {
    if (!layers_[i].table.share(other.layers_[i].table, other.layers_[i].table.size())) return false;
    layers_[i].length = other.layers_[i].length;
  }
  return true;
}

std::size_t ShadowKeys::bytes() const noexcept {
  std::size_t total = 0;
  for (std::size_t i = 0; layers_ != nullptr && i < count_; ++i) total += layers_[i].table.bytes();
  return total;
}

simd::CachedRows ShadowKeys::rows(std::size_t layer, std::size_t token, std::size_t g) const noexcept {
  const PageTable& table = layers_[layer].table;
  const std::byte* const base = table.page(token / kShadowTokens) + head(g);
  const std::size_t at = token % kShadowTokens;
  return {base + at * row_bytes_, reinterpret_cast<const float*>(base + scales_at_) + at};
}

const ShadowKeys::Norms* ShadowKeys::norms(std::size_t layer, std::size_t token, std::size_t g) const noexcept {
  const PageTable& table = layers_[layer].table;
  const std::byte* const base = table.page(token / kShadowTokens) + head(g);
  return reinterpret_cast<const Norms*>(base + norms_at_) + token % kShadowTokens / kScreenGroup;
}

}  // namespace heed
