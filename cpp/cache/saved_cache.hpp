// A cache as bytes, and back. Little-endian, version 1, or 2 where attention was recorded:
//
//   header   "heedkv" 0 0, then 32-bit numbers: version, type, layers, kv_heads, head_dim, value_dim
//   lengths  32 bits per layer
//   layers   one behind the other: per head the rows of its keys, padded as in memory, the rows of its values; for
//   bytes
//            then the scales of the keys and of the values
//   version 2: layer by layer and head by head what each token received, a double (recorded_attention.hpp)
//
// What is read may be anything: sizes are checked before anything is allocated, and a file that is not exactly what its
// header says changes nothing. What can be told from the rows (norms, flags) is not stored but found again.
#pragma once

#include "cache/kv_cache.hpp"

namespace heed {

/// Bytes that save_cache() writes.
std::size_t saved_bytes(const KvCache& cache) noexcept;
void save_cache(const KvCache& cache, std::byte* to) noexcept;

/// Replaces what `cache` holds. kShapeMismatch when the bytes are of a cache of another shape or type,
/// kInvalidArgument when they are not a saved cache, or longer than the capacity.
Status restore_cache(const std::byte* from, std::size_t bytes, KvCache& cache);

}  // namespace heed
