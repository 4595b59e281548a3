#include "simd/candidate_filter.hpp"

#include <bit>

namespace heed::simd {
namespace {

inline std::uint32_t winners(const float* scores, F32 low, F32 high) noexcept {
  return bits(load(scores) > low) | bits(load(scores + kLanes) > high) << kLanes;
}

inline void append(std::uint32_t mask, const float* scores, std::uint32_t key, const PanelCandidates& to) noexcept {
  while (mask != 0) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(mask));
    mask &= mask - 1;
    const std::size_t slot = lane * to.capacity + to.count[lane]++;
    to.scores[slot] = scores[lane];
    to.indices[slot] = key;
  }
}

}  // namespace

HEED_KERNEL void kernel_filter(const float* scores, std::size_t key_count, const std::uint32_t* keys,
                               const float* threshold, const PanelCandidates& candidates) noexcept {
  const F32 low = load(threshold), high = load(threshold + kLanes);
  std::size_t j = 0;
  for (; j + 4 <= key_count; j += 4) {
    const float* block = scores + j * kPanel;
    const std::uint32_t m0 = winners(block, low, high), m1 = winners(block + kPanel, low, high);
    const std::uint32_t m2 = winners(block + 2 * kPanel, low, high), m3 = winners(block + 3 * kPanel, low, high);
    if ((m0 | m1 | m2 | m3) == 0) continue;
    append(m0, block, keys[j], candidates);
    append(m1, block + kPanel, keys[j + 1], candidates);
    append(m2, block + 2 * kPanel, keys[j + 2], candidates);
    append(m3, block + 3 * kPanel, keys[j + 3], candidates);
  }
  for (; j < key_count; ++j) {
    const float* block = scores + j * kPanel;
    append(winners(block, low, high), block, keys[j], candidates);
  }
}

}  // namespace heed::simd
