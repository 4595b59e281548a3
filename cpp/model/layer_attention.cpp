#include "model/layer_attention.hpp"

#include <algorithm>

#include "attention/exact.hpp"
#include "cache/decode.hpp"
#include "cache/decode_topk.hpp"
#include "cache/decode_whole_rows.hpp"
#include "sparse/topk_search.hpp"

namespace heed {
namespace {

// From here on a screen in 8 bits saves more than it costs.
constexpr std::size_t kScreenTokens = 2048;
// The copy of a layer grows in steps, not with every token.
constexpr std::size_t kGatherStep = 4096;

Status no_memory() {
  return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the working space of attention");
}

}  // namespace

struct LayerAttention::Call {
  KvCache& cache;
  std::size_t layer, tokens, length;
  const float* q;
  float* out;
  const Report* report;
};

Status LayerAttention::run(KvCache& cache, std::size_t layer, std::size_t tokens, const float* q,
                           const PolicyTable& policies, float* out, const Report* report) {
  const Call call{cache, layer, tokens, cache.length(layer), q, out, report};
  gathered_ = false;
  const std::size_t rows = tokens * shape_.heads;
  if (kept_.size() < rows && (!dropped_.resize(rows) || !bound_.resize(rows) || !kept_.resize(rows)))
    return no_memory();
  const AttentionPolicy& first = policies.at(layer, 0);
  bool same = true;
  for (std::size_t h = 1; h < shape_.heads; ++h) same = same && policies.at(layer, h) == first;
  if (same) return run_heads(call, {0, shape_.heads}, first);
  // Runs of heads of one policy that share a key head.
  const std::size_t group = shape_.heads / shape_.kv_heads;
  for (std::size_t h = 0; h < shape_.heads;) {
    const AttentionPolicy& policy = policies.at(layer, h);
    std::size_t end = h + 1;
    while (end % group != 0 && policies.at(layer, end) == policy) ++end;
    if (Status status = run_heads(call, {h, end}, policy); !status.ok()) return status;
    h = end;
  }
  return {};
}

// Decoding takes all heads at a time. Rows that need all their scores at once are not worth forming for heads that have
// other policies.
bool LayerAttention::decodes(const Call& call, Range heads, const AttentionPolicy& policy) const noexcept {
  if (call.tokens != 1) return false;
  const bool plain = policy.window == 0 && policy.sinks == 0 && !policy.budget.needs_scores();
  return policy.exact || plain || heads.size() == shape_.heads;
}

AttentionProblem LayerAttention::problem(const Call& call, Range heads, const AttentionPolicy& policy) const noexcept {
  const std::size_t group = shape_.heads / shape_.kv_heads, d = shape_.head_dim;
  const std::size_t key_heads = std::max<std::size_t>(1, heads.size() / group);
  AttentionProblem p;
  p.shape = {.batch = 1,
             .queries = call.tokens,
             .keys = call.length,
             .heads = heads.size(),
             .kv_heads = key_heads,
             .head_dim = d,
             .value_dim = d,
             .layout = Layout::kHeadMajor,
             .causal = true,
             .window = policy.window,
             .sinks = policy.sinks};
  p.q = call.q + heads.begin * call.tokens * d;
  p.k = keys_.data() + heads.begin / group * call.length * d;
  p.v = values_.data() + heads.begin / group * call.length * d;
  p.out = call.out + heads.begin * call.tokens * d;
  p.scale = shape_.scale();
  return p;
}

Status LayerAttention::run_heads(const Call& call, Range heads, const AttentionPolicy& policy) {
  if (decodes(call, heads, policy)) {
    // All heads are decoded; those of other policies are overwritten by theirs, or were not asked for.
    if (heads.size() == shape_.heads) {
      if (Status status = decode(call, policy); !status.ok()) return status;
    } else {
      if (decoded_.size() == 0 && !decoded_.resize(shape_.query_width())) return no_memory();
      Call all = call;
      all.out = decoded_.data();
      if (Status status = decode(all, policy); !status.ok()) return status;
      std::copy(decoded_.data() + heads.begin * shape_.head_dim, decoded_.data() + heads.end * shape_.head_dim,
                call.out + heads.begin * shape_.head_dim);
    }
    if (call.report == nullptr) return {};
    AttentionShape seen{
        .queries = 1, .keys = call.length, .causal = true, .window = policy.window, .sinks = policy.sinks};
    for (std::size_t h = heads.begin; h < heads.end; ++h) {
      call.report->dropped[h] = policy.exact ? 0.0f : dropped_[h];
      call.report->bound[h] = policy.exact ? 0.0f : bound_[h];
      call.report->kept[h] = policy.exact ? static_cast<std::uint32_t>(seen.visible(0)) : kept_[h];
    }
    return {};
  }
  if (!gathered_) {
    if (Status status = gather(call); !status.ok()) return status;
    gathered_ = true;
  }
  const AttentionProblem p = problem(call, heads, policy);
  const auto finish = [](auto& work) {
    if (work.status().ok()) work.run({0, work.units()});
    return work.status();
  };
  if (policy.exact) {
    ExactAttention work(p, pool_);
    if (Status status = finish(work); !status.ok()) return status;
  } else {
    TopKOptions options;
    options.budget = policy.budget;
    options.estimator = policy.estimator;
    options.dropped = dropped_.data();
    options.bound = bound_.data();
    options.kept = kept_.data();
    TopKSearch work(p, options, pool_);
    if (Status status = finish(work); !status.ok()) return status;
  }
  if (call.report == nullptr) return {};
  for (std::size_t h = heads.begin; h < heads.end; ++h) {
    for (std::size_t i = 0; i < call.tokens; ++i) {
      const std::size_t from = i * heads.size() + (h - heads.begin), to = h * call.tokens + i;
      call.report->dropped[to] = policy.exact ? 0.0f : dropped_[from];
      call.report->bound[to] = policy.exact ? 0.0f : bound_[from];
      call.report->kept[to] = policy.exact ? static_cast<std::uint32_t>(p.shape.visible(i)) : kept_[from];
    }
  }
  return {};
}

Status LayerAttention::decode(const Call& call, const AttentionPolicy& policy) {
  const DecodeProblem problem{.layer = call.layer,
                              .queries = 1,
                              .heads = shape_.heads,
                              .q = call.q,
                              .out = call.out,
                              .scale = shape_.scale(),
                              .window = policy.window,
                              .sinks = policy.sinks};
  const auto finish = [](auto&& work) {
    if (work.status().ok()) work.run({0, work.units()});
    return work.status();
  };
  if (policy.exact) return finish(CacheAttention(call.cache, problem, pool_));
  const bool screen =
      policy.search == ModelSearch::kByte || (policy.search == ModelSearch::kAuto && call.length >= kScreenTokens);
  const CacheTopKOptions options{.budget = policy.budget,
                                 .estimator = policy.estimator,
                                 .search = screen ? CacheSearch::kByte : CacheSearch::kExact,
                                 .dropped = dropped_.data(),
                                 .bound = bound_.data(),
                                 .kept = kept_.data()};
  if (needs_whole_rows(problem, options)) return finish(CacheWholeRows(call.cache, problem, options, pool_));
  return finish(CacheTopK(call.cache, problem, options, pool_));
}

Status LayerAttention::gather(const Call& call) {
  const std::size_t d = shape_.head_dim;
  const CheckedSize numbers = checked_product({round_up(call.length, kGatherStep), shape_.kv_heads, d});
  if (!numbers.fits) return no_memory();
  if (keys_.size() < numbers.value && (!keys_.resize(numbers.value) || !values_.resize(numbers.value)))
    return no_memory();
  const std::size_t pages = call.cache.pages(call.layer);
  pool_.run({0, shape_.kv_heads * pages}, [&](std::size_t unit, std::size_t) {
    const std::size_t g = unit / pages, first = unit % pages * kPageTokens;
    const std::size_t end = std::min(first + kPageTokens, call.length);
    for (std::size_t t = first; t < end; ++t) {
      const std::size_t at = (g * call.length + t) * d;
      call.cache.read(call.layer, g, t, keys_.data() + at, values_.data() + at);
    }
  });
  return {};
}

}  // namespace heed
