#include "simulate/ranked_row.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "simd/gathered_scores.hpp"

namespace heed {

RankedRow::Scratch RankedRow::Scratch::cut(Pieces& pieces, std::size_t keys) noexcept {
  const std::size_t whole = round_up(keys, 16);
  return {pieces.take<float>(whole), pieces.take<std::uint32_t>(whole), pieces.take<Scored>(keys),
          pieces.take<double>(keys), pieces.take<double>(keys + 1)};
}

RankedRow::RankedRow(const MatrixView<const float>& keys, std::size_t visible, const float* query,
                     const Scratch& scratch) noexcept
    : row_(scratch), size_(visible) {
  std::iota(row_.ranks, row_.ranks + visible, 0u);
  simd::kernel_gathered_scores(query, keys, row_.ranks, visible, row_.scores);
  for (std::size_t j = 0; j < visible; ++j) row_.order[j] = {row_.scores[j], static_cast<std::uint32_t>(j)};
  std::sort(row_.order, row_.order + visible, ranks_before);
  row_.tail[visible] = 0.0;
  for (std::size_t i = visible; i-- > 0;) {
    row_.ranks[row_.order[i].index] = static_cast<std::uint32_t>(i);
    row_.weights[i] = std::exp(score(i) - score(0));
    row_.tail[i] = row_.tail[i + 1] + row_.weights[i];
  }
}

double RankedRow::log_kept(std::size_t k) const noexcept {
  double sum = 0.0;
  for (std::size_t i = std::min(k, size_); i-- > 0;) sum += row_.weights[i];
  return std::log(sum) + score(0);
}

std::size_t RankedRow::keep_for_mass(double mass) const noexcept {
  // tail falls with its index: the first k whose tail is small enough.
  const double most = mass * row_.tail[0];
  const double* first = std::partition_point(row_.tail, row_.tail + size_, [=](double tail) { return tail > most; });
  return std::max<std::size_t>(1, static_cast<std::size_t>(first - row_.tail));
}

}  // namespace heed
