// Top-k decoding by the scores of shadow keys: which tokens may be among the k best, and what that leaves of the sums.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "cache/topk_row.hpp"
#include "simd/row_filter.hpp"
#include "simd/softmax_pass.hpp"
#include "topk/select.hpp"

namespace heed {
namespace {

using simd::kScreenGroup;

// No sum on the way to a score is larger than the norms' product; this far below the largest float none overflows.
constexpr double kSafeScore = 1e37;
// More than a few roundings of floats take away: what is widened by both needs no rounding up.
constexpr float kMargin = 0x1p-22f, kLeast = std::numeric_limits<float>::min();

}  // namespace

// False, and a band that says nothing, where scores may overflow on the way: then one may be anything.
bool CacheTopK::set_bands(Row& row, Scratch& s) const noexcept {
  const double du = static_cast<double>(scores_.shape().head_dim + 6) * kUnitRoundoff, rounding = du / (1.0 - du);
  const double of_key = row.rounding_norm + rounding * row.query_norm;
  double widest = 0.0, longest = 0.0;
  for (std::size_t first = 0; first < row.visible; first += kShadowTokens) {
    const ShadowKeys::Norms* norms = cache_.shadow().norms(problem_.layer, first, row.g);
    const std::size_t end = std::min(first + kShadowTokens, row.visible);
    for (std::size_t j = first; j < end; j += kScreenGroup, ++norms) {
      const double error = double{norms->error}, key = double{norms->key} + error;
      const double band = row.query_norm * error + of_key * key;
      s.bands[j / kScreenGroup] = static_cast<float>(band) * (1.0f + kMargin) + kLeast;
      widest = band <= widest ? widest : band;
      longest = key <= longest ? longest : key;
    }
  }
  const bool safe = row.query_norm * longest < kSafeScore;
  row.band = safe ? widest : std::numeric_limits<double>::infinity();
  return safe;
}

// The same from the scores of the shadow keys: what may be among the k best, scored again.
std::size_t CacheTopK::screen(Row& row, Scratch& s) noexcept {
  if (!set_bands(row, s)) return all_of(row, s);
  if (row.wanted == 0) return 0;
  float guessed = guess(row, s);
  std::size_t found = filter(row, guessed, s);
  if (found < row.wanted) found = filter(row, guessed = -simd::kInfinity, s);
  if (found < row.wanted) return all_of(row, s);
  float widest = 0.0f;
  for (std::size_t i = 0; i < found; ++i) s.kept[i] -= s.bands[s.indices[i] / kScreenGroup];
  // A number that at least k lower ends are not below.
  const std::optional<float> between =
      found == row.wanted ? simd::kernel_row_min(s.kept, found) : separator(s.kept, found, row.wanted);
  const float least = between ? *between : kth_best(s.kept, found, row.wanted).score;
  const std::size_t groups = (row.visible + kScreenGroup - 1) / kScreenGroup;
  for (std::size_t i = 0; i < groups; ++i) {
    const float band = s.bands[i];
    // Rounded down, and a little more for the strict comparison.
    s.thresholds[i] = (least - band) - (std::abs(least) + band) * kMargin - kLeast;
    widest = std::max(widest, band);
  }
  if (guessed <= (least - widest) - (std::abs(least) + widest) * kMargin - kLeast) {
    std::size_t left = 0;
    for (std::size_t i = 0; i < found; ++i) {
      const std::uint32_t token = s.indices[i];
      s.indices[left] = token;
      left += row.scores[token] > s.thresholds[token / kScreenGroup] ? 1 : 0;
    }
    found = left;
  } else {
    found = simd::kernel_filter_row(row.scores, row.visible, s.thresholds, s.kept, s.indices);
  }
  if (found < row.wanted) return all_of(row, s);
  score_again(row, found, s);
  return found;
}

std::size_t CacheTopK::all_of(Row& row, Scratch& s) noexcept {
  std::iota(s.indices, s.indices + row.visible, 0u);
  score_again(row, row.visible, s);
  return row.visible;
}

void CacheTopK::score_again(Row& row, std::size_t count, Scratch& s) noexcept {
  scores_.form_listed(row.g, row.r, s.indices, count, s.kept);
  // What is not a number in the keys is 0 in their shadows.
  const bool spoiled = !std::all_of(s.kept, s.kept + count, [](float x) { return x < simd::kInfinity; });
  if (spoiled) row.all.weight = std::numeric_limits<double>::quiet_NaN();
}

// All sums anew, relative to the best exact score. What the shadow keys promised a token that was not kept counts up to
// the least kept score, which its own does not exceed.
void CacheTopK::sum_again(Row& row, double reference, const Scratch& s) const noexcept {
  const double least = *std::min_element(s.kept, s.kept + row.wanted);
  row.reference = reference;
  row.all = {};
  for (std::size_t j = 0, i = 0; j < row.visible; ++j) {
    const bool kept = i < row.wanted && s.indices[i] == j;
    const double x = (kept ? double{s.kept[i++]} : std::min(double{row.scores[j]}, least)) - reference;
    const double weight = std::exp(x);
    row.all.weight += weight;
    row.all.x += x;
    row.all.x_squared += x * x;
    row.all.w_x += weight * x;
  }
}

// The kept tokens' exact scores in the place of what the shadow keys gave, and a reference near the largest of them.
void CacheTopK::settle(Row& row, Scratch& s) noexcept {
  if (row.wanted == 0 || std::isnan(row.all.weight)) return;
  const auto raise = [&row](double to) {
    const double rise = to - row.reference, factor = std::exp(-rise), n = static_cast<double>(row.visible);
    simd::RowMoments& m = row.all;
    m = {.weight = factor * m.weight,
         .x = m.x - rise * n,
         .x_squared = m.x_squared + rise * (rise * n - 2.0 * m.x),
         .w_x = factor * (m.w_x - rise * m.weight)};
    row.reference = to;
  };
  const double highest = *std::max_element(s.kept, s.kept + row.wanted);
  // Where the band is wide, exact scores may lie so far below what the shadow keys promised that their weights vanish.
  if (std::isfinite(highest) && highest < row.reference - double{simd::kSlack}) return sum_again(row, highest, s);
  if (highest > row.reference && std::isfinite(highest)) raise(highest);
  for (std::size_t i = 0; i < row.wanted; ++i) s.formed[i] = row.scores[s.indices[i]];
  std::copy_n(s.kept, row.wanted, s.weights);
  simd::exp_row(s.formed, row.wanted, static_cast<float>(row.reference));
  simd::exp_row(s.weights, row.wanted, static_cast<float>(row.reference));
  for (std::size_t i = 0; i < row.wanted; ++i) {
    const double formed = double{row.scores[s.indices[i]]} - row.reference, was = double{s.formed[i]};
    const double exact = double{s.kept[i]} - row.reference, is = double{s.weights[i]};
    row.all.weight += is - was;
    row.all.x += exact - formed;
    row.all.x_squared += exact * exact - formed * formed;
    row.all.w_x += is * exact - was * formed;
  }
}

}  // namespace heed
