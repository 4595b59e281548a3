// What the certificates of a whole row (whole_row.hpp) are made from; what they say is in certificates.hpp.
#pragma once

#include <algorithm>
#include <cmath>

#include "sparse/certificates.hpp"
#include "sparse/whole_row.hpp"

namespace heed {

/// Pages of keys, each known by the smallest and the largest numbers of its keys, as one row sees them.
struct PagesSeen {
  std::size_t page_keys;  // of every page but the last
  std::size_t keys;       // in all
  const float* bias;      // of the row, or null
  double softcap;         // 0: none
};

/// At least what the dropped keys weigh, page by page. A page that the row sees as a whole and keeps nothing of has not
/// been looked at: each of its keys counts with highest(page), at least any product with its keys. In all others the
/// dropped keys count with their own weights.
template <class Highest>
double dropped_weight_above(const WholeRow& row, const WholeRowScratch& s, const PagesSeen& pages,
                            Highest&& highest_of) noexcept {
  const double delta = row.sums.score_error;
  double total = 0.0;
  std::size_t next = 0;  // kept
  for (std::size_t j = 0; j < row.count;) {
    const std::size_t page = row.keys[j] / pages.page_keys;
    const std::size_t first = page * pages.page_keys, last = std::min(first + pages.page_keys, pages.keys);
    std::size_t end = j, kept = next;
    while (end < row.count && row.keys[end] < last) ++end;
    while (kept < row.sums.entries && s.places[kept] < end) ++kept;
    if (kept == next && end - j == last - first) {
      double highest = highest_of(page);
      if (pages.softcap != 0.0) highest = pages.softcap * std::tanh(highest / pages.softcap);
      if (pages.bias == nullptr) {
        total += static_cast<double>(end - j) * std::exp(highest - row.reference + delta);
      } else {
        for (; j < end; ++j) total += std::exp(highest + double{pages.bias[row.keys[j]]} - row.reference + delta);
      }
      j = end;
    } else {
      for (; j < end; ++j) {
        if (next < kept && s.places[next] == j)
          ++next;
        else
          total += weight_above(double{s.weights[j]}, delta);
      }
    }
  }
  return total;
}

/// Writes what can be said without the values, after WholeRow::report(); blockwise for a row that weighs only. False,
/// and all written, for a row without weight (nothing is dropped) and for one that is NaN.
bool certify_scores(WholeRow& row, const WholeRowScratch& s, const CertificateArrays& to, std::size_t r) noexcept;

/// Blockwise, from dropped_weight_above().
void certify_blocks(const WholeRow& row, const CertificateArrays& to, std::size_t r, double dropped_weight) noexcept;

/// Adds what key j of a settled row leaves of its value, which has that norm and distance from the center.
void add_residual(const WholeRow& row, std::size_t j, double distance, double norm, OutputEvidence& known) noexcept;

/// What the row itself knows beside that. `center`: the norm of the center.
float certified_output_error(const WholeRow& row, OutputEvidence known, double center) noexcept;

}  // namespace heed
