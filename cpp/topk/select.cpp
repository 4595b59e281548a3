#include "topk/select.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "base/checked_math.hpp"
#include "base/heap_sort.hpp"
#include "simd/row_filter.hpp"
#include "topk/order.hpp"

namespace heed {

Cut kth_best(const float* scores, std::size_t count, std::size_t k) noexcept {
  HEED_ASSERT(k >= 1 && k <= count);
  std::uint32_t prefix = 0, mask = 0;  // keys with (key & mask) == prefix are still in question
  std::size_t wanted = k;              // the wanted-th best of those
  for (int shift = 24; shift >= 0; shift -= 8) {
    std::uint32_t histogram[256] = {};
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t key = rank_key(scores[i]);
      if ((key & mask) == prefix) ++histogram[(key >> shift) & 255];
    }
    std::uint32_t bin = 255;
    while (histogram[bin] < wanted) wanted -= histogram[bin--];
    prefix |= bin << shift;
    mask |= 255u << shift;
  }
  // The score itself, from its key.
  const std::uint32_t bits = (prefix & 0x80000000u) != 0 ? prefix & 0x7FFFFFFFu : ~prefix;
  return {prefix == 0 ? std::bit_cast<float>(0x7FC00000u) : std::bit_cast<float>(bits), wanted};
}

// Looked for between the lowest score, which at least k are not below, and the highest: three counts a round quarter
// the interval.
std::optional<float> separator(float* scores, std::size_t count, std::size_t k) noexcept {
  constexpr int kRounds = 14;  // 2^28 parts: past that only ties are left
  std::fill(scores + count, scores + round_up(count, simd::kLanes), -simd::kInfinity);
  float low = simd::kernel_row_min(scores, count), high = simd::kernel_row_max(scores, count);
  for (int round = 0; round < kRounds && high - low < simd::kInfinity; ++round) {
    const float step = 0.25f * (high - low);
    const float at[3] = {low + step, low + 2.0f * step, low + 3.0f * step};
    const simd::Above above = simd::kernel_count_row(scores, count, at[0], at[1], at[2]);
    if (above.low == k) return at[0];
    if (above.middle == k) return at[1];
    if (above.high == k) return at[2];
    if (above.low < k)
      high = at[0];
    else if (above.middle < k)
      low = at[0], high = at[1];
    else if (above.high < k)
      low = at[1], high = at[2];
    else
      low = at[2];
  }
  return std::nullopt;
}

std::size_t move_above(float* scores, std::uint32_t* indices, Range from, std::size_t to, float limit) noexcept {
  // Every candidate is written, the ones that stay move the end: no branch to mispredict.
  for (std::size_t i = from.begin; i < from.end; ++i) {
    const float score = scores[i];
    scores[to] = score;
    indices[to] = indices[i];
    to += score > limit ? 1 : 0;
  }
  return to;
}

float keep_best(float* scores, std::uint32_t* indices, std::size_t count, std::size_t k) noexcept {
  HEED_ASSERT(k <= count);
  if (k == count || k == 0) return k == 0 ? simd::kInfinity : simd::kernel_row_min(scores, count);
  if (const std::optional<float> limit = separator(scores, count, k)) {
    move_above(scores, indices, {0, count}, 0, *limit);
    return simd::kernel_row_min(scores, k);
  }
  const Cut cut = kth_best(scores, count, k);
  const std::uint32_t last = rank_key(cut.score);
  std::size_t ties = cut.ties_kept, kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t key = rank_key(scores[i]);
    if (key < last || (key == last && ties == 0)) continue;
    if (key == last) --ties;
    scores[kept] = scores[i];
    indices[kept++] = indices[i];
  }
  HEED_ASSERT(kept == k);
  return cut.score;
}

std::size_t count_to_mass(const float* scores, const float* weights, std::size_t count, double wanted) noexcept {
  if (!(wanted > 0.0)) return 0;
  std::uint32_t prefix = 0, mask = 0;  // keys with (key & mask) == prefix are still in question
  std::size_t taken = 0;               // the keys that rank before those
  double group = 0.0;                  // what the keys in question weigh together,
  std::size_t size = count;            // and how many they are
  for (int shift = 24; shift >= 0; shift -= 8) {
    double weight[256] = {};
    std::uint32_t number[256] = {};
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t key = rank_key(scores[i]);
      if ((key & mask) != prefix) continue;
      weight[(key >> shift) & 255] += double{weights[i]};
      ++number[(key >> shift) & 255];
    }
    std::uint32_t bin = 255;
    const std::size_t before = taken;
    while (weight[bin] < wanted) {
      wanted -= weight[bin];
      taken += number[bin];
      // All of them are not enough: there is no more, or adding them in another order has rounded otherwise.
      if (bin-- == 0) return before + size;
    }
    prefix |= bin << shift;
    mask |= 255u << shift;
    group = weight[bin];
    size = number[bin];
  }
  const double each = group / static_cast<double>(size);
  return taken + std::clamp<std::size_t>(static_cast<std::size_t>(std::ceil(wanted / each)), 1, size);
}

std::size_t select_top_k(const float* scores, std::size_t count, std::size_t k, std::uint32_t* indices,
                         float* values) noexcept {
  const std::size_t wanted = std::min(k, count);
  if (wanted == 0) return 0;
  const Cut cut = kth_best(scores, count, wanted);
  const std::uint32_t last = rank_key(cut.score);
  std::size_t ties = cut.ties_kept, kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t key = rank_key(scores[i]);
    if (key < last || (key == last && ties == 0)) continue;
    if (key == last) --ties;
    indices[kept++] = static_cast<std::uint32_t>(i);
  }
  heap_sort(indices, indices + kept,
            [scores](std::uint32_t a, std::uint32_t b) { return ranks_before({scores[a], a}, {scores[b], b}); });
  for (std::size_t i = 0; i < kept; ++i) values[i] = scores[indices[i]];
  return kept;
}

}  // namespace heed
