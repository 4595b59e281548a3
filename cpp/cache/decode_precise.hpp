// Exact attention of new queries over a cache in double: products, scores, weights and sums, from the numbers that the
// cache holds to the rounding of the result. As decode.hpp in everything else: chunks, their merge, who sees whom.
//
// For rows whose weights are so even that a float sum no longer sees the single token (the dispersion of
// theory/README.md), which the monitor finds, and as a yardstick on the device itself. Queries are not rounded, not
// even for a cache of bytes, whose numbers are byte times scale here, unrounded.
#pragma once

#include "base/buffer.hpp"
#include "cache/decode_scores.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

class PreciseCacheAttention {
 public:
  PreciseCacheAttention(const KvCache& cache, const DecodeProblem& problem, TaskPool& pool);
  PreciseCacheAttention(const PreciseCacheAttention&) = delete;
  PreciseCacheAttention& operator=(const PreciseCacheAttention&) = delete;

  /// Why it cannot run. Nothing may be called after a failure.
  const Status& status() const noexcept { return status_; }
  /// Blocks of queries.
  std::size_t units() const noexcept { return (problem_.queries + kDecodeQueries - 1) / kDecodeQueries; }
  void run(Range units);

 private:
  struct Part;
  struct Row;
  Part part(std::size_t g, std::size_t chunk, std::size_t row) noexcept;
  Row row(std::size_t g, std::size_t r) const noexcept;
  std::size_t rows() const noexcept { return queries_.size() * shape_.group(); }
  std::size_t most_rows() const noexcept { return std::min(kDecodeQueries, shape_.queries) * shape_.group(); }
  void start(Range queries) noexcept;
  void run_chunk(std::size_t g, std::size_t chunk, std::size_t thread) noexcept;
  void form_scores(std::size_t g, Range tokens, double* scores, float* token) const noexcept;
  double ruled(const Row& row, std::size_t token, double score) const noexcept;
  void add_values(std::size_t g, std::size_t chunk, Range tokens, const double* weights, float* token) noexcept;
  void merge(std::size_t g, std::size_t row) noexcept;

  const KvCache& cache_;
  DecodeProblem problem_;
  TaskPool& pool_;
  AttentionShape shape_;
  Status status_;
  Range queries_ = {};
  std::size_t chunks_ = 0, key_columns_, value_columns_;
  Buffer<double> scaled_;   // (kv_heads, rows, key columns)
  Buffer<double> outs_;     // (kv_heads, chunks, rows, value columns)
  Buffer<double> highest_;  // (kv_heads, chunks, rows)
  Buffer<double> sums_;     // (kv_heads, chunks, rows)
  Buffer<double> scores_;   // scores, then weights: (threads, rows, kDecodeChunk)
  Buffer<float> tokens_;    // a key or a value: (threads, columns)
};

}  // namespace heed
