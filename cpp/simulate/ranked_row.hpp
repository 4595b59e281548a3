// One row with every score in rank order (topk/order.hpp) and the number of the key behind each.
//
//   w_i = e^(s_i - s_0)    kept(k) = sum_(i < k) w_i    Z = sum w_i
//
// Numerics: scores are those of every search, bit for bit (simd/gathered_scores.hpp); weights and sums are double, sums
//           from the small end.
// Cost: n ln n, a sort.
#pragma once

#include "base/pieces.hpp"
#include "base/view.hpp"
#include "topk/order.hpp"

namespace heed {

class RankedRow {
 public:
  struct Scratch {
    float* scores;         // by number, whole vectors
    std::uint32_t* ranks;  // by number, whole vectors
    Scored* order;         // by rank
    double* weights;       // by rank
    double* tail;          // tail[k] = sum over ranks from k on; one more
    static Scratch cut(Pieces& pieces, std::size_t keys) noexcept;
  };

  /// `query`: scaled. The row sees the first `visible` >= 1 keys. The scratch must outlive the row.
  RankedRow(const MatrixView<const float>& keys, std::size_t visible, const float* query,
            const Scratch& scratch) noexcept;

  std::size_t size() const noexcept { return size_; }
  double score(std::size_t rank) const noexcept { return double{row_.order[rank].score}; }
  std::uint32_t number(std::size_t rank) const noexcept { return row_.order[rank].index; }
  std::size_t rank(std::uint32_t number) const noexcept { return row_.ranks[number]; }
  float score_of(std::uint32_t number) const noexcept { return row_.scores[number]; }
  double probability(std::size_t rank) const noexcept { return row_.weights[rank] / row_.tail[0]; }
  /// The dropped mass of the k best.
  double dropped(std::size_t k) const noexcept { return k >= size_ ? 0.0 : row_.tail[k] / row_.tail[0]; }
  /// ln sum_(i < k) e^(s_i), the scores as they are.
  double log_kept(std::size_t k) const noexcept;
  /// The fewest that drop at most `mass`.
  std::size_t keep_for_mass(double mass) const noexcept;

 private:
  const Scratch row_;
  const std::size_t size_;
};

}  // namespace heed
