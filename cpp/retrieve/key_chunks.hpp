// How the building of an index is cut: chunks of keys of one key head, so that a unit of work stays small however long
// the sequence is.
#pragma once

#include <algorithm>

#include "attention/problem.hpp"
#include "simd/block.hpp"

namespace heed {

struct KeyChunks {
  static constexpr std::size_t kSize = 42 * simd::kKeyBlock;

  std::size_t heads = 0, keys = 0, each = 0;  // chunks of a head

  KeyChunks() = default;
  explicit KeyChunks(const AttentionShape& shape) noexcept
      : heads(shape.batch * shape.kv_heads), keys(shape.keys), each((shape.keys + kSize - 1) / kSize) {}

  std::size_t units() const noexcept { return heads * each; }
  std::size_t head(std::size_t unit) const noexcept { return unit / each; }
  Range range(std::size_t unit) const noexcept {
    const std::size_t first = unit % each * kSize;
    return {first, std::min(first + kSize, keys)};
  }
};

}  // namespace heed
