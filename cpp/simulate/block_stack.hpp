// A stack of random transformer blocks, run three ways at once: exact, with top-k attention, and each block with top-k
// attention on the exact input.
//
//   pre     x' = x + A(N(x)),  x'' = x' + M(N(x'))         post    x' = N(x + A(x)),  x'' = N(x' + M(x'))
//
// without the x + where there is no residual path, without M where there is no MLP. N divides a row by its root mean
// square. A: heads of d / heads dimensions, scores sigma q k^T / sqrt(d / heads), causal or not; W_Q, W_K, W_V, W_O
// with N(0, 1/d) entries. M: 4 d rectified units, W_1 with N(0, 2/d) and W_2 with N(0, 1/(4 d)) entries, so that a row
// of mean square 1 keeps it in the mean.
//
// Top-k attention keeps the k best scores of a row and either renormalizes them or leaves their probabilities as they
// are and gives the dropped ones the mean of their values (`compensated`).
//
// Numerics: float, softmax sums and statistics in double. A unit is some rows of one phase of one layer.
#pragma once

#include <vector>

#include "parallel/task_pool.hpp"
#include "simulate/row_source.hpp"
#include "simulate/sorted_row.hpp"

namespace heed {

struct BlockOptions {
  SourceOptions source;  // n, head_dim = width d, input, sigma, causal, seed
  std::size_t heads = 4, layers = 12, keep = 16;
  bool pre_norm = true, residual = true, mlp = true;
  bool alternate = false;  // only every second layer is sparse, the first one is not
  bool compensated = false;
  double epsilon = 0.01;
};

/// What one layer leaves; rows and heads are averaged over.
struct LayerReport {
  double entropy = 0.0;    // of exact rows, over ln of their length
  double effective = 0.0;  // entries above epsilon
  double dropped = 0.0;    // mass outside the k best, of exact rows
  double cosine = 0.0;     // mean cosine of two tokens after the block, exact
  double sparse_cosine = 0.0;
  double error = 0.0;  // |sparse - exact|_F / |exact|_F after the block
  double local = 0.0;  // the same where only this block is sparse
};

class BlockStack {
 public:
  [[nodiscard]] bool reserve(const BlockOptions& options, TaskPool& pool);
  std::size_t units() const noexcept { return 1 + options_.layers * per_layer(); }
  /// In order, every unit once. Unit 0 makes the tokens of that seed.
  void begin(std::uint64_t seed) noexcept;
  void run(Range units);
  const LayerReport& report(std::size_t layer) const noexcept { return reports_[layer]; }

  static bool sparse(const BlockOptions& options, std::size_t layer) noexcept {
    return !options.alternate || layer % 2 == 1;
  }

 private:
  enum Stream { kExact, kSparse, kLocal, kStreams };
  static constexpr std::size_t kRows = 16;
  struct Scratch {
    RowScratch row;
    float *scores, *normed, *mixed, *hidden;
  };

  std::size_t chunks() const noexcept { return (options_.source.n + kRows - 1) / kRows; }
  // Its weights, projections, blocks, statistics.
  std::size_t per_layer() const noexcept { return 2 + 2 * chunks(); }
  std::size_t width() const noexcept { return options_.source.head_dim; }
  bool normed_first() const noexcept { return options_.pre_norm; }
  float* rows_of(Buffer<float>& all, std::size_t stream, std::size_t row) noexcept {
    return all.data() + (stream * options_.source.n + row) * width();
  }
  Scratch scratch(std::size_t thread) noexcept;
  void make_tokens() noexcept;
  void make_weights(std::size_t layer) noexcept;
  void project(std::size_t chunk, std::size_t thread) noexcept;
  void apply(std::size_t layer, std::size_t chunk, std::size_t thread) noexcept;
  void attend(std::size_t row, Stream stream, bool top, const Scratch& s) noexcept;
  void attend_head(std::size_t row, std::size_t head, Stream stream, bool top, const Scratch& s) noexcept;
  void finish_row(const float* x, const Scratch& s, float* to) const noexcept;
  void look(std::size_t layer) noexcept;

  BlockOptions options_;
  TaskPool* pool_ = nullptr;
  std::uint64_t seed_ = 0;
  TokenInput input_;
  Buffer<float> weights_;           // W_Q, W_K, W_V, W_O (d, d); W_1 (d, 4 d); W_2 (4 d, d)
  Buffer<float> tokens_, next_;     // (streams, n, d)
  Buffer<float> queries_, values_;  // (2, n, d)
  Buffer<float> keys_;              // (2, d, n): keys of one dimension side by side
  Buffer<double> statistics_;       // (n, heads, 3): entropy share, effective entries, dropped mass
  Buffer<float> chain_;             // of the tokens
  Buffer<std::byte> memory_;        // per thread
  std::size_t bytes_ = 0;
  std::vector<LayerReport> reports_;
};

}  // namespace heed
