#include "cache/decode_problem.hpp"

namespace heed {

AttentionShape decode_shape(const KvCache& cache, const DecodeProblem& problem) noexcept {
  const CacheShape& shape = cache.shape();
  return {.batch = 1,
          .queries = problem.queries,
          .keys = problem.layer < shape.layers ? cache.length(problem.layer) : 0,
          .heads = problem.heads,
          .kv_heads = shape.kv_heads,
          .head_dim = shape.head_dim,
          .value_dim = shape.value_dim,
          .layout = Layout::kTokenMajor,
          .causal = true,
          .window = problem.window,
          .sinks = problem.sinks};
}

Status validate(const KvCache& cache, const DecodeProblem& problem) {
  if (problem.layer >= cache.shape().layers)
    return Status::fail(ErrorCode::kInvalidArgument, "layer is " + std::to_string(problem.layer) + "; the cache has " +
                                                         std::to_string(cache.shape().layers) + " layers");
  AttentionProblem attention;
  attention.shape = decode_shape(cache, problem);
  attention.scale = problem.scale;
  attention.softcap = problem.softcap;
  return validate(attention);
}

}  // namespace heed
