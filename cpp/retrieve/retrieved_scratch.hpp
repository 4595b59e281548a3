// What the two halves of attention over retrieved keys share: one thread's working memory, and what a row's masses are.
// retrieved_attention.cpp retrieves rows, retrieved_rows.cpp weighs and writes them.
#pragma once

#include "retrieve/exact_row.hpp"
#include "retrieve/retrieved_attention.hpp"

namespace heed {

// Cut from one allocation.
struct RetrievedAttention::Scratch {
  float* queries;          // (kRowsTogether, head_dim), scaled
  float* scores;           // (kRowsTogether, room)
  std::uint32_t* indices;  // likewise
  float* weights;          // room
  RetrievedRow* rows;      // kRowsTogether
  std::size_t room;
  std::byte* retriever;
  ExactRowScratch exact;         // for recall
  std::uint32_t* exact_indices;  // room, likewise
  TailSampleScratch* sample;
  double* visible_values;  // sum v_j over the first `summed` keys
  std::size_t summed;
  float* panel;       // queries
  float* scored;      // panels of sum s_j v_j over the keys that the block's first row sees
  float* row_scored;  // the same over all that a row sees
  float* added;
};

// The sums of a row, and what is said of its dropped mass.
struct RetrievedAttention::Mass {
  RowSums sums;
  ScoreSums scores;
  VisibleSums visible;
  float dropped;
  float interval;
};

}  // namespace heed
