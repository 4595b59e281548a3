// Top-k attention over the keys that a retriever finds.
//
// The index is built first (unless it was handed over ready), then blocks of up to kRowsTogether rows of a head are
// retrieved, weighed and written. Both are units of the same job, so that progress and cancelling see all of it.
//
// The denominator is not known where scores are skipped. Two ways with it:
//
// Tail::kNone     the estimator is `renormalized`, which needs the kept scores only; `dropped` is an upper bound.
// Tail::kSampled  any estimator, with the tail from a sample (sampled_tail.hpp); `dropped` is an estimate,
//                 `interval` the half-width of its 95 % confidence interval, 1.96 Z_H / Z^2 standard errors of the
//                 tail's weight. Sums over all keys, of values, of s_j v_j and of s_j, come from the running sums of
//                 sparse/tail_sums.hpp and need no score.
//
// In both `bound` is certified, with all rounding included (DERIVED):
//
//   tau = R / (Z_H + R) <= rest / (Z_H + rest)      rest >= R, the sum over the keys that were not kept
//
// Z_H is off by at most eta = kExpError + 264 u of itself, so tau <= tau_c = rest / (Z_H (1 - eta) + rest) for the
// scores as computed, and a score error of delta moves a ratio of two sums by at most e^(2 delta), as in
// dropped_mass.hpp.
//
// What an approximate search misses is measured: up to kRecallRows rows, evenly spread, are also scanned.
#pragma once

#include "base/buffer.hpp"
#include "parallel/task_pool.hpp"
#include "retrieve/key_index.hpp"
#include "retrieve/sampled_tail.hpp"
#include "sparse/budget.hpp"
#include "sparse/heads_apart.hpp"
#include "sparse/tail.hpp"
#include "sparse/tail_sums.hpp"

namespace heed {

enum class Tail { kNone, kSampled };

struct RetrievalOptions {
  Search search = Search::kInt8;
  Budget budget;
  Estimator estimator = Estimator::kRenormalized;
  Tail tail = Tail::kNone;
  double enough = 0.0;                     // QueryRows::enough
  std::uint64_t seed = 0;                  // of the hashes and of the sample
  float* dropped = nullptr;                // (batch, queries, heads)
  float* bound = nullptr;                  // (batch, queries, heads)
  float* interval = nullptr;               // (batch, queries, heads)
  std::uint32_t* kept = nullptr;           // (batch, queries, heads)
  std::uint32_t* indices = nullptr;        // row r at offsets[r], ascending; null when not wanted
  const std::uint32_t* offsets = nullptr;  // running totals of the entries that the rows keep
  float* recall = nullptr;                 // kRecallRows shares; rows that were not looked at leave theirs alone
};

/// Whether such a problem can be retrieved: without window, sinks, mask and softcap.
bool retrievable(const AttentionProblem& problem) noexcept;

class RetrievedAttention {
 public:
  static constexpr std::size_t kRecallRows = 32;

  /// `index`: built for these keys, or null to build one of the kind `search` first. Without a sampled tail
  /// options.estimator must be kRenormalized.
  RetrievedAttention(const AttentionProblem& problem, const RetrievalOptions& options, const KeyIndex* index,
                     TaskPool& pool);
  RetrievedAttention(const RetrievedAttention&) = delete;
  RetrievedAttention& operator=(const RetrievedAttention&) = delete;

  /// Why it cannot run. Nothing may be called after a failure.
  const Status& status() const noexcept { return status_; }
  std::size_t units() const noexcept { return build_units_ + row_units_; }
  /// Each unit once, in any batches, in order.
  void run(Range units);

 private:
  struct Scratch;
  struct Mass;
  Status prepare();
  Scratch cut(Pieces& pieces) const noexcept;
  std::size_t scratch_bytes() const noexcept;
  bool sampled() const noexcept { return options_.tail == Tail::kSampled; }
  bool linear() const noexcept { return sampled() && options_.estimator == Estimator::kLinear; }
  void sum_keys() noexcept;
  void run_rows(std::size_t unit, std::size_t thread) noexcept;
  void start_tails(const QueryRows& rows, Scratch& scratch) noexcept;
  void write(const QueryRows& rows, std::size_t i, Scratch& scratch) noexcept;
  Mass known_mass(const RetrievedRow& row, std::size_t visible, Scratch& scratch) noexcept;
  Mass sampled_mass(const QueryRows& rows, std::size_t i, std::size_t place, Scratch& scratch) noexcept;
  VisibleSums visible_sums(const QueryRows& rows, std::size_t i, double& score, Scratch& scratch) noexcept;
  void measure_recall(const QueryRows& rows, std::size_t i, std::size_t place, Scratch& scratch) noexcept;

  AttentionProblem problem_;
  HeadsApart heads_apart_;
  RetrievalOptions options_;
  TaskPool& pool_;
  Status status_;
  KeyIndex own_;
  const KeyIndex* index_;
  std::size_t most_kept_ = 0, blocks_ = 0, build_units_ = 0, row_units_ = 0, retriever_bytes_ = 0;
  Buffer<std::byte> scratch_;
  TailSums tail_sums_;
  Buffer<double> key_sums_;  // (batch, kv_heads, blocks, head_dim): over the keys that a block's first row sees
};

}  // namespace heed
