// What a top-k scan knows of the rows of one panel.
#pragma once

#include "attention/score_former.hpp"
#include "simd/block.hpp"
#include "simd/tail_moments.hpp"

namespace heed {

/// Scores up to which weights are relative to 0: e^20 is far from overflow, and e^-20 from underflow.
inline constexpr double kPlainRange = 20.0;

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
  bool fast;                              // weights are coarse ones relative to 0 (simd/fast_exp.hpp)
  bool plain;                             // weights are relative to 0, and stay so: no score is above kPlainRange
  double query_norm[simd::kPanel];
  PanelVisibility sees;
  PanelRows rows;

  /// Adds a block's sums of weights; `factor` (kPanel) is for those from before, null where the reference stayed.
  void add(const float* weights, const float* factor) noexcept {
    if (factor != nullptr) {
      for (std::size_t lane = 0; lane < simd::kPanel; ++lane) all[lane] *= double{factor[lane]};
    }
    for (std::size_t lane = 0; lane < simd::kPanel; ++lane) all[lane] += double{weights[lane]};
  }

  /// What was summed relative to the references `before` becomes relative to those of now; `factor` is for weights,
  /// 1 / e^(what the reference rose by).
  void move(const float* before, const float* factor) noexcept {
    for (std::size_t lane = 0; lane < simd::kPanel; ++lane) {
      // x = s - reference: when the reference rises by r, every x so far falls by r.
      const double rise = before[lane] == -simd::kInfinity ? 0.0 : double{state.reference[lane]} - double{before[lane]};
      const auto n = static_cast<double>(summed[lane]);
      w_x[lane] = double{factor[lane]} * (w_x[lane] - rise * all[lane]);
      x_squared[lane] += rise * (rise * n - 2.0 * x[lane]);
      x[lane] -= rise * n;
      all[lane] *= double{factor[lane]};
    }
  }

  /// Adds a block's moments, relative to the references of now.
  void add(const simd::BlockMoments& block) noexcept {
    for (std::size_t lane = 0; lane < simd::kPanel; ++lane) {
      all[lane] += double{block.weight[lane]};
      x[lane] += double{block.score[lane]};
      x_squared[lane] += double{block.square[lane]};
      w_x[lane] += double{block.product[lane]};
    }
  }
};

}  // namespace heed
