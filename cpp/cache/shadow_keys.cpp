#include "cache/shadow_keys.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cache/kv_cache.hpp"
#include "sparse/dropped_mass.hpp"

namespace heed {
namespace {

using simd::kScreenGroup;

float rounded_up(double x) noexcept { return std::nextafter(static_cast<float>(x), simd::kInfinity); }

}  // namespace

ShadowKeys::ShadowKeys(const CacheShape& shape) noexcept
    : Companion(shape, kScreenGroup),
      row_bytes_(simd::row_columns(shape.head_dim)),
      scales_at_(round_up(page_tokens() * row_bytes_, kAlignment)),
      sums_at_(scales_at_ + page_tokens() * sizeof(float)),
      norms_at_(sums_at_ + page_tokens() * sizeof(std::int32_t)) {
  set_head_bytes(norms_at_ + page_tokens() / kScreenGroup * sizeof(Norms));
}

bool ShadowKeys::update(const KvCache& cache, std::size_t layer, TaskPool& pool) noexcept {
  return extend(layer, cache.length(layer), pool, [&](std::size_t page, std::size_t g, Range tokens, std::size_t) {
    store(cache, layer, page, g, tokens);
  });
}

void ShadowKeys::store(const KvCache& cache, std::size_t layer, std::size_t page, std::size_t g,
                       Range tokens) noexcept {
  std::byte* const base = records(layer, page, g);
  auto* const bytes = reinterpret_cast<std::int8_t*>(base);
  auto* const scales = reinterpret_cast<float*>(base + scales_at_);
  auto* const sums = reinterpret_cast<std::int32_t*>(base + sums_at_);
  auto* const norms = reinterpret_cast<Norms*>(base + norms_at_);
  // Half floats are read piece by piece, so that a row of any size needs no memory.
  for (std::size_t t = tokens.begin; t < tokens.end; ++t) {
    const std::size_t token = page * kShadowTokens + t;
    double error = 0.0, norm = 0.0;
    scales[t] = simd::kernel_store_bytes(cache.key_rows(layer, g, {token, token + 1}), cache.shape().type, row_bytes_,
                                         bytes + t * row_bytes_, &error, &norm);
    sums[t] = std::accumulate(bytes + t * row_bytes_, bytes + (t + 1) * row_bytes_, std::int32_t{0});
    Norms& group = norms[t / kScreenGroup];
    const Norms own{rounded_up(error), rounded_up(norm)};
    // NaN stays: a group with one is never left out.
    const auto larger = [](float a, float b) { return a > b || std::isnan(a) ? a : b; };
    group = t % kScreenGroup == 0 ? own : Norms{larger(group.error, own.error), larger(group.key, own.key)};
  }
}

simd::CachedRows ShadowKeys::rows(std::size_t layer, std::size_t token, std::size_t g) const noexcept {
  const std::byte* const base = records(layer, token / kShadowTokens, g);
  const std::size_t at = token % kShadowTokens;
  return {base + at * row_bytes_, reinterpret_cast<const float*>(base + scales_at_) + at};
}

const std::int32_t* ShadowKeys::sums(std::size_t layer, std::size_t token, std::size_t g) const noexcept {
  const std::byte* const base = records(layer, token / kShadowTokens, g);
  return reinterpret_cast<const std::int32_t*>(base + sums_at_) + token % kShadowTokens;
}

const ShadowKeys::Norms* ShadowKeys::norms(std::size_t layer, std::size_t token, std::size_t g) const noexcept {
  const std::byte* const base = records(layer, token / kShadowTokens, g);
  return reinterpret_cast<const Norms*>(base + norms_at_) + token % kShadowTokens / kScreenGroup;
}

}  // namespace heed
