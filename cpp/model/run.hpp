// One call of a decoder: token ids that continue a cache, and what is wanted of them.
//
//   logits   of the last token: what follows it
//   losses   -ln p(target) for each token that has a target
//   report   sums over rows of what the policies dropped, as they know it themselves (report.hpp)
//   profile  sums over rows of what attention looked like (profile.hpp)
//
// Tokens go through the layers in chunks. A unit of work is one layer of one chunk, or a chunk's end: the last norm,
// the head and what is read from it. A chunk of one token, which is decoding, goes through as a vector; others as
// panels of tokens, so that weights are read and widened once for all of them.
//
// The cache is the caller's. It grows layer by layer while the run goes on; a run that does not come to its end,
// because memory is short or nobody wants it any more, takes back what it appended.
//
// Numerics: floats, sums over columns in the order of simd/weight_tile.hpp and simd/weight_products.hpp; the sum of a
// loss in double.
//           The cut into chunks changes results by rounding, the number of threads does not.
#pragma once

#include "model/head_losses.hpp"
#include "model/layer_attention.hpp"
#include "model/profile.hpp"
#include "model/report.hpp"
#include "model/token_math.hpp"

namespace heed {

struct RunOptions {
  const std::uint32_t* ids = nullptr;
  std::size_t tokens = 0;
  const double* policies = nullptr;  // (policy_count, kPolicyNumbers)
  std::size_t policy_count = 0;
  float* logits = nullptr;                 // (vocab), or null
  const std::uint32_t* targets = nullptr;  // (tokens), or null
  float* losses = nullptr;                 // (tokens); with targets
  double* profile = nullptr;               // (layers, heads, kProfiled), added to; or null
  double* report = nullptr;                // (layers, heads, kReported), added to; or null
  std::size_t chunk = 0;                   // 0: kChunkTokens
};

/// What a cache of such a model must look like.
CacheShape cache_shape(const ModelShape& shape, std::size_t capacity, simd::RowType type) noexcept;

class ModelRun {
 public:
  static constexpr std::size_t kChunkTokens = 256;

  ModelRun(const ModelWeights& weights, KvCache& cache, const RunOptions& options, TaskPool& pool);
  ~ModelRun();
  ModelRun(const ModelRun&) = delete;
  ModelRun& operator=(const ModelRun&) = delete;

  /// Why it cannot go on. After construction, and after every run(): memory may run out on the way.
  const Status& status() const noexcept { return status_; }
  std::size_t units() const noexcept;
  /// Each unit once, in any batches, in order.
  void run(Range units);

 private:
  Status check() const;
  Status prepare();
  void run_unit(std::size_t unit);
  Range chunk(std::size_t i) const noexcept;
  std::size_t panels() const noexcept { return (now_.size() + simd::kPanel - 1) / simd::kPanel; }
  bool single() const noexcept { return now_.size() == 1; }

  void start_chunk();
  void write_angles();
  void attend(std::size_t layer);
  void project(std::size_t layer);
  void project_token(std::size_t layer);
  void note_inputs(std::size_t layer) noexcept;
  void mix(std::size_t layer);
  void mix_token(std::size_t layer);
  void finish_chunk();
  void write_losses();
  void last_logits();

  const ModelWeights& weights_;
  const ModelShape& shape_;
  KvCache& cache_;
  RunOptions options_;
  TaskPool& pool_;
  Status status_;
  Buffer<AttentionPolicy> policies_;
  PolicyTable table_;
  std::size_t chunk_tokens_ = 0, start_ = 0, done_ = 0;
  Range now_;  // tokens of the chunk

  TokenMath math_;
  HeadLosses losses_;
  LayerAttention attention_;
  RunReport report_;
  RunProfile profile_;
  // Activations: panels of tokens, or one token.
  Buffer<float> x_, h_, q_, k_, v_, gate_, up_;
  Buffer<float> cosines_, sines_;        // (panels, head_dim / 2, kPanel), or (head_dim / 2)
  Buffer<double> frequencies_;           // (head_dim / 2)
  Buffer<float> queries_, attended_;     // (heads, tokens, head_dim)
  Buffer<float> new_keys_, new_values_;  // (tokens, kv_heads, head_dim)
  Buffer<float> token_;                  // (width), the last token's
};

}  // namespace heed
