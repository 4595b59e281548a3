// One call on a cache: the newest queries of a layer against everything the layer holds.
//
//   q (queries, heads, head_dim)    out (queries, heads, value_dim)    lse (queries, heads)
//
// The last query stands at the layer's last token, query i sees the first length - queries + i + 1 tokens. Scores,
// softcap, masks, windows and sinks mean what they mean for attention (attention/problem.hpp); masks are (queries,
// length). Rows that see no token are zero.
#pragma once

#include "attention/problem.hpp"
#include "cache/kv_cache.hpp"

namespace heed {

struct DecodeProblem {
  std::size_t layer = 0;
  std::size_t queries = 0;
  std::size_t heads = 0;
  const float* q = nullptr;
  float* out = nullptr;
  float* lse = nullptr;  // or null
  double scale = 1.0;
  double softcap = 0.0;    // 0: none
  std::size_t window = 0;  // 0: none
  std::size_t sinks = 0;
  Mask mask = {};
  Accumulate accumulate = Accumulate::kFloat;  // of exact attention: decode.hpp, decode_precise.hpp
};

/// Who sees whom: causal, with the layer's tokens as keys.
AttentionShape decode_shape(const KvCache& cache, const DecodeProblem& problem) noexcept;

Status validate(const KvCache& cache, const DecodeProblem& problem);

}  // namespace heed
