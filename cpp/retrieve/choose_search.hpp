// Which search to run, from the problem itself: its size, and a few of its rows tried with both exact retrievers.
//
// Where few keys are skipped the scan wins, and nothing is tried: with fewer than kFewestKeys keys a row on average
// (causal rows see half of them), what a row costs apart from its scores decides, and at 2048 causal tokens of a real
// model screening took as long as scanning or longer; or where more than an eighth of them are kept. Otherwise
// kProbeRows queries, evenly spread, ask an index of the first head's keys (at most kProbeKeys, the last ones), and the
// exact scores that each search had to form give its cost. Costs are in scores of the tile a key:
//
//   scan   1.6                                   the score itself, the filter and the rest
//   int8   0.8 + 5 scored / keys
//   pages  0.1 + 10 scored / keys
//
// with factors estimated from times at d = 64, n = 4096. The same problem gives the same choice, whatever the threads.
#pragma once

#include "retrieve/key_index.hpp"
#include "sparse/budget.hpp"

namespace heed {

struct SearchChoice {
  Search search = Search::kExact;
  double screened = 1.0;  // share of the keys that each search scored exactly; 1 when it was not tried
  double visited = 1.0;
};

inline constexpr std::size_t kFewestKeys = 2048;
inline constexpr std::size_t kProbeRows = 16;
inline constexpr std::size_t kProbeKeys = 16384;

/// Never fails: without memory for a probe it is the scan.
SearchChoice choose_search(const AttentionProblem& problem, const Budget& budget);

}  // namespace heed
