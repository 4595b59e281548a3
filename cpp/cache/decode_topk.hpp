// Attention of new queries over the best tokens of a cache, and how much attention that leaves out.
//
//   kExact   every score is formed; the k that rank first are kept.
//   kByte    every score is formed from the shadow keys (shadow_keys.hpp), a quarter of the bytes, with a band that the
//            score lies in. T is the k-th best lower end; a token whose upper end is below T cannot be among the k
//            best. The few others are scored exactly, so the set is that of kExact, ties included.
//
// For rows that see all tokens before them and budgets that count: the rest is for decode_whole_rows.hpp.
//
// The dropped mass comes from the scores that were formed: exact ones, or those of the shadow keys with the exact ones
// of the kept tokens in their place. Both have a certified bound (sparse/dropped_mass.hpp); the second's includes the
// band. Estimators as in sparse/tail.hpp, their sums over all tokens from tail_state.hpp.
//
// Work is cut twice: chunks of tokens of a key head form scores, then rows select and gather. Memory: four bytes a
// token and row of a block, and twelve a token and thread.
#pragma once

#include "base/pieces.hpp"
#include "cache/decode_scores.hpp"
#include "cache/kept_monitor.hpp"
#include "cache/topk_options.hpp"
#include "parallel/task_pool.hpp"
#include "simd/row_candidates.hpp"

namespace heed {

class CacheTopK {
 public:
  CacheTopK(KvCache& cache, const DecodeProblem& problem, const CacheTopKOptions& options, TaskPool& pool);
  CacheTopK(const CacheTopK&) = delete;
  CacheTopK& operator=(const CacheTopK&) = delete;

  /// Why it cannot run. Nothing may be called after a failure, and no other call on the cache may come before the end.
  const Status& status() const noexcept { return status_; }
  /// Blocks of queries.
  std::size_t units() const noexcept { return (problem_.queries + kDecodeQueries - 1) / kDecodeQueries; }
  void run(Range units);

 private:
  struct Sums;
  struct Row;
  struct Scratch;
  Status prepare();
  Scratch cut(Pieces& pieces) const noexcept;
  std::size_t scratch_bytes() const noexcept;
  bool fitted() const noexcept {
    return options_.estimator == Estimator::kCompensated || options_.estimator == Estimator::kLinear;
  }
  bool screened() const noexcept { return search_ == CacheSearch::kByte; }
  bool in_place() const noexcept { return cache_.shape().type == simd::RowType::kFloat; }
  float* scores_of(std::size_t g, std::size_t row) noexcept {
    return formed_.data() + (g * scores_.most_rows() + row) * stride_;
  }
  void form_chunk(std::size_t g, std::size_t chunk) noexcept;
  void finish_row(std::size_t g, std::size_t r, std::size_t thread) noexcept;
  float guess(const Row& row, Scratch& s) const noexcept;
  std::size_t select(const Row& row, Scratch& s) noexcept;
  std::size_t screen(Row& row, Scratch& s) noexcept;
  bool set_bands(Row& row, Scratch& s) const noexcept;
  std::size_t filter(const Row& row, float threshold, Scratch& s) const noexcept;
  std::size_t all_of(Row& row, Scratch& s) noexcept;
  void score_again(Row& row, std::size_t count, Scratch& s) noexcept;
  void keep(const Row& row, std::size_t count, Scratch& s) noexcept;
  void find_values(const Row& row, Scratch& s) const noexcept;
  void sum_again(Row& row, double reference, const Scratch& s) const noexcept;
  void settle(Row& row, Scratch& s) noexcept;
  void sum_visible(const Row& row, Scratch& s) noexcept;
  void write(Row& row, Scratch& s) noexcept;

  KvCache& cache_;
  DecodeProblem problem_;
  CacheTopKOptions options_;
  TaskPool& pool_;
  Status status_;
  DecodeScores scores_;
  CacheSearch search_;  // a cache of bytes is its own shadow
  KeptMonitor monitor_;
  std::size_t chunks_ = 0, stride_ = 0, most_kept_ = 0, summed_ = 0;
  Buffer<float> formed_;    // (kv_heads, rows, stride)
  Buffer<std::byte> sums_;  // (kv_heads, rows, chunks)
  Buffer<std::byte> scratch_;
};

}  // namespace heed
