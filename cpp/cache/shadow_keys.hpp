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
// own copy and needs none. Memory: d + 8 bytes a token and head, a seventh of a cache of floats.
#pragma once

#include "cache/companion.hpp"
#include "simd/row_candidates.hpp"

namespace heed {

class ShadowKeys : public Companion {
 public:
  explicit ShadowKeys(const CacheShape& shape) noexcept;

  /// Includes tokens [0, length) of the layer. False, and what was there is still there, without memory.
  [[nodiscard]] bool update(const KvCache& cache, std::size_t layer, TaskPool& pool) noexcept;

  /// Keys of head g as bytes, from a token on, which begins a page of the cache.
  simd::CachedRows rows(std::size_t layer, std::size_t token, std::size_t g) const noexcept;
  /// The sums of those bytes, row by row.
  const std::int32_t* sums(std::size_t layer, std::size_t token, std::size_t g) const noexcept;
  /// Largest norm of k - k~, and of k, of one group.
  struct Norms {
    float error, key;
  };
  const Norms* norms(std::size_t layer, std::size_t token, std::size_t g) const noexcept;

 private:
  void store(const KvCache& cache, std::size_t layer, std::size_t page, std::size_t g, Range tokens) noexcept;

  std::size_t row_bytes_, scales_at_, sums_at_, norms_at_;
};

}  // namespace heed
