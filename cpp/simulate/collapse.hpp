// Protocol E1: how many entries of an attention row are effective, as the context grows. One length n per job.
//
//   x_i ~ N(0, I_d), s_ij = <W_Q^T x_i, W_K^T x_j> / sqrt(d), p_i = softmax_j(s_ij)    effective: p_ij > epsilon
//
// Weights: independent   W_Q, W_K with independent N(0, 1/d) entries
//          identity      W_Q = W_K = I: a token's score with itself has mean sqrt(d)
//          low rank      W_Q, W_K = N(0, 1/d) (d x r) times N(0, 1/r) (r x d), independent of each other
//
// Some rows stand for all: `rows` queries spread evenly over the n tokens, each against all n keys. Keys are made block
// by block from their numbers (base/random.hpp) and forgotten, so memory does not grow with n. p > epsilon is decided
// on the score, s > ln epsilon + ln Z, once Z is known: two passes over the keys.
//
// Numerics: scores and exponentials in float by the library's kernels, sums over keys and rows in double. The result
// does not depend on the number of threads.
#pragma once

#include <cstdint>

#include "base/buffer.hpp"
#include "base/status.hpp"
#include "parallel/task_pool.hpp"
#include "simulate/projection.hpp"

namespace heed {

enum class CollapseWeights { kIndependent, kIdentity, kLowRank };

struct CollapseOptions {
  std::size_t n = 0;
  std::size_t head_dim = 64;
  std::size_t rows = 256;  // at most n are used
  CollapseWeights weights = CollapseWeights::kIndependent;
  std::size_t rank = 1;
  std::uint64_t seed = 0;
  const double* epsilon = nullptr;  // (epsilons)
  std::size_t epsilons = 0;
  double* effective = nullptr;  // (epsilons), written: mean entries of a row above epsilon
  double* sigma = nullptr;      // (1), written: standard deviation of the scores with other tokens
};

class CollapsePoint {
 public:
  CollapsePoint(const CollapseOptions& options, TaskPool& pool);

  const Status& status() const noexcept { return status_; }
  /// A unit is a stretch of keys. The first half of the units forms the denominators, the second half counts; the
  /// results stand when the last unit is done. Units must be run in order.
  std::size_t units() const noexcept { return 2 * stretches_; }
  void run(Range units);

 private:
  struct Scratch;
  struct Partial;
  Status prepare();
  Scratch scratch(std::size_t thread) noexcept;
  std::size_t token(std::size_t row) const noexcept { return row * options_.n / rows_; }
  void make_queries() noexcept;
  void make_keys(Range keys, Scratch& scratch) const noexcept;
  template <class Visit>
  void each_block(std::size_t stretch, Scratch& scratch, Visit&& visit) const noexcept;
  void sum_stretch(std::size_t stretch, std::size_t thread) noexcept;
  void count_stretch(std::size_t stretch, std::size_t thread) noexcept;
  void join_sums() noexcept;
  void join_counts() noexcept;

  CollapseOptions options_;
  TaskPool& pool_;
  Status status_;
  std::size_t rows_ = 0, panels_ = 0, stretch_ = 0, stretches_ = 0;
  ColumnPanels query_weights_, key_weights_;  // empty for the identity
  Buffer<float> queries_;                     // (panels) of the sampled rows, scaled
  Buffer<std::byte> partials_;                // (stretches, panels) Partial
  Buffer<float> thresholds_;                  // (epsilons, panels, kPanel) scores
  Buffer<std::uint64_t> counts_;              // (stretches, epsilons)
  Buffer<float> scratch_;
  std::size_t scratch_size_ = 0;
};

}  // namespace heed
