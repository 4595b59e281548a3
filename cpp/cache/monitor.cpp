#include "cache/monitor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "theory/normal.hpp"

namespace heed {
namespace {

double enough_entries(const WeighedView& view, double mass) noexcept {
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
  const WeighedView view(row);
  const simd::WeighedMoments& all = view.all;
  if (view.spoiled) {
    std::fill_n(out, kMonitored, std::numeric_limits<double>::quiet_NaN());
    return;
  }
  // A row that sees nothing has nothing to tell.
  if (all.seen == 0.0) return;
  double sink = 0.0;
  for (std::size_t j = 0; j < std::min(options.sinks, row.end); ++j) sink += view.weight(j);
  const double log_sum = std::log(all.weight), mean = all.x / all.seen;
  const double variance = std::max(0.0, all.x_squared / all.seen - mean * mean);
  out[0] = view.lse();
  out[1] = view.entropy();
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
