// What a top-k row says about the keys it dropped. With the kept set H, the dropped set T, exact probabilities p and
// the dropped mass tau = sum_T p_j:
//
//   renormalized   o = sum_H p_j v_j / (1 - tau)               the paper's D_spar^-1 A_spar V
//   raw            o = sum_H p_j v_j                           biased by -tau times the mean dropped value
//   compensated    o = sum_H p_j v_j + sum_T a v_j             a = tau / |T|: each dropped key gets the mean
//   linear         o = sum_H p_j v_j + sum_T (a + b (s_j - mu)) v_j      the least-squares line of p in the score s
//
//     mu = sum_T s_j / |T|    b = sum_T p_j (s_j - mu) / sum_T (s_j - mu)^2
//
// Sums over T are sums over all keys minus sums over H. Those over all keys are known without visiting T: sum v_j and
// sum s_j v_j = (sum v_j k_j^T) q from tail_sums.hpp, the sums of scores from the scan. So a tail costs no second look
// at the kept values either: they are gathered once, with the weights p_j - a - b (s_j - mu), and the line over all
// keys is added.
//
// `compensated` and `linear` are DERIVED (theory/README.md). Both preserve the dropped mass; where values are
// independent of scores both are unbiased, and `linear` has the smaller error: its residual p - a - b (s - mu) is
// orthogonal to 1 and to s. Its weights may be negative for far keys, so tau bounds the total variation of the other
// three only.
//
// Numerics: x_j = s_j - reference instead of s_j, as the scan sums it. The line is taken as flat (b = 0) for fewer than
//           two dropped keys, and where the spread of x is below 1 % of its size: there the sums of squares have lost
//           it, and a line over so short an interval matters little. The reference is near the largest score, or 0 in
//           a scan of scores up to kPlainRange: at most dropped scores within 0.2 of their mean get the mean weight. It
//           is flat, too, where sum s_j v_j overflows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/view.hpp"
#include "sparse/dropped_mass.hpp"

namespace heed {

/// The order is the order of `rawEstimators` in web/src/runtime/raw.ts.
enum class Estimator { kRenormalized, kRaw, kCompensated, kLinear };

/// The keys that a row keeps: indices ascending, scores, and weights e^(score - reference), which write_row changes.
struct KeptKeys {
  const std::uint32_t* indices;
  const float* scores;
  float* weights;
};

/// Sums over all visible keys, x = score - reference, w = e^x.
struct ScoreSums {
  double reference = 0.0;
  double x = 0.0;
  double x_squared = 0.0;
  double w_x = 0.0;
};

/// Sums over all visible keys of a row's values; `scored` has a stride, as it stands in a panel.
struct VisibleSums {
  const double* values;  // sum v_j, read by compensated and linear
  const float* scored;   // sum s_j v_j, read by linear
  std::size_t scored_stride;
};

/// What becomes of the sum over a row's kept values.
struct RowEnd {
  enum class Kind { kZero, kNan, kScaled, kFitted } kind = Kind::kZero;
  double all = 1.0;                               // kFitted: the denominator
  double level = 0.0, slope = 0.0, middle = 0.0;  // and the line, level + slope (score - middle)
  float factor = 0.0f;                            // kScaled

  bool reads_values() const noexcept { return kind == Kind::kScaled || kind == Kind::kFitted; }
};

/// kept.weights become what the kept values are summed with. `visible.scored` is looked at, `visible.values` is not.
RowEnd weigh_kept(Estimator estimator, std::size_t columns, const KeptKeys& kept, const RowSums& sums,
                  const ScoreSums& scores, const VisibleSums& visible) noexcept;

/// `out`, the sum with those weights, becomes the row.
void end_row(const RowEnd& end, std::size_t columns, const VisibleSums& visible, float* out) noexcept;

/// Writes the row: both, and the sum between them. A row without weight is zero, and so is a renormalized one whose
/// kept keys have none; a row with a NaN score is NaN.
void write_row(Estimator estimator, const MatrixView<const float>& values, const KeptKeys& kept, const RowSums& sums,
               const ScoreSums& scores, const VisibleSums& visible, float* out) noexcept;

}  // namespace heed
