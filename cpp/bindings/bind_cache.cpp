// The JavaScript face of cache/: the store, and decoding over it. Caches are owned by JavaScript; a job must end before
// its cache changes.
#include "bindings/runtime.hpp"
#include "cache/decode.hpp"
#include "cache/decode_retrieved.hpp"
#include "cache/decode_topk.hpp"
#include "cache/evict.hpp"
#include "cache/kv_cache.hpp"
#include "cache/monitor.hpp"
#include "cache/saved_cache.hpp"
#include "sparse/topk_attention.hpp"

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
  std::uint32_t k;
  double alpha, exponent;
  std::uint32_t min, max;
  int estimator, search;
  double enough, seed;
  bool sampled;
  Address dropped, bound, interval, recall, kept, indices, offsets;
  double epsilon, mass;
  Address monitored;

  Budget budget() const noexcept { return {k, {alpha, exponent, min, max}}; }

  CacheTopKOptions options() const noexcept {
    return {budget(),
            static_cast<Estimator>(estimator),
            static_cast<CacheSearch>(search),
            at<float>(dropped),
            at<float>(bound),
            at<std::uint32_t>(kept),
            at<std::uint32_t>(indices),
            at<const std::uint32_t>(offsets),
            enough,
            sampled,
            static_cast<std::uint64_t>(seed),
            at<float>(interval),
            at<float>(recall),
            {epsilon, mass, at<double>(monitored)}};
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

Job<CacheTopK>* make_topk(JsKvCache* cache, const JsDecodeProblem& js, const JsCacheTopKOptions& options) {
  return new Job<CacheTopK>(cache->cache(), js.problem(), options.options());
}

Job<CacheRetrieval>* make_retrieval(JsKvCache* cache, const JsDecodeProblem& js, const JsCacheTopKOptions& options) {
  return new Job<CacheRetrieval>(cache->cache(), js.problem(), options.options());
}

double cache_offsets(JsKvCache* cache, const JsDecodeProblem& js, const JsCacheTopKOptions& options, Address offsets) {
  const DecodeProblem problem = js.problem();
  auto* const totals = at<std::uint32_t>(offsets);
  if (!validate(cache->cache(), problem).ok()) return -1.0;
  if (!write_offsets(decode_shape(cache->cache(), problem), options.budget(), totals)) return -1.0;
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
      .field("k", &JsCacheTopKOptions::k)
      .field("alpha", &JsCacheTopKOptions::alpha)
      .field("exponent", &JsCacheTopKOptions::exponent)
      .field("min", &JsCacheTopKOptions::min)
      .field("max", &JsCacheTopKOptions::max)
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
      .field("epsilon", &JsCacheTopKOptions::epsilon)
      .field("mass", &JsCacheTopKOptions::mass)
      .field("monitored", &JsCacheTopKOptions::monitored);
  bind_job("CacheAttendJob", &make_attention);
  bind_job("CacheTopKJob", &make_topk);
  bind_job("CacheRetrieveJob", &make_retrieval);
  function("cacheOffsets", &cache_offsets, allow_raw_pointers());
}

}  // namespace heed::bindings
