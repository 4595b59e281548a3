// How the rows of a problem are cut into units of work and into panels.
//
// A unit is a run of queries of one batch entry with all query heads that share one key head: the packed keys and
// values serve every head of the group. Within a unit the rows are laid out as panels, head by head:
//
//   unit = (b, g, queries [first, last))    panel p = head g * group + p / panels_per_head, queries
//                                           first + (p % panels_per_head) * kPanel ...
//
// The cut depends on the shape alone. Causal units come in order of falling cost, so that no thread starts the longest
// unit last.
#pragma once

#include <algorithm>

#include "attention/problem.hpp"
#include "base/checked_math.hpp"
#include "simd/block.hpp"
#include "simd/score_rules.hpp"

namespace heed {

class RowBlocks {
 public:
  /// About `rows` rows a unit: enough to pay for packing the keys, few enough to share among threads and to keep their
  /// state in the second-level cache.
  RowBlocks(const AttentionShape& shape, std::size_t rows) noexcept
      : shape_(shape),
        queries_(round_up(std::max<std::size_t>(1, rows / shape.group()), simd::kPanel)),
        blocks_((shape.queries + queries_ - 1) / queries_) {}

  struct Unit {
    std::size_t batch, kv_head, first, last;
  };

  std::size_t units() const noexcept { return shape_.batch * shape_.kv_heads * blocks_; }
  std::size_t panels_per_head() const noexcept { return queries_ / simd::kPanel; }
  /// Panels of the largest unit.
  std::size_t panels() const noexcept { return panels_per_head() * shape_.group(); }

  /// The first query of panel p of a unit, and its head. A panel past the unit's last query has no queries.
  std::size_t panel_query(const Unit& unit, std::size_t p) const noexcept {
    return unit.first + p % panels_per_head() * simd::kPanel;
  }
  std::size_t panel_head(const Unit& unit, std::size_t p) const noexcept {
    return unit.kv_head * shape_.group() + p / panels_per_head();
  }

  Unit unit(std::size_t i) const noexcept {
    const std::size_t heads = shape_.batch * shape_.kv_heads;
    const std::size_t block = shape_.causal ? blocks_ - 1 - i / heads : i / heads;
    const std::size_t first = block * queries_;
    return {i % heads / shape_.kv_heads, i % shape_.kv_heads, first, std::min(first + queries_, shape_.queries)};
  }

 private:
  AttentionShape shape_;
  std::size_t queries_;
  std::size_t blocks_;
};

/// Which keys a panel sees. A lane past the last query sees what the last query sees.
struct PanelVisibility {
  simd::LaneVisibility lanes;
  std::size_t from_least, from_most, end_least;
  std::size_t end_most;  // 0: no query of the panel sees a key, or the panel has no queries
  std::size_t sinks;

  /// The panel of queries [first, min(first + kPanel, last)).
  static PanelVisibility of(const AttentionShape& shape, std::size_t first, std::size_t last) noexcept {
    PanelVisibility sees{};
    if (first >= last) return sees;
    const std::size_t final = std::min(first + simd::kPanel, last) - 1;
    for (std::size_t lane = 0; lane < simd::kPanel; ++lane) {
      const std::size_t i = std::min(first + lane, final);
      sees.lanes.from[lane] = static_cast<float>(shape.from(i));
      sees.lanes.end[lane] = static_cast<float>(shape.end(i));
    }
    sees.lanes.sinks = static_cast<float>(shape.sinks);
    sees.sinks = shape.sinks;
    sees.from_least = shape.from(first);
    sees.from_most = shape.from(final);
    sees.end_least = shape.end(first);
    sees.end_most = shape.end(final);
    return sees;
  }

  /// Some row sees some key of [keys).
  bool any_see(Range keys) const noexcept {
    return keys.begin < end_most && (keys.end > from_least || keys.begin < sinks);
  }
  /// Every row sees every key of [keys).
  bool all_see(Range keys) const noexcept {
    return keys.end <= end_least && (keys.begin >= from_most || keys.end <= sinks);
  }
};

}  // namespace heed
