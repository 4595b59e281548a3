#include "simulate/sorted_row.hpp"

#include <algorithm>
#include <cmath>

#include "simd/softmax_pass.hpp"
#include "simulate/descending_sort.hpp"

namespace heed {

SortedRow::SortedRow(const RowScratch& scratch, std::size_t count) noexcept : row_(scratch), count_(count) {
  sort_descending(row_.scores, count, row_.weights);
  std::copy_n(row_.scores, count, row_.weights);
  simd::exp_row(row_.weights, count, row_.scores[0]);
  row_.tail[count] = row_.squares[count] = 0.0;
  for (std::size_t i = count; i-- > 0;) {
    const double weight = double{row_.weights[i]};
    row_.tail[i] = row_.tail[i + 1] + weight;
    row_.squares[i] = row_.squares[i + 1] + weight * weight;
  }
}

double SortedRow::probability_of(double score) const noexcept {
  return std::exp(score - double{row_.scores[0]}) / row_.tail[0];
}

double SortedRow::dropped(std::size_t k) const noexcept { return row_.tail[std::min(k, count_)] / row_.tail[0]; }

double SortedRow::l2(std::size_t k) const noexcept {
  if (k >= count_) return 0.0;
  const double all = row_.tail[0], tail = row_.tail[k], odds = tail / (all - tail);
  const double kept = row_.squares[0] - row_.squares[k];
  return std::sqrt(odds * odds * kept + row_.squares[k]) / all;
}

double SortedRow::largest_error(std::size_t k) const noexcept {
  if (k >= count_) return 0.0;
  const double tail = row_.tail[k];
  return std::max(tail / (row_.tail[0] - tail) * probability(0), probability(k));
}

double SortedRow::least_l2(std::size_t k) const noexcept {
  return dropped(k) / std::sqrt(static_cast<double>(std::min(k, count_)));
}

double SortedRow::most_l2(std::size_t k) const noexcept {
  const std::size_t kept = std::min(k, count_);
  const double tau = dropped(kept), spread = score(0) - score(kept - 1);
  if (tau == 0.0) return 0.0;  // whatever e^spread is
  return std::sqrt((tau * tau * std::exp(spread) + tau * (1.0 - tau)) / static_cast<double>(kept));
}

void SortedRow::copy_to(const RowScratch& to) const noexcept {
  std::copy_n(row_.scores, count_, to.scores);
  std::copy_n(row_.weights, count_, to.weights);
  std::copy_n(row_.tail, count_ + 1, to.tail);
  std::copy_n(row_.squares, count_ + 1, to.squares);
}

std::size_t SortedRow::above(double weight) const noexcept {
  const float* end =
      std::partition_point(row_.weights, row_.weights + count_, [weight](float each) { return double{each} > weight; });
  return static_cast<std::size_t>(end - row_.weights);
}

std::size_t SortedRow::keep_for_mass(double mass) const noexcept {
  const double most = mass * row_.tail[0];
  const double* found =
      std::partition_point(row_.tail + 1, row_.tail + count_, [most](double tail) { return tail > most; });
  return static_cast<std::size_t>(found - row_.tail);
}

std::size_t SortedRow::keep_for_l2(double target) const noexcept {
  std::size_t k = 1;
  while (k < count_ && l2(k) > target) ++k;
  return k;
}

double SortedRow::entropy() const noexcept {
  // ln Z - sum p s, relative to the largest score.
  double mean = 0.0;
  for (std::size_t i = count_; i-- > 0;)
    mean += double{row_.weights[i]} * (double{row_.scores[i]} - double{row_.scores[0]});
  return std::log(row_.tail[0]) - mean / row_.tail[0];
}

}  // namespace heed
