// The best tokens of one row of a cache, found box by box by their bounds (page_boxes.hpp).
//
// Boxes are visited while their bound is at least the k-th best score so far (equal too, for ties go to the lower
// token): then the set is exact, ties included. The first ones come in order of falling bounds, so that the k-th best
// score is soon nearly what it will be; the others in the order of memory, which reads them at the speed of a scan.
//
// With `enough` all come in order of falling bounds, and it may stop earlier, when
//
//   rest / (Z_H + rest) <= enough      rest = sum over unvisited boxes of 32 e^U + sum over visited tokens not kept of
//   e^s
//
// until the visited tokens alone show that no set of k tokens leaves so little: then only the exact set is left to
// find. A box that the row sees in part is always visited, so that no bound counts on tokens that the row does not see.
#pragma once

#include "base/pieces.hpp"
#include "cache/found_tokens.hpp"

namespace heed {

class BoxVisits {
 public:
  struct Scratch {
    float *bounds, *scores, *best, *terms;
    std::uint32_t *heap, *tokens;
    std::size_t best_room;
    static Scratch cut(Pieces& pieces, std::size_t tokens, std::size_t most_kept) noexcept;
  };

  BoxVisits(const KvCache& cache, const PageBoxes& boxes, const RowOfCache& row, double enough,
            const Scratch& scratch) noexcept
      : cache_(cache), boxes_(boxes), row_(row), enough_(enough), s_(scratch) {}

  /// `query`: (x+, x-), then x, columns() numbers each; `query_norm`: of the scaled query.
  void find(const float* query, double query_norm, FoundTokens& found) noexcept;

 private:
  void bound_all(const float* query, double query_norm) noexcept;
  void visit(std::size_t box, std::size_t wanted) noexcept;
  bool visit_highest(std::size_t wanted) noexcept;
  void raise_floor(std::size_t wanted) noexcept;
  double unvisited(float reference) noexcept;
  double others(float reference, const Cut& cut, double* kept) noexcept;
  bool certified(std::size_t wanted) noexcept;

  const KvCache& cache_;
  const PageBoxes& boxes_;
  const RowOfCache& row_;
  double enough_;
  Scratch s_;
  std::size_t whole_ = 0, waiting_ = 0, visited_ = 0, scored_ = 0, best_ = 0;
  float floor_ = -simd::kInfinity;
  bool spoiled_ = false;
};

}  // namespace heed
