// Top-k attention of new queries over a cache, with all visible scores of a row at once (sparse/whole_row.hpp): for
// what the classes that know causality and counted budgets alone cannot decide (decode_topk.hpp, decode_retrieved.hpp).
//
//   windows, sinks, masks, softcap    rows see different tokens; each row's own are put together, ascending
//   mass, threshold                   need the denominator before the first token is kept (sparse/row_choice.hpp)
//   certificates                      need the tokens that were dropped, one by one (sparse/certificates.hpp)
//
// What is kept, dropped, estimated and certified is what sparse/strip_topk.hpp says of rows without a cache. The tail
// is explicit, sums over what the row sees: the running sums of tail_state.hpp know nothing of what a rule hides.
//
// Work is cut twice: pages of tokens of a key head form scores, then rows choose and add up the values, blocks of
// kTokensAtOnce in float and the blocks in double. Only pages that a row of the block sees are read.
//
// Memory: four bytes a token and row of a block, eight where the line runs through logits that are not the scores; and
//         up to 28 bytes a visible token and thread.
#pragma once

#include "base/pieces.hpp"
#include "cache/decode_scores.hpp"
#include "cache/topk_options.hpp"
#include "parallel/task_pool.hpp"
#include "sparse/whole_row.hpp"

namespace heed {

class CacheWholeRows {
 public:
  /// Every score is formed: options.search and what belongs to searches that skip scores are not read.
  CacheWholeRows(KvCache& cache, const DecodeProblem& problem, const CacheTopKOptions& options, TaskPool& pool);
  CacheWholeRows(const CacheWholeRows&) = delete;
  CacheWholeRows& operator=(const CacheWholeRows&) = delete;

  /// Why it cannot run. Nothing may be called after a failure, and no other call on the cache may come before the end.
  const Status& status() const noexcept { return status_; }
  /// Blocks of queries.
  std::size_t units() const noexcept { return (problem_.queries + kDecodeQueries - 1) / kDecodeQueries; }
  void run(Range units);

 private:
  static constexpr std::size_t kTokensAtOnce = 64;  // a divisor of kPageTokens
  struct Scratch;
  Status prepare();
  Scratch cut(Pieces& pieces) const noexcept;
  std::size_t scratch_bytes() const noexcept;
  bool needs_logits() const noexcept;
  float* scores_of(std::size_t g, std::size_t row) noexcept {
    return formed_.data() + (g * scores_.most_rows() + row) * stride_;
  }
  float* logits_of(std::size_t g, std::size_t row) noexcept {
    return logits_.size() == 0 ? scores_of(g, row) : logits_.data() + (g * scores_.most_rows() + row) * stride_;
  }
  void form_page(std::size_t g, std::size_t page) noexcept;
  void append_visible(std::size_t g, std::size_t r, Range tokens, WholeRow& row) noexcept;
  void finish_row(std::size_t g, std::size_t r, std::size_t thread) noexcept;
  double score_error(std::size_t g, std::size_t r, const WholeRow& row, Scratch& s) const noexcept;
  void mix(std::size_t g, const WholeRow& row, Scratch& s, float* out) const noexcept;
  void watch(std::size_t place, std::size_t thread, const Scratch& s) noexcept;
  void certify_mass(std::size_t g, std::size_t r, std::size_t place, WholeRow& row, const Scratch& s) const noexcept;
  void certify_output(std::size_t g, std::size_t place, const WholeRow& row, const float* out,
                      Scratch& s) const noexcept;

  KvCache& cache_;
  DecodeProblem problem_;
  TopKOptions options_;
  TaskPool& pool_;
  Status status_;
  DecodeScores scores_;
  KeptMonitor monitor_;
  std::size_t stride_ = 0;
  std::size_t most_seen_ = 0;      // tokens of any row
  Buffer<float> formed_, logits_;  // (kv_heads, rows, stride); no logits where they are the scores
  Buffer<std::byte> scratch_;
};

}  // namespace heed
