// Attention of one layer for new tokens, whose keys and values the cache holds already, by the policy of each head.
//
//   q, out (heads, tokens, head_dim)
//
// A single token reads the cache where it lies (cache/decode.hpp, cache/decode_topk.hpp). Several tokens, and some
// heads whose top-k has a window or a budget of probabilities, get the layer's keys and values as two plain arrays: a
// copy, 2 % of the arithmetic for 256 tokens, for which every path of attention/ and sparse/ can be taken. Heads that
// share a policy go together.
#pragma once

#include "base/buffer.hpp"
#include "cache/decode_problem.hpp"
#include "model/policy.hpp"
#include "model/shape.hpp"

namespace heed {

class LayerAttention {
 public:
  LayerAttention(const ModelShape& shape, TaskPool& pool) noexcept : shape_(shape), pool_(pool) {}

  /// What is known of rows afterwards, (heads, tokens); the numbers of exact rows are 0, 0 and what they see.
  struct Report {
    float* dropped;
    float* bound;
    std::uint32_t* kept;
  };

  /// kOutOfMemory, and `out` unspecified, when there is no room to work in. `report` may be null.
  Status run(KvCache& cache, std::size_t layer, std::size_t tokens, const float* q, const PolicyTable& policies,
             float* out, const Report* report);

 private:
  struct Call;
  Status run_heads(const Call& call, Range heads, const AttentionPolicy& policy);
  Status decode(const Call& call, const AttentionPolicy& policy);
  Status gather(const Call& call);
  AttentionProblem problem(const Call& call, Range heads, const AttentionPolicy& policy) const noexcept;
  bool decodes(const Call& call, Range heads, const AttentionPolicy& policy) const noexcept;

  const ModelShape& shape_;
  TaskPool& pool_;
  Buffer<float> keys_, values_;  // (kv_heads, tokens of the layer, head_dim)
  bool gathered_ = false;        // of this call
  Buffer<float> decoded_;        // (heads, head_dim)
  Buffer<float> dropped_, bound_;
  Buffer<std::uint32_t> kept_;  // (tokens, heads)
};

}  // namespace heed
