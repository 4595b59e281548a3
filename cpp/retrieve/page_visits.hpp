// One row's walk over pages of keys in order of falling bounds (pages.hpp).
#pragma once

#include "base/pieces.hpp"
#include "retrieve/exact_row.hpp"
#include "simd/simd.hpp"

namespace heed {

class PageVisits {
 public:
  struct Scratch {
    float* bounds;           // of the pages that the row sees whole: no score with their keys is larger
    std::uint32_t* order;    // a heap of pages
    std::uint32_t* visited;  // pages
    float* best;             // scores above the running threshold
    float* terms;            // bounds or scores that become exponentials
    ExactRowScratch exact;   // scores and numbers of the visited keys

    static Scratch cut(Pieces& pieces, std::size_t keys, std::size_t pages, std::size_t most_kept) noexcept;
  };

  PageVisits(const MatrixView<const float>& keys, std::size_t visible, const float* query, double enough,
             const Scratch& scratch) noexcept
      : keys_(keys), visible_(visible), query_(query), enough_(enough), scratch_(scratch) {}

  void run(RetrievedRow& row) noexcept;

 private:
  void visit(std::size_t page, std::size_t wanted) noexcept;
  void raise_threshold(std::size_t wanted) noexcept;
  bool certified(std::size_t wanted) noexcept;
  void take(RetrievedRow& row) noexcept;
  double unvisited(float reference) noexcept;

  MatrixView<const float> keys_;
  std::size_t visible_;
  const float* query_;
  double enough_;
  Scratch scratch_;
  std::size_t in_heap_ = 0, visited_ = 0, scored_ = 0, best_count_ = 0;
  float threshold_ = -simd::kInfinity;  // at least `wanted` scores so far reach it
  bool spoiled_ = false;
};

}  // namespace heed
