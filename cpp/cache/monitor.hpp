// What one step of attention looks like, row by row: how sparse it is, and what that means for the options of a call.
//
//   lse        ln Z                         entropy    -sum p ln p = lse - sum p s
//   effective  entries with p > epsilon     seen       entries with p > 2^-25, half a unit in the last place of a float
//                                                      sum near 1: what a plain float accumulator can tell from nothing
//   sink       mass of the first tokens     self       mass of the newest visible token
//   sigma      standard deviation of s      largest    the largest p
//   k          fewest entries whose dropped mass is at most `mass`, at most 1/64 in the score too many
//   exponent   1 - sigma^2 / (2 ln n), from 0 to 1: the C with which alpha n^C keeps the mass if scores are Gaussian
//
// `exponent` is DERIVED (theory/README.md, condensation): the mass of Gaussian scores lies on about n^(1 - gamma^2)
// entries, sigma = gamma sqrt(2 ln n).
//
// Cost: the scores are formed as decoding forms them, and looked at three times: about 0.6 of an exact decode. Meant
// for every 32nd step or so.
#pragma once

#include "cache/decode_scores.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

struct MonitorOptions {
  double epsilon = 0.01;
  double mass = 0.05;
  std::size_t sinks = 4;
  double* out = nullptr;  // (queries, heads, kMonitored)
};

/// Numbers a row, in the order of `rawMonitored` in web/src/runtime/raw.ts.
inline constexpr std::size_t kMonitored = 10;

class CacheMonitor {
 public:
  CacheMonitor(const KvCache& cache, const DecodeProblem& problem, const MonitorOptions& options, TaskPool& pool);

  const Status& status() const noexcept { return status_; }
  /// Blocks of queries.
  std::size_t units() const noexcept { return (problem_.queries + kDecodeQueries - 1) / kDecodeQueries; }
  void run(Range units);

 private:
  void look(std::size_t g, std::size_t row) noexcept;

  const KvCache& cache_;
  DecodeProblem problem_;
  MonitorOptions options_;
  TaskPool& pool_;
  Status status_;
  DecodeScores scores_;
  std::size_t stride_ = 0;
  Buffer<float> formed_;  // (kv_heads, rows, stride)
};

}  // namespace heed
