#include "cache/monitor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cache/decode_scores.hpp"
#include "theory/normal.hpp"

namespace heed {
namespace {

constexpr double kHalfUlp = 0x1p-25;

// The sums of all chunks, relative to the row's largest score.
struct RowView {
  const WeighedRow& row;
  double highest;
  simd::WeighedMoments all = {};

  double rise(std::size_t chunk) const noexcept { return highest - double{row.references[chunk * row.step]}; }
  std::size_t size(std::size_t chunk) const noexcept { return std::min(kDecodeChunk, row.end - chunk * kDecodeChunk); }

  void add(std::size_t chunk) noexcept {
    const simd::WeighedMoments& m = row.moments[chunk * row.step];
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

  double weight(std::size_t token) const noexcept {
    const std::size_t chunk = token / kDecodeChunk;
    if (row.moments[chunk * row.step].seen == 0.0) return 0.0;
    return std::exp(-rise(chunk)) * double{row.weights[token]};
  }

  // Entries above e^first and e^second of the largest, and their mass.
  simd::MassAbove above(double first, double second) const noexcept {
    simd::MassAbove sums;
    for (std::size_t c = 0; c < row.chunks && c * kDecodeChunk < row.end; ++c) {
      if (row.moments[c * row.step].seen == 0.0) continue;
      const double r = rise(c), factor = std::exp(-r);
      const auto limit = [&](double x) { return static_cast<float>(std::exp(std::min(x + r, 80.0))); };
      const simd::MassAbove part =
          simd::kernel_mass_above(row.weights + c * kDecodeChunk, size(c), limit(first), limit(second));
      sums.first += part.first;
      sums.second += part.second;
      sums.first_mass += factor * part.first_mass;
      sums.second_mass += factor * part.second_mass;
    }
    return sums;
  }

  // Entries above e^x of the largest, counted only where that is not known already.
  double count_above(double x) const noexcept {
    if (x >= 0.0) return 0.0;
    if (x < double{all.lowest} - 1e-3) return all.seen;
    return static_cast<double>(above(x, x).first);
  }
};

double enough_entries(const RowView& view, double mass) noexcept {
  const simd::WeighedMoments& all = view.all;
  if (mass <= 0.0) return all.seen;
  const double mean = all.w_x / all.weight, wanted = (1.0 - mass) * (1.0 + 1e-6) * all.weight;
  const double sd = std::sqrt(std::max(0.0, all.w_x_squared / all.weight - mean * mean));
  const double z = mass < 1.0 ? normal_quantile(1.0 - mass) : 0.0;
  const simd::MassAbove some = view.above(mean - (z + 0.05) * sd, mean - (1.4 * std::max(z, 0.0) + 0.3) * sd);
  if (some.first_mass >= wanted) return static_cast<double>(some.first);
  if (some.second_mass >= wanted) return static_cast<double>(some.second);
  const double cantelli = mean - std::sqrt(1.0 / mass - 1.0) * sd - 1e-3;
  const simd::MassAbove most = view.above(cantelli, cantelli);
  return most.first_mass >= wanted ? static_cast<double>(most.first) : all.seen;
}

}  // namespace

void monitor_row(const WeighedRow& row, const MonitorOptions& options, double* out) noexcept {
  std::fill_n(out, kMonitored, 0.0);
  float highest = -simd::kInfinity;
  for (std::size_t c = 0; c < row.chunks; ++c) highest = std::max(highest, row.references[c * row.step]);
  RowView view{row, double{highest}};
  bool spoiled = highest == simd::kInfinity;
  for (std::size_t c = 0; c < row.chunks; ++c) {
    view.add(c);
    spoiled = spoiled || std::isnan(row.moments[c * row.step].weight);
  }
  const simd::WeighedMoments& all = view.all;
  if (spoiled) {
    std::fill_n(out, kMonitored, std::numeric_limits<double>::quiet_NaN());
    return;
  }
  // A row that sees nothing has nothing to tell.
  if (all.seen == 0.0) return;
  double sink = 0.0;
  for (std::size_t j = 0; j < std::min(options.sinks, row.end); ++j) sink += view.weight(j);
  const double log_sum = std::log(all.weight), mean = all.x / all.seen;
  const double variance = std::max(0.0, all.x_squared / all.seen - mean * mean);
  out[0] = double{highest} + log_sum;
  out[1] = log_sum - all.w_x / all.weight;
  out[2] = view.count_above(log_sum + std::log(options.epsilon));
  out[3] = view.count_above(log_sum + std::log(kHalfUlp));
  out[4] = sink / all.weight;
  out[5] = view.weight(row.end - 1) / all.weight;
  out[6] = std::sqrt(variance);
  out[7] = 1.0 / all.weight;
  out[8] = enough_entries(view, options.mass);
  out[9] = all.seen > 1.0 ? std::clamp(1.0 - variance / (2.0 * std::log(all.seen)), 0.0, 1.0) : 0.0;
}

}  // namespace heed
