// A second, smaller copy of the keys for searching: bytes with a scale per key, and how far they are from the keys.
//
// With k~ the key that the bytes stand for, a group of kScreenGroup tokens keeps the largest ||k - k~|| and ||k||. For
// a scaled query q, rounded to q~ (row_scores.hpp), the score s of the cache and the score s~ of the bytes differ by at
// most
//
//   |s - s~| <= ||q|| max ||k - k~|| + ||q - q~|| max ||k~|| + (gamma_(d+2) + 4 u) ||q|| max ||k||
//
// the last term for the roundings of the two. So what a screening leaves out is known to be worse (DERIVED).
//
// The copy is brought up to date when a search needs it, and rewinds and forks with the cache. A cache of bytes is its
// own copy and needs none. Memory: d + 4 bytes a token and head, an eighth of a cache of floats.
#pragma once

#include <memory>

#include "base/status.hpp"
#include "base/view.hpp"
#include "cache/page_layout.hpp"
#include "cache/page_table.hpp"
#include "parallel/task_pool.hpp"
#include "simd/row_candidates.hpp"

namespace heed {

class KvCache;

/// Rows are shorter than the cache's, and their streams as long.
inline constexpr std::size_t kShadowTokens = 4 * kPageTokens;

class ShadowKeys {
 public:
  explicit ShadowKeys(const CacheShape& shape) noexcept;

  /// Includes tokens [0, length) of the layer. False, and what was there is still there, without memory.
  [[nodiscard]] bool update(const KvCache& cache, std::size_t layer, TaskPool& pool) noexcept;
  void rewind(std::size_t layer, std::size_t length) noexcept;
  [[nodiscard]] bool share(const ShadowKeys& other) noexcept;
  std::size_t bytes() const noexcept;

  /// Keys of head g as bytes, from a token on, which begins a page of the cache.
  simd::CachedRows rows(std::size_t layer, std::size_t token, std::size_t g) const noexcept;
  /// Largest norm of k - k~, and of k, of one group.
  struct Norms {
    float error, key;
  };
  const Norms* norms(std::size_t layer, std::size_t token, std::size_t g) const noexcept;

 private:
  struct Layer {
    PageTable table;
    std::size_t length = 0;
  };
  [[nodiscard]] bool prepare() noexcept;
  std::size_t head(std::size_t g) const noexcept { return g * head_bytes_; }
  void store(const KvCache& cache, std::size_t layer, std::size_t page, std::size_t g, Range tokens) noexcept;

  std::size_t count_, heads_, row_bytes_, tokens_, scales_at_, norms_at_, head_bytes_;
  std::unique_ptr<Layer[]> layers_;  // null until the first update
};

}  // namespace heed
