#include "sparse/ordered_keys.hpp"

#include <algorithm>

#include "base/checked_math.hpp"
#include "simd/pack.hpp"

namespace heed {

bool OrderedKeys::build(const AttentionProblem& problem, KeyOrder order, TaskPool& pool) {
  const AttentionShape& shape = problem.shape;
  const std::size_t heads = shape.batch * shape.kv_heads;
  stride_ = simd::packed_stride(shape.head_dim);
  keys_ = shape.keys;
  kv_heads_ = shape.kv_heads;
  // The tile reads whole groups of rows: past the last key of the last head there must be something to read.
  const CheckedSize size = checked_product({heads, keys_, stride_});
  const std::size_t past = simd::kKeyTile * stride_;
  if (!size.fits || size.value > kMostBytes / sizeof(float) - past) return true;
  if (!numbers_.resize(keys_) || !packed_.resize(size.value + past)) return false;
  std::fill_n(packed_.data() + size.value, past, 0.0f);
  order.list_sample(numbers_.data());
  order.list_next(keys_ - order.sample(), numbers_.data() + order.sample());
  pool.run({0, heads}, [&](std::size_t head, std::size_t) {
    simd::kernel_pack_listed(problem.key_rows(head / kv_heads_, head % kv_heads_), numbers_.data(), keys_,
                             shape.head_dim, packed_.data() + head * keys_ * stride_);
  });
  ready_ = true;
  return true;
}

}  // namespace heed
