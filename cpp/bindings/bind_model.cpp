// The JavaScript face of model/: weights, caches of a model, runs. Models and caches are owned by JavaScript; a model
// outlives its caches and runs, and a run ends before anything else touches its cache.
#include "bindings/runtime.hpp"
#include "model/run.hpp"

namespace heed::bindings {
namespace {

/// Field for field `RawModelShape` in web/src/runtime/raw.ts.
struct JsModelShape {
  std::uint32_t layers, width, heads, kv_heads, head_dim, hidden, vocab, positions;
  double epsilon;
  bool tied, qk_norm, qkv_bias, out_bias, mlp_bias;
  int rope;
  double rope_theta, rope_factor;
  std::uint32_t rope_original;
  double rope_low, rope_high, rope_beta_fast, rope_beta_slow, rope_attention, rope_mscale, rope_mscale_all;
  bool rope_truncate;
  int matrices, embedding, head;

  ModelShape shape() const noexcept {
    ModelShape s;
    s.layers = layers;
    s.width = width;
    s.heads = heads;
    s.kv_heads = kv_heads;
    s.head_dim = head_dim;
    s.hidden = hidden;
    s.vocab = vocab;
    s.epsilon = epsilon;
    s.tied = tied;
    s.qk_norm = qk_norm;
    s.qkv_bias = qkv_bias;
    s.out_bias = out_bias;
    s.mlp_bias = mlp_bias;
    s.rope = {.kind = static_cast<RopeKind>(rope),
              .theta = rope_theta,
              .factor = rope_factor,
              .original = rope_original == 0 ? positions : rope_original,
              .low = rope_low,
              .high = rope_high,
              .beta_fast = rope_beta_fast,
              .beta_slow = rope_beta_slow,
              .attention = rope_attention,
              .mscale = rope_mscale,
              .mscale_all = rope_mscale_all,
              .truncate = rope_truncate};
    s.matrices = static_cast<simd::WeightType>(matrices);
    s.embedding = static_cast<simd::WeightType>(embedding);
    s.head = static_cast<simd::WeightType>(head);
    return s;
  }
};

/// Field for field `RawRunOptions` in web/src/runtime/raw.ts.
struct JsRunOptions {
  Address ids;
  std::uint32_t tokens;
  Address policies;
  std::uint32_t policy_count;
  Address logits, targets, losses, profile, report;
  std::uint32_t chunk;

  RunOptions options() const noexcept {
    return {.ids = at<const std::uint32_t>(ids),
            .tokens = tokens,
            .policies = at<const double>(policies),
            .policy_count = policy_count,
            .logits = at<float>(logits),
            .targets = at<const std::uint32_t>(targets),
            .losses = at<float>(losses),
            .profile = at<double>(profile),
            .report = at<double>(report),
            .chunk = chunk};
  }
};

class JsModel {
 public:
  explicit JsModel(const ModelShape& shape) : weights_(shape) {}

  const ModelWeights& weights() const noexcept { return weights_; }
  JsStatus status() const { return to_js(weights_.status()); }
  double bytes() const { return static_cast<double>(weights_.bytes()); }
  std::uint32_t slots() const { return static_cast<std::uint32_t>(weights_.slots()); }
  std::string slot_name(std::uint32_t slot) const { return weights_.name(slot); }
  std::uint32_t slot_rows(std::uint32_t slot) const { return static_cast<std::uint32_t>(weights_.slot(slot).rows); }
  std::uint32_t slot_columns(std::uint32_t slot) const {
    return static_cast<std::uint32_t>(weights_.slot(slot).columns);
  }
  JsStatus write(std::uint32_t slot, std::uint32_t first, std::uint32_t rows, Address from, int type, Address scales) {
    return to_js(weights_.write(slot, first, rows, at<const std::byte>(from), static_cast<simd::WeightType>(type),
                                at<const float>(scales)));
  }
  JsStatus complete() const { return to_js(weights_.complete()); }
  JsStatus read(std::uint32_t slot, std::uint32_t first, std::uint32_t rows, Address to, Address scales) const {
    return to_js(weights_.read(slot, first, rows, at<std::int8_t>(to), at<float>(scales)));
  }

 private:
  ModelWeights weights_;
};

class JsModelCache {
 public:
  explicit JsModelCache(const CacheShape& shape) : cache_(shape) {}

  KvCache& cache() noexcept { return cache_; }
  JsStatus status() const { return to_js(cache_.status()); }
  std::uint32_t length() const { return static_cast<std::uint32_t>(cache_.length()); }
  std::uint32_t capacity() const { return static_cast<std::uint32_t>(cache_.shape().capacity); }
  double bytes() const { return static_cast<double>(cache_.bytes()); }
  JsStatus rewind(std::uint32_t length) { return to_js(cache_.rewind(length)); }
  void clear() { cache_.clear(); }
  JsStatus fork_from(JsModelCache* other) { return to_js(cache_.fork(other->cache_)); }

 private:
  KvCache cache_;
};

JsModel* make_model(const JsModelShape& js) { return new JsModel(js.shape()); }

JsModelCache* make_cache(JsModel* model, std::uint32_t capacity, int type) {
  return new JsModelCache(cache_shape(model->weights().shape(), capacity, static_cast<simd::RowType>(type)));
}

Job<ModelRun>* make_run(JsModel* model, JsModelCache* cache, const JsRunOptions& options) {
  return new Job<ModelRun>(model->weights(), cache->cache(), options.options());
}

}  // namespace

EMSCRIPTEN_BINDINGS(model) {
  using namespace emscripten;
  value_object<JsModelShape>("ModelShape")
      .field("layers", &JsModelShape::layers)
      .field("width", &JsModelShape::width)
      .field("heads", &JsModelShape::heads)
      .field("kvHeads", &JsModelShape::kv_heads)
      .field("headDim", &JsModelShape::head_dim)
      .field("hidden", &JsModelShape::hidden)
      .field("vocab", &JsModelShape::vocab)
      .field("positions", &JsModelShape::positions)
      .field("epsilon", &JsModelShape::epsilon)
      .field("tied", &JsModelShape::tied)
      .field("qkNorm", &JsModelShape::qk_norm)
      .field("qkvBias", &JsModelShape::qkv_bias)
      .field("outBias", &JsModelShape::out_bias)
      .field("mlpBias", &JsModelShape::mlp_bias)
      .field("rope", &JsModelShape::rope)
      .field("ropeTheta", &JsModelShape::rope_theta)
      .field("ropeFactor", &JsModelShape::rope_factor)
      .field("ropeOriginal", &JsModelShape::rope_original)
      .field("ropeLow", &JsModelShape::rope_low)
      .field("ropeHigh", &JsModelShape::rope_high)
      .field("ropeBetaFast", &JsModelShape::rope_beta_fast)
      .field("ropeBetaSlow", &JsModelShape::rope_beta_slow)
      .field("ropeAttention", &JsModelShape::rope_attention)
      .field("ropeMscale", &JsModelShape::rope_mscale)
      .field("ropeMscaleAll", &JsModelShape::rope_mscale_all)
      .field("ropeTruncate", &JsModelShape::rope_truncate)
      .field("matrices", &JsModelShape::matrices)
      .field("embedding", &JsModelShape::embedding)
      .field("head", &JsModelShape::head);
  value_object<JsRunOptions>("RunOptions")
      .field("ids", &JsRunOptions::ids)
      .field("tokens", &JsRunOptions::tokens)
      .field("policies", &JsRunOptions::policies)
      .field("policyCount", &JsRunOptions::policy_count)
      .field("logits", &JsRunOptions::logits)
      .field("targets", &JsRunOptions::targets)
      .field("losses", &JsRunOptions::losses)
      .field("profile", &JsRunOptions::profile)
      .field("report", &JsRunOptions::report)
      .field("chunk", &JsRunOptions::chunk);
  class_<JsModel>("Model")
      .constructor(&make_model, allow_raw_pointers())
      .function("status", &JsModel::status)
      .function("bytes", &JsModel::bytes)
      .function("slots", &JsModel::slots)
      .function("slotName", &JsModel::slot_name)
      .function("slotRows", &JsModel::slot_rows)
      .function("slotColumns", &JsModel::slot_columns)
      .function("write", &JsModel::write)
      .function("complete", &JsModel::complete)
      .function("read", &JsModel::read);
  class_<JsModelCache>("ModelCache")
      .constructor(&make_cache, allow_raw_pointers())
      .function("status", &JsModelCache::status)
      .function("length", &JsModelCache::length)
      .function("capacity", &JsModelCache::capacity)
      .function("bytes", &JsModelCache::bytes)
      .function("rewind", &JsModelCache::rewind)
      .function("clear", &JsModelCache::clear)
      .function("forkFrom", &JsModelCache::fork_from, allow_raw_pointers());
  bind_job("ModelRunJob", &make_run);
}

}  // namespace heed::bindings
