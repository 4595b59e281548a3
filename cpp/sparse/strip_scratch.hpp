// What the parts of StripTopK share: one thread's working memory, and the panel that a unit is.
// strip_topk.cpp forms the scores, strip_rows.cpp and whole_row.hpp choose the keys, strip_values.cpp makes the output,
// strip_certificates.cpp the certificates.
#pragma once

#include <algorithm>

#include "sparse/strip_topk.hpp"
#include "sparse/whole_row.hpp"

namespace heed {

// Queries [first, last) of one head.
struct StripTopK::Place {
  std::size_t batch, head, kv_head, first, last;
  PanelVisibility sees;
  Range before, after;  // the keys that some row sees: sinks, and from where the first window begins

  std::size_t lanes() const noexcept { return last - first; }
};

// Cut from one allocation.
struct StripTopK::Scratch {
  WholeRow* rows;       // kPanel
  float* queries;       // a panel
  float* packed;        // a block of keys or of values
  float* block;         // scores of a block, or its weights
  float* raw;           // its logits, where they differ
  WholeRowScratch row;  // of the row at hand
  double* total;        // (value_dim, kPanel)
  float* part;          // the same, of one block
};

// visit(keys) for the keys that some row sees, in blocks.
template <class Visit>
void StripTopK::each_block(const Place& at, Visit&& visit) const noexcept {
  for (const Range range : {at.before, at.after})
    for (std::size_t j = range.begin; j < range.end; j += simd::kKeyBlock)
      visit(Range{j, std::min(j + simd::kKeyBlock, range.end)});
}

}  // namespace heed
