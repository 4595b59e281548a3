#include "retrieve/exact_row.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "simd/exp.hpp"
#include "simd/gathered_scores.hpp"
#include "simd/softmax_pass.hpp"
#include "topk/order.hpp"
#include "topk/select.hpp"

namespace heed {

ExactRowScratch ExactRowScratch::cut(Pieces& pieces, std::size_t keys) noexcept {
  const std::size_t room = round_up(keys, 4 * simd::kLanes);
  return {pieces.take<float>(room), pieces.take<std::uint32_t>(room)};
}

double sum_bound(double sum, std::size_t terms) noexcept {
  return sum * (1.0 + double{simd::kExpError} + 300.0 * 0x1p-24) + static_cast<double>(terms) * 1e-38;
}

void retrieve_exactly(const MatrixView<const float>& keys, std::size_t visible, const float* query, RetrievedRow& row,
                      const ExactRowScratch& scratch) noexcept {
  row.count = row.wanted;
  row.rest = 0.0;
  row.scored += visible;
  if (row.wanted == 0) return;
  std::iota(scratch.indices, scratch.indices + visible, 0u);
  simd::kernel_gathered_scores(query, keys, scratch.indices, visible, scratch.scores);

  const Cut cut = kth_best(scratch.scores, visible, row.wanted);
  const std::uint32_t last = rank_key(cut.score);
  std::size_t ties = cut.ties_kept, kept = 0, dropped = 0;
  float best = -simd::kInfinity;
  bool spoiled = false;
  for (std::size_t j = 0; j < visible; ++j) {
    const float score = scratch.scores[j];
    const std::uint32_t key = rank_key(score);
    spoiled = spoiled || std::isnan(score);
    if (key < last || (key == last && ties == 0)) {
      scratch.scores[dropped++] = score;
      continue;
    }
    if (key == last) --ties;
    best = score > best ? score : best;
    row.scores[kept] = score;
    row.indices[kept++] = static_cast<std::uint32_t>(j);
  }
  if (spoiled) {
    row.rest = std::numeric_limits<double>::quiet_NaN();
    return;
  }
  std::fill_n(scratch.scores + dropped, round_up(dropped, simd::kLanes) - dropped, -simd::kInfinity);
  simd::kernel_exp_row(scratch.scores, dropped, best == -simd::kInfinity ? 0.0f : best);
  double sum = 0.0;
  for (std::size_t j = 0; j < dropped; ++j) sum += double{scratch.scores[j]};
  row.rest = sum_bound(sum, dropped);
}

}  // namespace heed
