// Top-k attention with all scores of a few rows in memory at once: a strip of one panel, kPanel rows of one head, with
// the keys that they see. For what a scan block by block (topk_attention.hpp) cannot decide on its way:
//
//   windows, sinks, masks   rows of a panel see different keys; each row's own are put together, ascending
//   mass, threshold         need the denominator before the first key is kept (row_choice.hpp)
//   certificates            need the keys that were dropped, one by one (certificates.hpp)
//   linear under softcap or a bias: the line runs through the raw logits scale <q, k>; softcap and bias enter through
//                           p alone, so that the line stays what sums over keys can say
//
// The tail is explicit. Its mass and its line are sums over the dropped keys themselves, in double, and the output is
// one pass over the values with the final weights: p_j for kept keys, what the estimator says for dropped ones. A row
// whose estimator leaves the dropped keys out gathers the kept values only.
//
// Cost:    scores as exact attention has them; selection, 5 passes over a row; another pass over the values where the
//          tail is explicit; with certificates two more, and keys / 32 products of a row with page bounds.
// Memory:  per thread kPanel x keys x 8 bytes, and half as much again for logits or certificates; never n x n. With a
//          window, kPanel x (window + sinks + kPanel).
#pragma once

#include "attention/problem.hpp"
#include "attention/score_former.hpp"
#include "base/buffer.hpp"
#include "base/pieces.hpp"
#include "parallel/task_pool.hpp"
#include "sparse/page_bounds.hpp"
#include "sparse/topk_options.hpp"
#include "sparse/whole_row.hpp"

namespace heed {

class StripTopK {
 public:
  StripTopK(const AttentionProblem& problem, const TopKOptions& options, TaskPool& pool);
  StripTopK(const StripTopK&) = delete;
  StripTopK& operator=(const StripTopK&) = delete;

  /// Why it cannot run. Nothing may be called after a failure.
  const Status& status() const noexcept { return status_; }
  std::size_t units() const noexcept;
  /// Computes the rows of some units. Each unit once, in any batches.
  void run(Range units);

 private:
  struct Place;
  struct Scratch;
  Status prepare();
  void note_norms();
  Scratch cut(Pieces& pieces) const noexcept;
  std::size_t scratch_bytes() const noexcept;
  Place place(std::size_t unit) const noexcept;
  void run_unit(std::size_t unit, std::size_t thread) noexcept;

  template <class Visit>
  void each_block(const Place& place, Visit&& visit) const noexcept;
  void form_scores(const Place& place, Scratch& scratch) noexcept;
  void append_visible(const Place& place, Range keys, Scratch& scratch) noexcept;
  bool sees(const Place& place, std::size_t lane, std::size_t key) const noexcept;

  void finish_row(const Place& place, std::size_t lane, Scratch& scratch) noexcept;
  void gather(const Place& place, std::size_t lane, const WholeRow& row, Scratch& scratch) noexcept;
  double row_score_error(const Place& place, std::size_t lane, const WholeRow& row) const noexcept;
  void mix(const Place& place, Scratch& scratch) noexcept;

  void certify_mass(const Place& place, std::size_t lane, WholeRow& row, const Scratch& scratch) noexcept;
  void certify_outputs(const Place& place, Scratch& scratch) noexcept;

  bool needs_logits() const noexcept;
  bool fills_tail() const noexcept;
  std::size_t row_index(const Place& place, std::size_t lane) const noexcept;

  AttentionProblem problem_;
  TopKOptions options_;
  TaskPool& pool_;
  Status status_;
  ScoreFormer former_;
  std::size_t columns_ = 0;  // keys that some row of a panel sees, at most
  Buffer<std::byte> scratch_;
  Buffer<double> key_norms_, value_norms_;  // (batch, kv_heads, keys)
  PageBounds pages_;
};

}  // namespace heed
