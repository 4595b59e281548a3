// A row of attention as decoding leaves it, and its sums relative to the row's largest score.
#pragma once

#include <algorithm>
#include <cmath>

#include "cache/decode_scores.hpp"
#include "simd/row_monitor.hpp"

namespace heed {

/// Half a unit in the last place of a float sum near 1: what it can tell from nothing.
inline constexpr double kHalfUlp = 0x1p-25;

/// Weights e^(s - reference) chunk by chunk, kDecodeChunk apart, with a reference and sums each, `step` apart.
struct WeighedRow {
  const float* weights;
  const float* references;
  const simd::WeighedMoments* moments;
  std::size_t step, chunks;
  std::size_t end;  // tokens up to the newest visible one
};

class WeighedView {
 public:
  explicit WeighedView(const WeighedRow& row) noexcept : row_(row) {
    float top = -simd::kInfinity;
    for (std::size_t c = 0; c < row.chunks; ++c) top = std::max(top, row.references[c * row.step]);
    highest = double{top};
    spoiled = top == simd::kInfinity;
    for (std::size_t c = 0; c < row.chunks; ++c) {
      add(c);
      spoiled = spoiled || std::isnan(row.moments[c * row.step].weight);
    }
  }

  double highest;
  bool spoiled;
  simd::WeighedMoments all = {};

  double lse() const noexcept { return highest + std::log(all.weight); }
  double entropy() const noexcept { return std::log(all.weight) - all.w_x / all.weight; }

  double weight(std::size_t token) const noexcept {
    const std::size_t chunk = token / kDecodeChunk;
    if (row_.moments[chunk * row_.step].seen == 0.0) return 0.0;
    return std::exp(-rise(chunk)) * double{row_.weights[token]};
  }

  /// Entries above e^first and e^second of the largest, and their mass.
  simd::MassAbove above(double first, double second) const noexcept {
    simd::MassAbove sums;
    for (std::size_t c = 0; c < row_.chunks && c * kDecodeChunk < row_.end; ++c) {
      if (row_.moments[c * row_.step].seen == 0.0) continue;
      const double r = rise(c), factor = std::exp(-r);
      const auto limit = [&](double x) { return static_cast<float>(std::exp(std::min(x + r, 80.0))); };
      const simd::MassAbove part =
          simd::kernel_mass_above(row_.weights + c * kDecodeChunk, size(c), limit(first), limit(second));
      sums.first += part.first;
      sums.second += part.second;
      sums.first_mass += factor * part.first_mass;
      sums.second_mass += factor * part.second_mass;
    }
    return sums;
  }

  /// Entries above e^x of the largest, counted only where that is not known already.
  double count_above(double x) const noexcept {
    if (x >= 0.0) return 0.0;
    if (x < double{all.lowest} - 1e-3) return all.seen;
    return static_cast<double>(above(x, x).first);
  }

 private:
  double rise(std::size_t chunk) const noexcept { return highest - double{row_.references[chunk * row_.step]}; }
  std::size_t size(std::size_t chunk) const noexcept { return std::min(kDecodeChunk, row_.end - chunk * kDecodeChunk); }

  void add(std::size_t chunk) noexcept {
    const simd::WeighedMoments& m = row_.moments[chunk * row_.step];
    if (m.seen == 0.0) return;
    const double r = rise(chunk), factor = std::exp(-r);
    all.weight += factor * m.weight;
    all.w_x += factor * (m.w_x - r * m.weight);
    all.w_x_squared += factor * (m.w_x_squared - 2.0 * r * m.w_x + r * r * m.weight);
    all.x += m.x - r * m.seen;
    all.x_squared += m.x_squared - 2.0 * r * m.x + r * r * m.seen;
    all.seen += m.seen;
    all.lowest = std::min(all.lowest, static_cast<float>(double{m.lowest} - r));
  }

  WeighedRow row_;
};

}  // namespace heed
