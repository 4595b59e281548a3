// Top-k attention by exact scan: every score is computed, the k that rank first (topk/order.hpp) are kept, the rest is
// summed up into one number, the dropped mass, and left to the estimator (tail.hpp).
//
// Per unit of rows the keys pass by in blocks, an even sample of them first (key_order.hpp). The sample gives each row
// a threshold. For each panel and block: scores, the sum of all e^s against a running reference, and a filter that
// appends the scores above the row's threshold to its candidates. When a row's candidates are nearly full they are cut
// to the k best, which raises the threshold. At the end of the unit the candidates are cut to exactly k and the values
// of all its rows gathered (gathered_rows.hpp). A row whose sample promised too much has fewer than k candidates and is
// scanned again without a threshold, so the set is exact whatever the sample was.
//
// Where norms bound all scores of a panel by 20 its weights are relative to 0 and not to a running reference.
//
// A row that has fewer scores above -infinity than it must keep takes -infinity and then NaN scores, lowest index
// first.
//
// Memory: per thread, rows x (2 k + 256) candidates of 8 bytes and what exact attention needs for scores; and up to
//         two copies of keys and one of values (ordered_keys.hpp, heads_apart.hpp); never n x n.
#pragma once

#include "attention/problem.hpp"
#include "attention/row_blocks.hpp"
#include "base/buffer.hpp"
#include "base/pieces.hpp"
#include "parallel/task_pool.hpp"
#include "sparse/candidates.hpp"
#include "sparse/heads_apart.hpp"
#include "sparse/key_order.hpp"
#include "sparse/ordered_keys.hpp"
#include "sparse/panel_scan.hpp"
#include "sparse/row_offsets.hpp"
#include "sparse/tail.hpp"
#include "sparse/tail_sums.hpp"
#include "sparse/topk_options.hpp"

namespace heed {

/// Whether this class computes such rows. The others need more of a row than passes by here: strip_topk.hpp.
bool scans(const AttentionProblem& problem, const TopKOptions& options) noexcept;

class TopKAttention {
 public:
  TopKAttention(const AttentionProblem& problem, const TopKOptions& options, TaskPool& pool);
  TopKAttention(const TopKAttention&) = delete;
  TopKAttention& operator=(const TopKAttention&) = delete;

  /// Why it cannot run. Nothing may be called after a failure.
  const Status& status() const noexcept { return status_; }
  std::size_t units() const noexcept { return blocks_.units(); }
  /// Computes the rows of some units. Each unit once, in any batches.
  void run(Range units);

 private:
  struct Scratch;
  struct OfferedKeys;
  /// Which keys of a block are packed for the tail: all but the first `skip`; none when size is 0.
  struct TailBlock {
    std::size_t skip = 0, size = 0;
    bool finite = true;
  };
  struct RowPlace;
  Status prepare();
  Scratch cut(Pieces& pieces) const noexcept;
  std::size_t scratch_bytes() const noexcept;
  void run_unit(std::size_t unit, std::size_t thread) noexcept;
  bool order_keys();
  PassingKeys pack_listed(const RowBlocks::Unit& unit, std::size_t count, Scratch& scratch) noexcept;
  void choose_weights(PanelScan& scan) const noexcept;
  void start_panel(const RowBlocks::Unit& unit, std::size_t panel, Scratch& scratch) noexcept;
  void scan_sample(const RowBlocks::Unit& unit, const KeyOrder& order, Scratch& scratch) noexcept;
  void start_tail(const RowBlocks::Unit& unit, Scratch& scratch) noexcept;
  void scan_block(const RowBlocks::Unit& unit, const PassingKeys& keys, Scratch& scratch) noexcept;
  void add_to_sums(PanelScan& scan, const float* scores, const OfferedKeys& keys) noexcept;
  TailBlock pack_tail(const RowBlocks::Unit& unit, const PassingKeys& keys, Scratch& scratch) noexcept;
  void add_to_tail(const TailBlock& tail, std::size_t panel, const float* scores, std::size_t count,
                   Scratch& scratch) noexcept;
  void offer(std::size_t panel, const float* scores, const OfferedKeys& keys, Scratch& scratch) noexcept;
  Candidates candidates(std::size_t panel, std::size_t lane, Scratch& scratch) const noexcept;
  void finish_rows(const RowBlocks::Unit& unit, bool sampled, Scratch& scratch) noexcept;
  RowEnd weigh_row(const RowPlace& place, bool sampled, Scratch& scratch) noexcept;
  VisibleSums visible_sums(const RowPlace& place, Scratch& scratch) const noexcept;
  void complete_candidates(const RowPlace& place, bool sampled, Scratch& scratch) noexcept;
  bool linear() const noexcept { return options_.estimator == Estimator::kLinear; }
  bool needs_values() const noexcept { return linear() || options_.estimator == Estimator::kCompensated; }
  template <class Visit>
  void each_block_again(const RowPlace& place, Scratch& scratch, Visit&& visit) noexcept;
  void rescan(const RowPlace& place, Scratch& scratch) noexcept;
  void take_unranked(const RowPlace& place, Scratch& scratch) noexcept;

  AttentionProblem problem_;
  HeadsApart heads_apart_;
  TopKOptions options_;
  TaskPool& pool_;
  Status status_;
  std::size_t most_kept_;  // of any row
  std::size_t capacity_;   // candidates of a row
  RowBlocks blocks_;
  ScoreFormer former_;
  Buffer<std::byte> scratch_;
  Buffer<double> key_norms_;  // (batch, kv_heads, keys): the largest up to each key, so that a row knows only its own
  OrderedKeys ordered_keys_;  // where all units look at the keys in one order
  TailSums tail_sums_;
};

}  // namespace heed
