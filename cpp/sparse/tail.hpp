// What a top-k row says about the keys it dropped. With the kept set H, the dropped set T, exact probabilities p and the
// dropped mass tau = sum_T p_j:
//
//   renormalized   o = sum_H p_j v_j / (1 - tau)              the paper's D_spar^-1 A_spar V
//   raw            o = sum_H p_j v_j                          biased by -tau times the mean dropped value
//   compensated    o = sum_H p_j v_j + tau / |T| sum_T v_j    every dropped key gets the mean dropped probability
//
// `compensated` is DERIVED (theory.md 4.1); it is unbiased where values are independent of scores.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/view.hpp"
#include "sparse/dropped_mass.hpp"

namespace heed {

/// The order is the order of `rawEstimators` in web/src/runtime/raw.ts.
enum class Estimator { kRenormalized, kRaw, kCompensated };

/// The keys that a row keeps: indices ascending, weights relative to the reference of `sums`.
struct KeptKeys {
  const std::uint32_t* indices;
  const float* weights;
};

/// Writes the row. `visible_sum` (value_dim) is the sum of the visible value rows, `scratch` as long; both are only read
/// and written by `compensated`. A row without weight is zero, a row with a NaN score is NaN.
void write_row(Estimator estimator, const MatrixView<const float>& values, const KeptKeys& kept, const RowSums& sums,
               const double* visible_sum, float* scratch, float* out) noexcept;

}  // namespace heed
