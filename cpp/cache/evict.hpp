// Forgetting tokens that the newest queries hardly look at, and saying how much of their attention that loses.
//
// Queries vote: a token's votes are the probabilities that the rows of a key head give it. Every head of the layer
// keeps as many tokens as the others, but its own ones: the first `sinks`, the last `recent`, and those with the most
// votes.
//
//   kRecent   no votes: sinks and recent tokens only (StreamingLLM, arXiv 2309.17453)
//   kVotes    `keep` tokens by votes, each vote the largest among `width` neighbors (SnapKV, arXiv 2404.14469)
//   kLoss     as few tokens as lose at most `loss` of the attention of any head's rows on average (DERIVED: for one
//             head no smaller set does, because it takes the largest votes first)
//
// With `recorded` a token's votes are what it received of all attention that was recorded (recorded_attention.hpp)
// instead: kVotes is then H2O (arXiv 2306.14048), and the queries only say what is lost.
//
// The loss is measured on the queries of the call alone; later ones may miss what is gone. Positions count what is
// left.
#pragma once

#include "cache/decode_scores.hpp"
#include "parallel/task_pool.hpp"

namespace heed {

/// The order is the order of `rawPolicies` in web/src/runtime/raw.ts.
enum class EvictPolicy { kRecent, kVotes, kLoss };

struct EvictOptions {
  EvictPolicy policy = EvictPolicy::kVotes;
  std::size_t sinks = 0;
  std::size_t recent = 0;
  std::size_t keep = 0;   // kVotes: tokens in all
  std::size_t width = 1;  // kVotes: odd
  double loss = 0.0;      // kLoss
  bool recorded = false;
  float* lost = nullptr;  // (queries, heads): the attention that each row of the voters gave to what is gone
};

/// Evicts from problem.layer; problem.q votes. A failure leaves the cache as it was. kInvalidArgument when recorded
/// attention is to vote and there is none.
Status evict(KvCache& cache, const DecodeProblem& problem, const EvictOptions& options, TaskPool& pool);

}  // namespace heed
