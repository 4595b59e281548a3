// The scores of one panel of queries with a packed block of keys, as a problem defines them: product, softcap, mask,
// visibility. Exact attention, top-k scans and score matrices all get their scores here, so they cannot disagree.
#pragma once

#include "attention/problem.hpp"
#include "attention/row_blocks.hpp"

namespace heed {

/// A panel: kPanel queries of one head, or fewer at the end.
struct PanelRows {
  std::size_t batch, head, first, last;  // queries [first, last)
  const float* queries;                  // packed
  const PanelVisibility* sees;
};

class ScoreFormer {
 public:
  explicit ScoreFormer(const AttentionProblem& problem) noexcept : problem_(problem) {}

  /// Scores with keys [keys): packed block, to scores [keys.size()][kPanel].
  void form(const PanelRows& rows, Range keys, const float* packed, float* scores) const noexcept;

  /// form() in its two steps: the products alone, which softcap, mask and visibility then change.
  void form_products(const PanelRows& rows, std::size_t count, const float* packed, float* scores) const noexcept;
  void apply_rules(const PanelRows& rows, Range keys, float* scores) const noexcept;

  /// The same for `count` keys, ascending, with these numbers.
  void form_listed(const PanelRows& rows, const std::uint32_t* keys, std::size_t count, const float* packed,
                   float* scores) const noexcept;

 private:
  template <class T>
  void mask_rows(const T* mask, const PanelRows& rows, std::size_t first_key, const T** starts) const noexcept;

  const AttentionProblem& problem_;
};

}  // namespace heed
