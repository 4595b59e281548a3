// What a top-k scan knows of the rows of one panel.
#pragma once

#include "attention/score_former.hpp"
#include "simd/block.hpp"
#include "simd/tail_moments.hpp"

namespace heed {

struct PanelScan {
  simd::PanelState state;  // the reference; the sum is kept in `all`, in double
  alignas(64) float threshold[simd::kPanel];
  double all[simd::kPanel];
  double x[simd::kPanel];  // for a fitted tail: sums of x = score - reference, x^2 and e^x x
  double x_squared[simd::kPanel];
  double w_x[simd::kPanel];
  std::uint32_t summed[simd::kPanel];     // keys in those sums
  std::uint32_t count[simd::kPanel];      // candidates
  std::uint32_t first_run[simd::kPanel];  // of them, in the first ascending run
  std::uint32_t wanted[simd::kPanel];     // entries to keep
  std::uint32_t moves;                    // of the reference
  PanelVisibility sees;
  PanelRows rows;

  /// Adds a block's moments. `rescale` is the factor for weights from before, 1 / e^(what the reference rose by).
  void add(const simd::BlockMoments& block, std::size_t lane, float before, float rescale,
           std::uint32_t keys) noexcept {
    // x = s - reference: when the reference rises by r, every x so far falls by r.
    const double rise = before == -simd::kInfinity ? 0.0 : double{state.reference[lane]} - double{before};
    const auto n = static_cast<double>(summed[lane]);
    const double factor = double{rescale};
    w_x[lane] = factor * (w_x[lane] - rise * all[lane]) + double{block.product[lane]};
    x_squared[lane] += rise * (rise * n - 2.0 * x[lane]) + double{block.square[lane]};
    x[lane] += double{block.score[lane]} - rise * n;
    all[lane] = all[lane] * factor + double{block.weight[lane]};
    summed[lane] += keys;
  }
};

}  // namespace heed
