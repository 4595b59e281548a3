// Keys rounded to 8 bits, with the exact size of what the rounding lost.
//
//   k_j = center + scale_j * level_j + error_j        level_j whole numbers, |level| <= 127
//   scale_j = the least that keeps the levels to 127 and the halves of a chunk to kKeyNorm (simd/screen_tile.hpp)
//
// For a query x (scaled), rounded likewise to x = scale level + r, the score f, a float, obeys (DERIVED)
//
//   |f - x . center - scale P| <= |scale level| |error_j| + |r| |k_j - center| + gamma |x| |k_j|
//                                 + 3 u chunks |scale level| |scale_j level_j|
//
// with P the prescore: the first two terms by Cauchy and Schwarz, the third is the rounding of the chain f, the last
// that of P. Norms of errors and of keys are kept as maxima over blocks of kKeyBlock keys, so that one large key widens
// the band of its neighbors only.
//
// A key that is not finite, or has a norm of kLargestNorm or more, is an outlier: it has no levels, and the rows that
// see one are not screened.
//
// Memory: d + 4 + 4 chunks bytes a key.
#pragma once

#include "base/buffer.hpp"
#include "retrieve/key_center.hpp"
#include "retrieve/key_chunks.hpp"
#include "simd/screen_tile.hpp"

namespace heed {

class QuantizedKeys {
 public:
  /// Norms over a block of keys, rounded up.
  struct BlockNorms {
    float error = 0.0f;  // of error_j
    float key = 0.0f;    // of k_j - center
  };

  /// One key head.
  struct Head {
    const float* center;
    double center_norm;
    const std::int8_t* levels;   // (keys, screen_stride(d))
    const std::int32_t* starts;  // (keys, screen_chunks(d))
    const float* scales;         // keys
    const BlockNorms* norms;     // blocks of simd::kKeyBlock keys
    std::size_t first_outlier;   // keys when there is none
  };

  [[nodiscard]] bool prepare(const AttentionProblem& problem) noexcept;
  std::size_t build_units() const noexcept { return chunks_.units(); }
  void build(const AttentionProblem& problem, std::size_t unit) noexcept;

  Head head(std::size_t batch, std::size_t kv_head) const noexcept;

 private:
  bool quantize(const float* key, std::size_t head, std::size_t j, float* levels, BlockNorms& norms) noexcept;

  KeyChunks chunks_;
  std::size_t kv_heads_ = 0, dim_ = 0, padded_keys_ = 0, blocks_ = 0;
  Buffer<float> centers_;  // (heads, d)
  Buffer<float> scratch_;  // (units, 2 d)
  Buffer<std::int8_t> levels_;
  Buffer<std::int32_t> starts_;
  Buffer<float> scales_;
  Buffer<BlockNorms> norms_;
  Buffer<std::uint32_t> first_outliers_;  // of each chunk
};

}  // namespace heed
