// Attention of new queries over tokens of a cache that are found without every score.
//
//   kBoxes      page summaries, branch and bound (box_visits.hpp): the exact set, or an earlier stop with a certificate
//   kSketches   the kNearest(k) tokens whose sketches are nearest to the query's (key_sketches.hpp), scored exactly,
//   and
//               the best of these: approximate; `recall` says how much was found, at the price of a scan
//
// What the skipped tokens weigh is not known. Without a sampled tail the estimator is `renormalized`, which needs the
// kept scores only, and `dropped` is the bound. With one, any estimator: the tail's coefficients come from a uniform
// sample of kTailSample tokens that were not kept (retrieve/sampled_tail.hpp), its sums over all tokens from the
// running sums (tail_state.hpp); `dropped` is an estimate, and `interval` the half-width of its 95 % confidence
// interval, 1.96 Z_H / Z^2 standard errors of the tail's weight. The sample follows from the seed, the layer, the row
// and the number of tokens: a step repeats bit for bit.
//
// `bound` is certified in all cases (retrieve/certified_mass.hpp); where nothing better is known it takes every skipped
// score for |q| max |k|.
#pragma once

#include "cache/box_visits.hpp"
#include "cache/decode_topk.hpp"
#include "retrieve/sampled_tail.hpp"

namespace heed {

class CacheRetrieval {
 public:
  /// options.search: kBoxes or kSketches.
  CacheRetrieval(KvCache& cache, const DecodeProblem& problem, const CacheTopKOptions& options, TaskPool& pool);
  CacheRetrieval(const CacheRetrieval&) = delete;
  CacheRetrieval& operator=(const CacheRetrieval&) = delete;

  /// Why it cannot run. Nothing may be called after a failure, and no other call on the cache may come before the end.
  const Status& status() const noexcept { return status_; }
  /// Queries.
  std::size_t units() const noexcept { return problem_.queries; }
  void run(Range units);

  /// Tokens that are scored exactly for a row that keeps k.
  static constexpr std::size_t nearest(std::size_t k) noexcept { return 8 * k + 256; }

 private:
  struct Scratch;
  struct Row;
  Status prepare();
  Scratch cut(Pieces& pieces) const noexcept;
  std::size_t scratch_bytes() const noexcept;
  bool by_boxes() const noexcept { return options_.search == CacheSearch::kBoxes; }
  void finish_row(std::size_t g, std::size_t r, std::size_t thread) noexcept;
  void find_nearest(const Row& row, const float* query, FoundTokens& found, Scratch& s) noexcept;
  void measure_recall(const Row& row, const FoundTokens& found, Scratch& s) noexcept;
  void write(Row& row, FoundTokens& found, Scratch& s) noexcept;
  void look(const Row& row, const FoundTokens& found, const Scratch& s) noexcept;
  void sample(Row& row, const FoundTokens& found, Scratch& s) noexcept;

  KvCache& cache_;
  DecodeProblem problem_;
  CacheTopKOptions options_;
  TaskPool& pool_;
  Status status_;
  DecodeScores scores_;
  KeptMonitor monitor_;
  std::size_t most_kept_ = 0;
  Buffer<std::byte> scratch_;
};

}  // namespace heed
