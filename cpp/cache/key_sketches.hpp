// Sketches of keys: the signs of the products with 128 random Gaussian vectors, 16 bytes a key and head. Approximate.
//
// Two vectors at an angle theta differ in a sign with probability theta / pi (SimHash), so the number of bits in which
// the sketches of a query and of a key differ ranks keys by their angle, off by at most 6 bits (one standard
// deviation). Looking at all sketches reads a sixteenth of what keys of 64 floats take, and needs no buckets, so that a
// token is added, taken back and shared like any other record. Beside the buckets of retrieve/hashes.hpp, which look at
// fewer keys but in no order, this ranks; a bucket of 8 bits at 65536 tokens holds 256 of them in no order.
//
// Keys are centered at the mean of the layer's first kCenterTokens, because keys of trained models have a common part
// that no score's rank depends on. With fewer tokens there are no sketches, and nothing to gain from them. The vectors
// are those of a fixed seed.
//
// Cost: 128 products of d numbers for a token that is added.
#pragma once

#include "base/buffer.hpp"
#include "cache/companion.hpp"

namespace heed {

class KeySketches : public Companion {
 public:
  static constexpr std::size_t kBits = 128;
  static constexpr std::size_t kCenterTokens = 1024;
  struct Sketch {
    std::uint64_t words[kBits / 64];
  };

  explicit KeySketches(const CacheShape& shape) noexcept;

  /// Includes tokens [0, length) of the layer, if they are enough. False, and what was there is still there, without
  /// memory.
  [[nodiscard]] bool update(const KvCache& cache, std::size_t layer, TaskPool& pool) noexcept;
  void rewind(std::size_t layer, std::size_t length) noexcept;
  [[nodiscard]] bool share(const KeySketches& other) noexcept;

  /// Of head g, from a token on that begins a page of sketches.
  const Sketch* sketches(std::size_t layer, std::size_t token, std::size_t g) const noexcept;
  /// Of a query, `columns` floats padded as the cache's rows.
  Sketch of_query(const float* query) const noexcept;

 private:
  [[nodiscard]] bool make_vectors() noexcept;
  Sketch signs(const float* vector, const float* offsets) const noexcept;
  void find_center(const KvCache& cache, std::size_t layer, std::size_t g, float* row) noexcept;
  float* offsets(std::size_t layer, std::size_t g) noexcept { return offsets_.data() + (layer * heads() + g) * kBits; }

  std::size_t dim_, columns_;
  Buffer<float> vectors_;  // (kBits, columns)
  Buffer<float> offsets_;  // (layers, heads, kBits): <center, vector>
};

}  // namespace heed
