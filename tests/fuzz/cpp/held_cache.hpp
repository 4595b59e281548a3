// A cache beside a plain model of it: what every head of every layer holds, token by token, as it can be read.
#pragma once

#include <memory>

#include "base/half.hpp"
#include "cache/saved_cache.hpp"
#include "searches.hpp"

namespace heed::fuzz {

/// Key and value, one behind the other.
using Token = std::vector<float>;

inline Token token_of(const KvCache& cache, std::size_t layer, std::size_t g, std::size_t t) {
  Token token(cache.shape().head_dim + cache.shape().value_dim);
  cache.read(layer, g, t, token.data(), token.data() + cache.shape().head_dim);
  return token;
}

inline bool same(const Token& a, const Token& b) { return bool{test::same_bits(a, b)}; }

inline std::vector<std::byte> saved(const KvCache& cache) {
  std::vector<std::byte> bytes(saved_bytes(cache));
  save_cache(cache, bytes.data());
  return bytes;
}

struct HeldCache {
  KvCache cache;
  std::vector<std::vector<std::vector<Token>>> tokens;  // layer, head, token
  std::vector<std::vector<double>> sums;                // of layer 0, head by head: what its tokens received

  explicit HeldCache(const CacheShape& shape)
      : cache(shape), tokens(shape.layers, std::vector<std::vector<Token>>(shape.kv_heads)), sums(shape.kv_heads) {}

  /// A head's sums, as many as there are tokens.
  std::vector<double>& sums_of(std::size_t g) {
    sums[g].resize(cache.length(0), 0.0);
    return sums[g];
  }

  /// Takes the model from the cache, where another check has shown that it holds what it should.
  void read_again() {
    const CacheShape& s = cache.shape();
    for (std::size_t layer = 0; layer < s.layers; ++layer)
      for (std::size_t g = 0; g < s.kv_heads; ++g) {
        std::vector<Token>& all = tokens[layer][g];
        all.resize(cache.length(layer));
        for (std::size_t t = 0; t < all.size(); ++t) all[t] = token_of(cache, layer, g, t);
      }
    for (std::size_t g = 0; g < s.kv_heads; ++g)
      for (std::size_t t = 0; t < cache.length(0); ++t) sums_of(g)[t] = cache.recorded().sum(0, g, t);
  }

  void expect_unchanged() const {
    const CacheShape& s = cache.shape();
    for (std::size_t layer = 0; layer < s.layers; ++layer)
      for (std::size_t g = 0; g < s.kv_heads; ++g) {
        const std::vector<Token>& all = tokens[layer][g];
        ASSERT_EQ(cache.length(layer), all.size());
        for (std::size_t t = 0; t < all.size(); ++t)
          ASSERT_TRUE(same(token_of(cache, layer, g, t), all[t])) << "layer " << layer << ", token " << t;
      }
    for (std::size_t g = 0; g < s.kv_heads; ++g)
      for (std::size_t t = 0; t < cache.length(0); ++t)
        ASSERT_EQ(cache.recorded().sum(0, g, t), t < sums[g].size() ? sums[g][t] : 0.0) << "token " << t;
  }

  /// What was appended is what the type makes of it.
  void expect_appended(std::size_t layer, std::size_t first, const std::vector<float>& keys,
                       const std::vector<float>& values) const {
    const CacheShape& s = cache.shape();
    const std::size_t count = cache.length(layer) - first;
    for (std::size_t t = 0; t < count; ++t)
      for (std::size_t g = 0; g < s.kv_heads; ++g) {
        const Token read = token_of(cache, layer, g, first + t);
        expect_stored(keys.data() + (t * s.kv_heads + g) * s.head_dim, s.head_dim, read.data());
        expect_stored(values.data() + (t * s.kv_heads + g) * s.value_dim, s.value_dim, read.data() + s.head_dim);
      }
  }

 private:
  void expect_stored(const float* given, std::size_t size, const float* read) const {
    const simd::RowType type = cache.shape().type;
    float largest = 0.0f;
    for (std::size_t c = 0; c < size; ++c) {
      if (type == simd::RowType::kByte && !std::isfinite(given[c])) return;
      largest = std::max(largest, std::abs(given[c]));
    }
    for (std::size_t c = 0; c < size; ++c) {
      if (type == simd::RowType::kByte) {
        // Half a step of the row's scale; below the smallest normal scale a step is one denormal.
        ASSERT_NEAR(read[c], given[c], largest / 127.0f * 0.50001f + 1e-37f);
        continue;
      }
      const float stored = type == simd::RowType::kHalf ? widen_half(narrow_half(given[c])) : given[c];
      ASSERT_TRUE(test::same_bits(&stored, &read[c], 1)) << given[c] << " is read as " << read[c];
    }
  }
};

}  // namespace heed::fuzz
