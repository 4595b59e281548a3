// Exact attention of new queries over a cache.
//
// A unit of work is a chunk of tokens of one key head. Its scores are formed, turned into weights against the chunk's
// own maximum, and the weighted values added up in float. The chunks of a row are then put together in double, in the
// order of the tokens:
//
//   o = sum_c e^(m_c - m) o_c / sum_c e^(m_c - m) l_c        m = max_c m_c
//
// The cut depends on the number of tokens alone, so any number of threads gives the same bits. A chunk's sum of values
// cannot see a weight under 2^-25 of what it holds already; Accumulate::kCompensated sums values in float over
// kKeyBlock tokens only, and those sums in double. Accumulate::kDouble leaves the output to decode_precise.hpp.
//
// Cost: the bytes of the keys and values, read once; queries of the same key head share the reading of a key, and read
//       values again from the second-level cache.
#pragma once

#include <optional>

#include "cache/decode_precise.hpp"
#include "cache/decode_scores.hpp"
#include "cache/monitor.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

class CacheAttention {
 public:
  /// Rows are also monitored, and what tokens receive is summed, where `monitor` has places for it; the bits of the
  /// output do not change. Without problem.out that is all that happens.
  CacheAttention(const KvCache& cache, const DecodeProblem& problem, const MonitorOptions& monitor, TaskPool& pool);
  CacheAttention(const KvCache& cache, const DecodeProblem& problem, TaskPool& pool)
      : CacheAttention(cache, problem, MonitorOptions{}, pool) {}
  CacheAttention(const CacheAttention&) = delete;
  CacheAttention& operator=(const CacheAttention&) = delete;

  /// Why it cannot run. Nothing may be called after a failure.
  const Status& status() const noexcept { return status_; }
  /// Blocks of queries.
  std::size_t units() const noexcept { return (problem_.queries + kDecodeQueries - 1) / kDecodeQueries; }
  void run(Range units);

 private:
  struct Part;
  Part part(std::size_t g, std::size_t chunk, std::size_t row) noexcept;
  void run_chunk(std::size_t g, std::size_t chunk, std::size_t thread) noexcept;
  struct Total;
  Total total(std::size_t g, std::size_t row) noexcept;
  void merge(std::size_t g, std::size_t row) noexcept;
  void add_values(std::size_t g, Range keys, const float* weights, const Part& to, std::size_t thread) noexcept;
  bool compensated() const noexcept { return problem_.accumulate == Accumulate::kCompensated; }
  bool monitored() const noexcept { return monitor_.out != nullptr; }
  bool forms_scores() const noexcept { return problem_.out != nullptr || keeps_weights(); }
  bool keeps_weights() const noexcept { return monitored() || monitor_.received != nullptr; }
  float* weights_of(std::size_t g, std::size_t row, std::size_t chunk, std::size_t thread) noexcept;
  void look(std::size_t g, std::size_t row) noexcept;
  void share(std::size_t g, std::size_t row) noexcept;
  void add_received(std::size_t g, std::size_t chunk) noexcept;

  const KvCache& cache_;
  DecodeProblem problem_;
  TaskPool& pool_;
  Status status_;
  DecodeScores scores_;
  MonitorOptions monitor_;
  std::size_t chunks_ = 0, columns_ = 0;
  std::optional<PreciseCacheAttention> precise_;
  Buffer<float> outs_;        // (kv_heads, chunks, rows, columns); of a thread and block where sums are compensated
  Buffer<double> wide_outs_;  // the former, then
  Buffer<float> references_;  // (kv_heads, chunks, rows)
  Buffer<double> sums_;       // (kv_heads, chunks, rows)
  Buffer<double> total_;      // (columns)
  Buffer<double> shares_;     // (kv_heads, chunks, rows): of a weight of 1 in the attention of its row
  Buffer<float> weights_;     // scores, then weights: (threads, rows, kDecodeChunk), or all where they are kept
  Buffer<simd::WeighedMoments> moments_;  // (kv_heads, chunks, rows), monitored
};

}  // namespace heed
