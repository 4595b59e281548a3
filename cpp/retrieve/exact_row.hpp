// One row by a full scan: every score of the row, and the k that rank first. What a retriever falls back on for rows
// that its shortcut cannot serve: queries or keys that are not finite, bands too wide, more keys wanted than skipped.
//
// Cost: a gathered score a key (simd/gathered_scores.hpp), some four times a score of the tile, and a radix select.
#pragma once

#include "base/pieces.hpp"
#include "retrieve/retriever.hpp"

namespace heed {

struct ExactRowScratch {
  float* scores;           // keys, in whole vectors
  std::uint32_t* indices;  // likewise

  static ExactRowScratch cut(Pieces& pieces, std::size_t keys) noexcept;
};

/// Fills `row` from the first `visible` rows of `keys`. `query`: scaled.
void retrieve_exactly(const MatrixView<const float>& keys, std::size_t visible, const float* query, RetrievedRow& row,
                      const ExactRowScratch& scratch) noexcept;

/// An upper bound of the sum of `terms` computed exponentials, from the sum itself: exp.hpp's error for |x| <= 88, and
/// what underflow took.
double sum_bound(double sum, std::size_t terms) noexcept;

}  // namespace heed
