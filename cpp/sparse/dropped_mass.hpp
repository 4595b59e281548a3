// The dropped mass tau = sum over the dropped keys of p_j, from the sum over all keys, Z, and over the kept ones, Z_H,
// and an upper bound of it that counts every rounding on the way.
//
// Z and Z_H are sums of computed terms e^x, x = s - reference. DERIVED:
//
// 1. A term is off by at most (kExpError + 4 u |x|) of itself (exp.hpp, the rounding of s - reference, step 3).
// Weighted
//    by the probabilities, sum_j p_j x_j = ln Z - H(p) with 0 <= H <= ln n, and x_j <= kSlack, so
//       sum_j p_j |x_j| <= A = max(0, ln n - ln Z) + 2 kSlack.
//    Where the reference is 0 and no score is further from it than `largest`, A = largest.
// 2. A block of 96 terms is summed in float: 96 u of the block. Blocks are added in double. Every move of the reference
//    after the first multiplies what was summed by a factor that is off by kExpError + 3 u 88.
//    Together Z and Z_H are each off by at most eta Z, eta = kExpError + 4 u A + 96 u + moves (kExpError + 264 u).
//    Hence, for the scores as computed, tau <= tau_c = (1 - Z_H / Z + 2 eta) / (1 - eta).
// 3. A score is off by at most delta = gamma_(d+2) ||scale q|| max ||k||, and kSoftcapError of a cap, whose slope is at
//    most 1. Adding a bias rounds by u |s| <= u |reference| + u |x|: the first part belongs to delta, and the second to
//    step 1, which allows for 4 u |x| in all. An error of delta moves a ratio of two sums of e^s by at most
//    e^(2 delta): tau <= tau_c / (tau_c + (1 - tau_c) e^(-2 delta)).
//
// With coarse terms for the dropped keys (simd/fast_exp.hpp), Z = Z_H + D with D the sum of the coarse terms of all
// keys less that of the kept ones, the same terms added in double. D is off by at most kFastExpError of itself and, as
// the sum over all was formed in blocks in float, 96 u of that sum F. Z_H is as good as before:
//       tau_c = D' / (D' + Z_H (1 - eta)),   D' = (D + 96 u F) / (1 - kFastExpError).
//
// The bound is about tau of the kept set; it does not say that the set is the set of the k largest exact products.
#pragma once

#include <cstddef>

namespace heed {

struct RowSums {
  double all = 0.0;   // Z
  double kept = 0.0;  // Z_H
  std::size_t visible = 0;
  std::size_t entries = 0;   // kept
  std::size_t moves = 0;     // of the reference, after it was first set
  double score_error = 0.0;  // delta
  double largest = -1.0;     // no x is further from 0; negative: not known, but x <= kSlack
  double coarse = 0.0;       // F where the dropped keys' terms are coarse, else 0
};

struct DroppedMass {
  float value;
  float bound;
};

/// Both 0 when every visible key is kept or no key has weight; both NaN when a score was NaN.
DroppedMass dropped_mass(const RowSums& sums) noexcept;

/// ||row||, in double.
double row_norm(const float* row, std::size_t columns) noexcept;

/// delta of step 3.
double score_error(std::size_t head_dim, double query_norm, double key_norm, double scale) noexcept;

}  // namespace heed
