// The retriever "lsh": SimHash tables over centered keys (key_center.hpp). Approximate.
//
// A hash of a key is the signs of its products with kBits random Gaussian vectors; two vectors at an angle theta share
// a sign with probability 1 - theta / pi, so a query finds in its own bucket the keys that point its way. The
// candidates of a row are the keys that share its bucket in at least one of kTables tables; they are scored exactly and
// the best kept. Where these are fewer than wanted, the last visible keys make up for the rest.
//
// Buckets are kept per chunk of keys (key_chunks.hpp), ascending, so that a row stops at its own end. The vectors
// depend on the seed alone.
//
// Cost: kTables kBits / d of the scores for the hashes, and kTables / 2^kBits of the keys scored where directions are
//       spread evenly. Memory: 2 kTables bytes a key.
// What it misses is measured, not bounded: `recall` of retrieved_attention.hpp. Of 64 keys among 4096, d = 64, it finds
// a quarter when all are Gaussian and 95 % when they come in 64 clusters.
#pragma once

#include "base/buffer.hpp"
#include "retrieve/key_chunks.hpp"
#include "retrieve/retriever.hpp"

namespace heed {

class Hashes {
 public:
  static constexpr bool kExact = false;
  static constexpr std::size_t kTables = 16;
  static constexpr std::size_t kBits = 8;

  void seed(std::uint64_t seed) noexcept { seed_ = seed; }
  [[nodiscard]] bool prepare(const AttentionProblem& problem) noexcept;
  std::size_t build_units() const noexcept { return chunks_.units(); }
  void build(const AttentionProblem& problem, std::size_t unit) noexcept;

  std::size_t scratch_bytes(const AttentionProblem& problem, std::size_t most_kept) const noexcept;
  void retrieve(const AttentionProblem& problem, const QueryRows& rows, std::size_t most_kept, RetrievedRow* found,
                std::byte* scratch) const noexcept;

 private:
  static constexpr std::size_t kBuckets = std::size_t{1} << kBits;
  static constexpr std::size_t kWords = (KeyChunks::kSize + 63) / 64;
  using HashesOf = std::uint8_t[kTables];
  static_assert(kBits <= 8 && KeyChunks::kSize <= 65535);

  struct RowScratch;
  void hash(const float* packed, std::size_t count, float* products, HashesOf* hashes) const noexcept;
  std::size_t collect(std::size_t head, std::size_t chunk, const HashesOf& hashes, std::size_t tables,
                      std::size_t visible, std::uint32_t* found) const noexcept;
  void retrieve_row(const MatrixView<const float>& keys, std::size_t head, std::size_t visible, const float* query,
                    const HashesOf& hashes, RetrievedRow& row, const RowScratch& scratch) const noexcept;
  const std::uint16_t* starts(std::size_t unit, std::size_t table) const noexcept {
    return starts_.data() + (unit * kTables + table) * (kBuckets + 1);
  }
  const std::uint16_t* members(std::size_t unit, std::size_t table) const noexcept {
    return members_.data() + (unit * kTables + table) * KeyChunks::kSize;
  }

  std::uint64_t seed_ = 0;
  KeyChunks chunks_;
  std::size_t kv_heads_ = 0, dim_ = 0;
  Buffer<float> vectors_;          // panels of kPanel vectors: (panels, d, kPanel)
  Buffer<float> centers_;          // (heads, d)
  Buffer<float> packed_;           // (units, a block of keys and its products)
  Buffer<HashesOf> hashes_;        // (units, a chunk)
  Buffer<std::uint16_t> starts_;   // (units, kTables, kBuckets + 1)
  Buffer<std::uint16_t> members_;  // (units, kTables, a chunk): numbers within the chunk
};

}  // namespace heed
