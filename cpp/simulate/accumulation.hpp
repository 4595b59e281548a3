// A row of attention summed up in a narrow format, o = (sum_j w_j v_j) / (sum_j w_j), and the keys that the sum of
// weights never noticed.
//
//   naive      s <- s + x, keys in their order
//   kahan      with a compensation in the same format: y = x - c, t = s + y, c = (t - s) - y
//   pairwise   a balanced tree over the keys in their order
//   topK       naive, over the `keep` largest weights only
//
// Every weight, product, sum and quotient is rounded to the format. A key is LOST when its weight rounds to 0, or when
// adding it (with all that was added to it before, in a tree) leaves the sum of weights as it was, or when it is not
// among those kept.
//
// DERIVED: a naive sum that stays at most Z loses no key whose weight is above half a unit in the last place of Z; so
// at most n - k_eff(that / Z) of n keys are lost. Keys below may still be seen: early, while the sum is small.
#pragma once

#include <cstddef>

#include "theory/number_format.hpp"

namespace heed {

/// The order is the order of the words of column `method`.
enum class Summation { kNaive, kKahan, kPairwise, kTopK };
inline constexpr Summation kSummations[] = {Summation::kNaive, Summation::kKahan, Summation::kPairwise,
                                            Summation::kTopK};

/// Columns of values that are summed.
inline constexpr std::size_t kValueColumns = 4;

/// Keys with their weights e^(s - s_max) in (0, 1] and values; what is not in the format yet is rounded to it.
struct WeightedKeys {
  const double* weights;  // (count), e^(s - s_max)
  const float* values;    // (count, kValueColumns)
  std::size_t count;
  double cut;  // with topK: smaller weights are not kept, and of those that equal it the first `ties` are
  std::size_t ties;
  float value_ranges[kValueColumns];  // the largest |value| of a column, for int8
};

struct Accumulated {
  double total = 0.0;                 // the sum of weights
  double output[kValueColumns] = {};  // o; 0 where the sum is 0
  double lost = 0.0;                  // keys
  double lost_weight = 0.0;           // sum of their e^(s - s_max)
  double lost_position = 0.0;         // sum over them of (j + 1/2) / count
  double lost_largest = 0.0;          // the largest weight among them
};

Accumulated accumulate(const WeightedKeys& keys, NumberFormat format, Summation summation) noexcept;

}  // namespace heed
