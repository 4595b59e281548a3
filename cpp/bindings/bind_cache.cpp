// The JavaScript face of cache/: the store, and decoding over it. Caches are owned by JavaScript; a job must end before
// its cache changes.
#include <optional>

#include "bindings/budgets.hpp"
#include "bindings/runtime.hpp"
#include "cache/decode.hpp"
#include "cache/evict.hpp"
#include "cache/kv_cache.hpp"
#include "cache/monitor.hpp"
#include "cache/saved_cache.hpp"
#include "cache/topk_search.hpp"
#include "sparse/row_offsets.hpp"

namespace heed::bindings {
namespace {

/// Field for field `RawCacheShape` in web/src/runtime/raw.ts.
struct JsCacheShape {
  std::uint32_t layers, kv_heads, head_dim, value_dim, capacity;
  int type;

  CacheShape shape() const noexcept {
    return {layers, kv_heads, head_dim, value_dim, capacity, static_cast<simd::RowType>(type)};
  }
};

/// Field for field `RawDecodeProblem` in web/src/runtime/raw.ts.
struct JsDecodeProblem {
  Address q, out, lse, bias, allowed;
  std::uint32_t layer, queries, heads, window, sinks;
  double scale, softcap;
  bool mask_per_head;
  int accumulate;

  DecodeProblem problem() const noexcept {
    return {.layer = layer,
            .queries = queries,
            .heads = heads,
            .q = at<const float>(q),
            .out = at<float>(out),
            .lse = at<float>(lse),
            .scale = scale,
            .softcap = softcap,
            .window = window,
            .sinks = sinks,
            .mask = {at<const float>(bias), at<const std::uint8_t>(allowed), mask_per_head},
            .accumulate = static_cast<Accumulate>(accumulate)};
  }
};

/// Field for field `RawCacheTopKOptions` in web/src/runtime/raw.ts.
struct JsCacheTopKOptions {
  Address budgets;
  std::uint32_t budget_count;
  int estimator, search;
  double enough, seed;
  bool sampled;
  Address dropped, bound, interval, recall, kept, indices, offsets;
  Address single_gap, head_aware, blockwise, output_error, logit_error;
  bool only_count;
  double epsilon, mass;
  Address monitored;

  CacheTopKOptions options(const JsBudgets& read) const noexcept {
    return {.budget = read.first(),
            .estimator = static_cast<Estimator>(estimator),
            .search = static_cast<CacheSearch>(search),
            .dropped = at<float>(dropped),
            .bound = at<float>(bound),
            .kept = at<std::uint32_t>(kept),
            .indices = at<std::uint32_t>(indices),
            .offsets = at<const std::uint32_t>(offsets),
            .enough = enough,
            .sampled = sampled,
            .seed = static_cast<std::uint64_t>(seed),
            .interval = at<float>(interval),
            .recall = at<float>(recall),
            .head_budgets = read.of_heads(),
            .certificates = {at<float>(single_gap), at<float>(head_aware), at<float>(blockwise),
                             at<float>(output_error), at<float>(logit_error)},
            .only_count = only_count,
            .monitor = {epsilon, mass, at<double>(monitored)}};
  }
};

/// Field for field `RawEvictOptions` in web/src/runtime/raw.ts.
struct JsEvictOptions {
  int policy;
  std::uint32_t sinks, recent, keep, width;
  double loss;
  bool recorded;
  Address lost;
};

/// Field for field `RawMonitorOptions` in web/src/runtime/raw.ts.
struct JsMonitorOptions {
  double epsilon, mass;
  std::uint32_t first;
  Address out, received;

  MonitorOptions options() const noexcept { return {epsilon, mass, first, at<double>(out), at<double>(received)}; }
};

class JsKvCache {
 public:
  explicit JsKvCache(const CacheShape& shape) : cache_(shape) {}

  KvCache& cache() noexcept { return cache_; }
  JsStatus status() const { return to_js(cache_.status()); }
  std::uint32_t length(std::uint32_t layer) const { return static_cast<std::uint32_t>(cache_.length(layer)); }
  double bytes() const { return static_cast<double>(cache_.bytes()); }
  JsStatus append(std::uint32_t layer, Address keys, Address values, std::uint32_t tokens) {
    return to_js(cache_.append(layer, at<const float>(keys), at<const float>(values), tokens, pool()));
  }
  JsStatus rewind(std::uint32_t length) { return to_js(cache_.rewind(length)); }
  JsStatus rewind_layer(std::uint32_t layer, std::uint32_t length) { return to_js(cache_.rewind(layer, length)); }
  void clear() { cache_.clear(); }
  JsStatus fork_from(JsKvCache* other) { return to_js(cache_.fork(other->cache_)); }
  JsStatus evict(const JsDecodeProblem& js, const JsEvictOptions& o) {
    const EvictOptions options{
        static_cast<EvictPolicy>(o.policy), o.sinks, o.recent, o.keep, o.width, o.loss, o.recorded, at<float>(o.lost)};
    return to_js(heed::evict(cache_, js.problem(), options, pool()));
  }
  JsStatus record(std::uint32_t layer, Address received, std::uint32_t tokens) {
    return to_js(cache_.record(layer, at<const double>(received), tokens, pool()));
  }
  void recorded(std::uint32_t layer, Address to) const {
    const std::size_t tokens = cache_.length(layer);
    for (std::size_t g = 0; g < cache_.shape().kv_heads; ++g)
      for (std::size_t t = 0; t < tokens; ++t) at<double>(to)[g * tokens + t] = cache_.recorded().sum(layer, g, t);
  }
  double saved_bytes() const { return static_cast<double>(heed::saved_bytes(cache_)); }
  void save(Address to) const { save_cache(cache_, at<std::byte>(to)); }
  JsStatus restore(Address from, double bytes) {
    return to_js(restore_cache(at<const std::byte>(from), static_cast<std::size_t>(bytes), cache_));
  }

 private:
  KvCache cache_;
};

JsKvCache* make_cache(const JsCacheShape& js) { return new JsKvCache(js.shape()); }

Job<CacheAttention>* make_attention(JsKvCache* cache, const JsDecodeProblem& js, const JsMonitorOptions& o) {
  return new Job<CacheAttention>(cache->cache(), js.problem(), o.options());
}

/// A search, and the budgets that it refers to.
class CacheTopKWork {
 public:
  CacheTopKWork(KvCache& cache, const DecodeProblem& problem, const JsCacheTopKOptions& options, TaskPool& pool) {
    if (!budgets_.read(options.budgets, options.budget_count))
      status_ = Status::fail(ErrorCode::kOutOfMemory, "no memory left for the budgets of the heads");
    else
      search_.emplace(cache, problem, options.options(budgets_), pool);
  }

  const Status& status() const noexcept { return search_ ? search_->status() : status_; }
  std::size_t units() const noexcept { return search_ ? search_->units() : 0; }
  void run(Range units) { search_->run(units); }

 private:
  Status status_;
  JsBudgets budgets_;
  std::optional<CacheTopKSearch> search_;
};

Job<CacheTopKWork>* make_topk(JsKvCache* cache, const JsDecodeProblem& js, const JsCacheTopKOptions& options) {
  return new Job<CacheTopKWork>(cache->cache(), js.problem(), options);
}

double cache_offsets(JsKvCache* cache, const JsDecodeProblem& js, const JsCacheTopKOptions& options, Address offsets) {
  constexpr double kTooMany = -1.0, kNotKnown = -2.0;
  const DecodeProblem problem = js.problem();
  auto* const totals = at<std::uint32_t>(offsets);
  JsBudgets budgets;
  if (!validate(cache->cache(), problem).ok() || !budgets.read(options.budgets, options.budget_count)) return kTooMany;
  const AttentionProblem rows{.shape = decode_shape(cache->cache(), problem), .mask = problem.mask};
  const TopKOptions wanted{.budget = budgets.first(), .head_budgets = budgets.of_heads()};
  if (!entries_known(rows, wanted)) return kNotKnown;
  if (!write_offsets(rows, wanted, totals)) return kTooMany;
  return totals[problem.queries * problem.heads];
}

}  // namespace

EMSCRIPTEN_BINDINGS(cache) {
  using namespace emscripten;
  value_object<JsCacheShape>("CacheShape")
      .field("layers", &JsCacheShape::layers)
      .field("kvHeads", &JsCacheShape::kv_heads)
      .field("headDim", &JsCacheShape::head_dim)
      .field("valueDim", &JsCacheShape::value_dim)
      .field("capacity", &JsCacheShape::capacity)
      .field("type", &JsCacheShape::type);
  value_object<JsDecodeProblem>("DecodeProblem")
      .field("q", &JsDecodeProblem::q)
      .field("out", &JsDecodeProblem::out)
      .field("lse", &JsDecodeProblem::lse)
      .field("bias", &JsDecodeProblem::bias)
      .field("allowed", &JsDecodeProblem::allowed)
      .field("layer", &JsDecodeProblem::layer)
      .field("queries", &JsDecodeProblem::queries)
      .field("heads", &JsDecodeProblem::heads)
      .field("window", &JsDecodeProblem::window)
      .field("sinks", &JsDecodeProblem::sinks)
      .field("scale", &JsDecodeProblem::scale)
      .field("softcap", &JsDecodeProblem::softcap)
      .field("maskPerHead", &JsDecodeProblem::mask_per_head)
      .field("accumulate", &JsDecodeProblem::accumulate);
  value_object<JsEvictOptions>("EvictOptions")
      .field("policy", &JsEvictOptions::policy)
      .field("sinks", &JsEvictOptions::sinks)
      .field("recent", &JsEvictOptions::recent)
      .field("keep", &JsEvictOptions::keep)
      .field("width", &JsEvictOptions::width)
      .field("loss", &JsEvictOptions::loss)
      .field("recorded", &JsEvictOptions::recorded)
      .field("lost", &JsEvictOptions::lost);
  value_object<JsMonitorOptions>("MonitorOptions")
      .field("epsilon", &JsMonitorOptions::epsilon)
      .field("mass", &JsMonitorOptions::mass)
      .field("first", &JsMonitorOptions::first)
      .field("out", &JsMonitorOptions::out)
      .field("received", &JsMonitorOptions::received);
  class_<JsKvCache>("KvCache")
      .constructor(&make_cache, allow_raw_pointers())
      .function("status", &JsKvCache::status)
      .function("length", &JsKvCache::length)
      .function("bytes", &JsKvCache::bytes)
      .function("append", &JsKvCache::append)
      .function("rewind", &JsKvCache::rewind)
      .function("rewindLayer", &JsKvCache::rewind_layer)
      .function("clear", &JsKvCache::clear)
      .function("forkFrom", &JsKvCache::fork_from, allow_raw_pointers())
      .function("evict", &JsKvCache::evict)
      .function("record", &JsKvCache::record)
      .function("recorded", &JsKvCache::recorded)
      .function("savedBytes", &JsKvCache::saved_bytes)
      .function("save", &JsKvCache::save)
      .function("restore", &JsKvCache::restore);
  value_object<JsCacheTopKOptions>("CacheTopKOptions")
      .field("budgets", &JsCacheTopKOptions::budgets)
      .field("budgetCount", &JsCacheTopKOptions::budget_count)
      .field("estimator", &JsCacheTopKOptions::estimator)
      .field("search", &JsCacheTopKOptions::search)
      .field("enough", &JsCacheTopKOptions::enough)
      .field("seed", &JsCacheTopKOptions::seed)
      .field("sampled", &JsCacheTopKOptions::sampled)
      .field("dropped", &JsCacheTopKOptions::dropped)
      .field("bound", &JsCacheTopKOptions::bound)
      .field("interval", &JsCacheTopKOptions::interval)
      .field("recall", &JsCacheTopKOptions::recall)
      .field("kept", &JsCacheTopKOptions::kept)
      .field("indices", &JsCacheTopKOptions::indices)
      .field("offsets", &JsCacheTopKOptions::offsets)
      .field("singleGap", &JsCacheTopKOptions::single_gap)
      .field("headAware", &JsCacheTopKOptions::head_aware)
      .field("blockwise", &JsCacheTopKOptions::blockwise)
      .field("outputError", &JsCacheTopKOptions::output_error)
      .field("logitError", &JsCacheTopKOptions::logit_error)
      .field("onlyCount", &JsCacheTopKOptions::only_count)
      .field("epsilon", &JsCacheTopKOptions::epsilon)
      .field("mass", &JsCacheTopKOptions::mass)
      .field("monitored", &JsCacheTopKOptions::monitored);
  bind_job("CacheAttendJob", &make_attention);
  bind_job("CacheTopKJob", &make_topk);
  function("cacheOffsets", &cache_offsets, allow_raw_pointers());
}

}  // namespace heed::bindings
