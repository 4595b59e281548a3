#include "reference/sparse.hpp"

namespace heed::reference {
namespace {

std::vector<bool> membership(std::size_t n, const std::vector<std::uint32_t>& kept) {
  std::vector<bool> is_kept(n, false);
  for (const std::uint32_t j : kept) is_kept[j] = true;
  return is_kept;
}

}  // namespace

double dropped_mass(const std::vector<double>& p, const std::vector<std::uint32_t>& kept) {
  const std::vector<bool> is_kept = membership(p.size(), kept);
  double tau = 0.0;
  for (std::size_t j = 0; j < p.size(); ++j)
    if (!is_kept[j]) tau += p[j];
  return tau;
}

std::vector<double> raw(const std::vector<double>& p, const std::vector<std::uint32_t>& kept) {
  std::vector<double> weights(p.size(), 0.0);
  for (const std::uint32_t j : kept) weights[j] = p[j];
  return weights;
}

std::vector<double> renormalized(const std::vector<double>& p, const std::vector<std::uint32_t>& kept) {
  double mass = 0.0;
  for (const std::uint32_t j : kept) mass += p[j];
  std::vector<double> weights = raw(p, kept);
  for (double& each : weights) each /= mass;
  return weights;
}

std::vector<double> compensated(const std::vector<double>& p, const std::vector<std::uint32_t>& kept) {
  const std::vector<bool> is_kept = membership(p.size(), kept);
  const double tau = dropped_mass(p, kept);
  std::vector<double> weights = raw(p, kept);
  for (std::size_t j = 0; j < p.size(); ++j)
    if (!is_kept[j]) weights[j] = tau / static_cast<double>(p.size() - kept.size());
  return weights;
}

Line fit_line(const std::vector<double>& p, const std::vector<double>& scores, const std::vector<std::uint32_t>& kept) {
  const std::vector<bool> is_kept = membership(p.size(), kept);
  Line line;
  double count = 0.0, product = 0.0;
  for (std::size_t j = 0; j < p.size(); ++j) {
    if (is_kept[j]) continue;
    count += 1.0;
    line.mean += scores[j];
    line.level += p[j];
  }
  if (count == 0.0) return {};
  line.mean /= count;
  line.level /= count;
  for (std::size_t j = 0; j < p.size(); ++j) {
    if (is_kept[j]) continue;
    line.spread += (scores[j] - line.mean) * (scores[j] - line.mean);
    product += p[j] * (scores[j] - line.mean);
  }
  if (count >= 2.0 && line.spread > 0.0) line.slope = product / line.spread;
  return line;
}

std::vector<double> linear(const std::vector<double>& p, const std::vector<double>& scores,
                           const std::vector<std::uint32_t>& kept) {
  const std::vector<bool> is_kept = membership(p.size(), kept);
  const Line line = fit_line(p, scores, kept);
  std::vector<double> weights = raw(p, kept);
  for (std::size_t j = 0; j < p.size(); ++j)
    if (!is_kept[j]) weights[j] = line.level + line.slope * (scores[j] - line.mean);
  return weights;
}

}  // namespace heed::reference
