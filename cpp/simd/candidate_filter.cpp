#include "simd/candidate_filter.hpp"

#include <bit>

namespace heed::simd {
namespace {

// Where a pair of keys has winners: bit l of the mask is lane l of the first key, bit kPanel + l of the second.
struct Hit {
  std::uint32_t mask;
  std::uint32_t key;
};

inline std::uint32_t winners(const float* scores, F32 low, F32 high) noexcept {
  return bits(load(scores) > low) | bits(load(scores + kLanes) > high) << kLanes;
}

inline std::uint32_t winners_of_pair(const float* pair, F32 low, F32 high) noexcept {
  return bits(load(pair) > low, load(pair + kLanes) > high, load(pair + kPanel) > low,
              load(pair + kPanel + kLanes) > high);
}

}  // namespace

// Two loops, because hits come at random and every branch on them is mispredicted: the first notes the pairs with a
// winner without branching, the second finds at least one winner in each.
HEED_KERNEL void kernel_filter(const float* scores, std::size_t key_count, const std::uint32_t* keys,
                               const float* threshold, const PanelCandidates& candidates) noexcept {
  static_assert(2 * kPanel <= 32 && kKeyBlock % 2 == 0);
  Hit hits[kKeyBlock / 2 + 1];
  const F32 low = load(threshold), high = load(threshold + kLanes);
  std::size_t found = 0, j = 0;
  for (; j + 2 <= key_count; j += 2) {
    const float* pair = scores + j * kPanel;
    const std::uint32_t mask = winners_of_pair(pair, low, high);
    hits[found] = {mask, static_cast<std::uint32_t>(j)};
    found += mask != 0 ? 1 : 0;
  }
  if (j < key_count) {
    hits[found] = {winners(scores + j * kPanel, low, high), static_cast<std::uint32_t>(j)};
    found += hits[found].mask != 0 ? 1 : 0;
  }
  for (std::size_t i = 0; i < found; ++i) {
    std::uint32_t mask = hits[i].mask;
    do {
      const auto bit = static_cast<std::size_t>(std::countr_zero(mask));
      mask &= mask - 1;
      const std::size_t lane = bit % kPanel, key = hits[i].key + bit / kPanel;
      const std::size_t slot = lane * candidates.capacity + candidates.count[lane]++;
      candidates.scores[slot] = scores[key * kPanel + lane];
      candidates.indices[slot] = keys[key];
    } while (mask != 0);
  }
}

}  // namespace heed::simd
