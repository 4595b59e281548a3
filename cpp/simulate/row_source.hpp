// Scores of sampled rows with all keys, at any n: rows in groups, each row in one piece.
//
//   s_ij = sigma <W_Q^T x_i, W_K^T x_j> / sqrt(d)    or sigma z_ij    or sigma <q_i, k_j> / sqrt(d), given heads
//
// `rows` rows stand for all n: token(r) = (r + 1) n / rows - 1, evenly spread, the last one among them. Keys are made
// stretch by stretch from their numbers (token_input.hpp) and forgotten; only the scores of a group stay, at most
// kGroupScores of them or one panel. So memory is linear in n, and n x n numbers are never held.
//
// Use: reserve() once for everything that will come, then per study begin(), and per group begin_group() and fill()
// for every stretch, on any threads. Nothing after reserve() allocates.
// Numerics: scores by the library's kernels in float, in the one order of summation (simd/score_tile.hpp).
#pragma once

#include "base/buffer.hpp"
#include "simulate/score_weights.hpp"
#include "simulate/token_input.hpp"

namespace heed {

struct SourceOptions {
  std::size_t n = 0;
  std::size_t head_dim = 64;
  std::size_t rows = 256;  // at most n are used
  Input input = Input::kGaussian;
  double strength = 0.0;  // of the input
  Weights weights = Weights::kIndependent;
  double shape = 0.0;  // rank or exponent of the weights
  double sigma = 1.0;
  bool causal = false;  // row i sees the keys 0 .. i
  bool self = true;     // whether a row sees its own key
  /// With `causal`: rows see `least` to n keys, spaced evenly in the logarithm. 0: evenly in the number.
  std::size_t least = 0;
  std::uint64_t seed = 0;
  const float* q = nullptr;  // (n, d) with Weights::kGiven
  const float* k = nullptr;

  std::size_t sampled() const noexcept { return rows < n ? rows : n; }
};

class RowSource {
 public:
  static constexpr std::size_t kStretch = 10 * simd::kKeyBlock;
  static constexpr std::size_t kGroupScores = std::size_t{1} << 23;  // 32 MB: chosen

  static constexpr std::size_t kGroupRows = 1024;  // a stretch of a group is then a few milliseconds of work
  static constexpr std::size_t kBlockRows = 64;
  /// Rows of a group: all of them, or as many as fit, whole blocks where that is one or more, always whole panels.
  static std::size_t group_rows(const SourceOptions& options) noexcept;
  static std::size_t stretches(std::size_t n) noexcept { return (n + kStretch - 1) / kStretch; }

  /// Room for each of `count` studies, on `threads` threads. False when there is no memory.
  [[nodiscard]] bool reserve(const SourceOptions* studies, std::size_t count, std::size_t threads);
  void begin(const SourceOptions& options) noexcept;
  const SourceOptions& options() const noexcept { return options_; }

  static std::size_t token(const SourceOptions& options, std::size_t row) noexcept;
  std::size_t token(std::size_t row) const noexcept { return token(options_, row); }
  /// Keys that a row sees, its own among them.
  std::size_t visible(std::size_t row) const noexcept { return options_.causal ? token(row) + 1 : options_.n; }

  /// Rows [first, first + group_rows) come next; makes their queries.
  void begin_group(std::size_t first) noexcept;
  /// Scores of the group's rows with one stretch of keys.
  void fill(std::size_t stretch, std::size_t thread) noexcept;
  /// The n scores of a row of the group; those past visible() are not to be looked at.
  const float* scores(std::size_t row) const noexcept { return scores_.data() + (row - first_) * row_stride(); }

  /// Tokens of `range` to rows packed_stride(d) apart. For weights that have tokens.
  void make_tokens(Range range, float* to, std::size_t thread) noexcept;
  /// Numbers of W, for weights that have them.
  WeightNorms weight_norms() noexcept { return weights_.norms(); }
  /// max |x| and the mean of x^2 over all entries of the tokens, once the stretches of the first group are filled.
  struct TokenRange {
    double largest, square;
  };
  TokenRange token_range() const noexcept;

 private:
  struct Scratch {
    float *tokens, *keys, *scores, *chain;
  };
  std::size_t row_stride() const noexcept { return round_up(options_.n, 16); }
  Scratch scratch(std::size_t thread) noexcept;
  void make_keys(Range keys, Scratch& scratch, TokenRange& range) noexcept;
  void fill_independent(Range keys) noexcept;

  SourceOptions options_;
  std::size_t first_ = 0, count_ = 0;  // the group
  TokenInput input_;
  ScoreWeights weights_;
  Buffer<float> queries_, scores_, scratch_;
  Buffer<TokenRange> ranges_;  // per stretch
  std::size_t scratch_size_ = 0, chain_size_ = 0;
};

}  // namespace heed
