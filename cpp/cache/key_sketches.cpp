#include "cache/key_sketches.hpp"

#include <algorithm>

#include "base/random.hpp"
#include "cache/kv_cache.hpp"
#include "simd/row_scores.hpp"

namespace heed {
namespace {

constexpr std::uint64_t kSeed = 0x6b657973;

}  // namespace

KeySketches::KeySketches(const CacheShape& shape) noexcept
    : Companion(shape, 1), dim_(shape.head_dim), columns_(simd::row_columns(shape.head_dim)) {
  set_head_bytes(page_tokens() * sizeof(Sketch));
}

bool KeySketches::make_vectors() noexcept {
  if (offsets_.size() != 0) return true;
  if (!vectors_.resize(kBits * columns_) || !offsets_.resize(layers() * heads() * kBits)) return false;
  std::fill_n(vectors_.data(), vectors_.size(), 0.0f);
  const CounterRandom random(kSeed, 0);
  for (std::size_t bit = 0; bit < kBits; ++bit) random.fill_normal(bit * dim_, dim_, vectors_.data() + bit * columns_);
  return true;
}

bool KeySketches::update(const KvCache& cache, std::size_t layer, TaskPool& pool) noexcept {
  const std::size_t end = cache.length(layer);
  if (end < kCenterTokens) return true;
  Buffer<float> rows;
  if (!make_vectors() || !rows.resize(std::max(pool.threads(), heads()) * columns_)) return false;
  std::fill_n(rows.data(), rows.size(), 0.0f);
  if (length(layer) == 0)
    pool.run({0, heads()},
             [&](std::size_t g, std::size_t) { find_center(cache, layer, g, rows.data() + g * columns_); });
  return extend(layer, end, pool, [&](std::size_t page, std::size_t g, Range tokens, std::size_t thread) {
    float* const row = rows.data() + thread * columns_;
    auto* const to = reinterpret_cast<Sketch*>(records(layer, page, g));
    for (std::size_t t = tokens.begin; t < tokens.end; ++t) {
      cache.read(layer, g, page * kShadowTokens + t, row, nullptr);
      to[t] = signs(row, offsets(layer, g));
    }
  });
}

void KeySketches::find_center(const KvCache& cache, std::size_t layer, std::size_t g, float* row) noexcept {
  float* const to = offsets(layer, g);
  std::fill_n(to, kBits, 0.0f);
  // The mean of products is the product of the mean.
  for (std::size_t t = 0; t < kCenterTokens; ++t) {
    alignas(64) float products[kBits];
    cache.read(layer, g, t, row, nullptr);
    simd::kernel_row_scores(simd::RowType::kFloat, {row, nullptr, nullptr, 1},
                            {reinterpret_cast<const std::byte*>(vectors_.data())}, kBits, columns_, products, kBits);
    for (std::size_t bit = 0; bit < kBits; ++bit) to[bit] += products[bit] / static_cast<float>(kCenterTokens);
  }
}

KeySketches::Sketch KeySketches::signs(const float* vector, const float* offsets) const noexcept {
  alignas(64) float products[kBits];
  simd::kernel_row_scores(simd::RowType::kFloat, {vector, nullptr, nullptr, 1},
                          {reinterpret_cast<const std::byte*>(vectors_.data())}, kBits, columns_, products, kBits);
  Sketch sketch{};
  for (std::size_t bit = 0; bit < kBits; ++bit) {
    const bool set = products[bit] > (offsets == nullptr ? 0.0f : offsets[bit]);
    sketch.words[bit / 64] |= std::uint64_t{set ? 1u : 0u} << bit % 64;
  }
  return sketch;
}

KeySketches::Sketch KeySketches::of_query(const float* query) const noexcept { return signs(query, nullptr); }

void KeySketches::rewind(std::size_t layer, std::size_t length) noexcept {
  // Below that the center is no longer that of the tokens there are.
  Companion::rewind(layer, length < kCenterTokens ? 0 : length);
}

bool KeySketches::share(const KeySketches& other) noexcept {
  if (other.offsets_.size() == 0) return true;
  if (!make_vectors()) return false;
  std::copy_n(other.offsets_.data(), offsets_.size(), offsets_.data());
  return Companion::share(other);
}

const KeySketches::Sketch* KeySketches::sketches(std::size_t layer, std::size_t token, std::size_t g) const noexcept {
  return reinterpret_cast<const Sketch*>(records(layer, token / kShadowTokens, g));
}

}  // namespace heed
