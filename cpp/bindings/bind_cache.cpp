// The JavaScript face of cache/: the store, and decoding over it. Caches are owned by JavaScript; a job must end before
// its cache changes.
#include "bindings/runtime.hpp"
#include "cache/decode.hpp"
#include "cache/kv_cache.hpp"

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
            .mask = {at<const float>(bias), at<const std::uint8_t>(allowed), mask_per_head}};
  }
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

 private:
  KvCache cache_;
};

JsKvCache* make_cache(const JsCacheShape& js) { return new JsKvCache(js.shape()); }

Job<CacheAttention>* make_attention(JsKvCache* cache, const JsDecodeProblem& js) {
  return new Job<CacheAttention>(cache->cache(), js.problem());
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
      .field("maskPerHead", &JsDecodeProblem::mask_per_head);
  class_<JsKvCache>("KvCache")
      .constructor(&make_cache, allow_raw_pointers())
      .function("status", &JsKvCache::status)
      .function("length", &JsKvCache::length)
      .function("bytes", &JsKvCache::bytes)
      .function("append", &JsKvCache::append)
      .function("rewind", &JsKvCache::rewind)
      .function("rewindLayer", &JsKvCache::rewind_layer)
      .function("clear", &JsKvCache::clear)
      .function("forkFrom", &JsKvCache::fork_from, allow_raw_pointers());
  bind_job("CacheAttendJob", &make_attention);
}

}  // namespace heed::bindings
