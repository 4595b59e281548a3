// Everything the protocols ask of one attention row, from its scores sorted once: the k largest are a prefix, so the
// dropped mass, the distances and the counts of every k and every epsilon are read off two arrays of partial sums.
//
//   w_i = e^(s_i - s_0), s descending     tail(k) = sum_(i >= k) w_i     squares(k) = sum_(i >= k) w_i^2     Z =
//   tail(0)
//
//   tau(k)   = tail(k) / Z                                          the dropped mass: total variation of the top-k row
//   l2(k)^2  = (tau / (1 - tau))^2 sum_(i < k) p_i^2 + sum_(i >= k) p_i^2      renormalized row minus row
//   linf(k)  = max(tau p_0 / (1 - tau), p_k)
//   bounds   tau^2 / k <= l2(k)^2 <= (tau^2 e^(s_0 - s_(k-1)) + tau (1 - tau)) / k
//
// DERIVED: on kept entries the renormalized row is too large by the share tau / (1 - tau), dropped ones are missing.
//
// Numerics: exponentials in float (relative error of simd/exp.hpp), sums in double from the small end, so that tau is
//           accurate relative to itself however small it is.
// Cost:     linear in n: a radix sort, one exponential and four additions per entry.
#pragma once

#include <cstddef>

namespace heed {

/// Memory that rows are built in, one per thread: room for `most` entries.
struct RowScratch {
  float* scores;    // (most + padding)
  float* weights;   // (most + padding)
  double* tail;     // (most + 1)
  double* squares;  // (most + 1)
};

class SortedRow {
 public:
  /// Sorts scratch.scores (count), count >= 1, and sums it up. The scratch must outlive the row.
  SortedRow(const RowScratch& scratch, std::size_t count) noexcept;

  /// A row that was built there before.
  static SortedRow built(const RowScratch& scratch, std::size_t count) noexcept { return {scratch, count, true}; }
  /// Copies what built() needs: count, count, count + 1 and count + 1 numbers.
  void copy_to(const RowScratch& scratch) const noexcept;

  std::size_t size() const noexcept { return count_; }
  double score(std::size_t rank) const noexcept { return double{row_.scores[rank]}; }
  double probability(std::size_t rank) const noexcept { return double{row_.weights[rank]} / row_.tail[0]; }
  /// The probability of an entry with that score.
  double probability_of(double score) const noexcept;

  /// e^(s - s_0) of the entry of that rank.
  float weight(std::size_t rank) const noexcept { return row_.weights[rank]; }

  /// Of the k best, 1 <= k; more than all drop nothing.
  double dropped(std::size_t k) const noexcept;
  double l2(std::size_t k) const noexcept;
  double largest_error(std::size_t k) const noexcept;
  double least_l2(std::size_t k) const noexcept;
  double most_l2(std::size_t k) const noexcept;

  /// Entries above epsilon.
  std::size_t effective(double epsilon) const noexcept { return above(epsilon * row_.tail[0]); }
  /// Entries whose weight e^(s - s_0) is above that.
  std::size_t above(double weight) const noexcept;
  /// The fewest that drop at most `mass`.
  std::size_t keep_for_mass(double mass) const noexcept;
  /// The fewest whose l2 error is at most `target`.
  std::size_t keep_for_l2(double target) const noexcept;

  /// -sum p ln p, in nats.
  double entropy() const noexcept;
  /// 1 / sum p^2: how many equal entries would be as uneven.
  double participation() const noexcept { return row_.tail[0] * row_.tail[0] / row_.squares[0]; }

 private:
  SortedRow(const RowScratch& scratch, std::size_t count, bool) noexcept : row_(scratch), count_(count) {}

  const RowScratch row_;
  const std::size_t count_;
};

}  // namespace heed
