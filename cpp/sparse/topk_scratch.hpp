// What the two halves of a top-k scan share: one thread's working memory, and the place of a row in it.
// topk_attention.cpp looks for candidates, topk_rows.cpp turns them into rows.
#pragma once

#include "sparse/gathered_rows.hpp"
#include "sparse/topk_attention.hpp"

namespace heed {

// Cut from one allocation.
struct TopKAttention::Scratch {
  PanelScan* panels;
  float* keys;            // the packed sample, later one packed block
  float* scores;          // of the sample for one panel, or of one block for kPanelsTogether panels
  float* queries;         // panels
  std::uint32_t* listed;  // numbers of the packed keys
  float* candidate_scores;
  std::uint32_t* candidate_indices;
  float* spare_scores;
  std::uint32_t* spare_indices;
  double* visible_sum;
  float* scored;          // panels of sum s_j v_j, where the tail is fitted
  float* block_values;    // a packed block, likewise
  float* block_weights;   // a block of scores, likewise
  GatheredRow* gathered;  // rows of a unit
  RowEnd* ends;
  float* kept_sums;
};

// At most one block of keys. Whatever comes later has a number above `all_before`: for the sample, that is 0.
struct TopKAttention::OfferedKeys {
  const std::uint32_t* numbers;
  std::size_t count;
  std::uint32_t all_before;
};

struct TopKAttention::RowPlace {
  std::size_t batch, kv_head, head, query, panel, lane;
};

}  // namespace heed
