#include "simd/score_statistics.hpp"

#include "simd/madd.hpp"

namespace heed::simd {

HEED_KERNEL void kernel_moments(const float* scores, std::size_t key_count, double* sum, double* squares) noexcept {
  F32 sum_low = zero(), sum_high = zero(), squares_low = zero(), squares_high = zero();
  for (std::size_t j = 0; j < key_count; ++j) {
    const F32 low = load(scores), high = load(scores + kLanes);
    sum_low = sum_low + low;
    sum_high = sum_high + high;
    squares_low = madd(low, low, squares_low);
    squares_high = madd(high, high, squares_high);
    scores += kPanel;
  }
  alignas(64) float sums[kPanel], squared[kPanel];
  store(sums, sum_low);
  store(sums + kLanes, sum_high);
  store(squared, squares_low);
  store(squared + kLanes, squares_high);
  for (std::size_t lane = 0; lane < kPanel; ++lane) {
    sum[lane] += double{sums[lane]};
    squares[lane] += double{squared[lane]};
  }
}

HEED_KERNEL void kernel_count_above(const float* scores, std::size_t key_count, const float* threshold,
                                    std::uint64_t* count) noexcept {
  const F32 low = load(threshold), high = load(threshold + kLanes);
  F32 count_low = zero(), count_high = zero();  // at most kKeyBlock, exact in float
  for (std::size_t j = 0; j < key_count; ++j) {
    count_low = count_low + counted(load(scores) > low);
    count_high = count_high + counted(load(scores + kLanes) > high);
    scores += kPanel;
  }
  alignas(64) float counts[kPanel];
  store(counts, count_low);
  store(counts + kLanes, count_high);
  for (std::size_t lane = 0; lane < kPanel; ++lane) count[lane] += static_cast<std::uint64_t>(counts[lane]);
}

}  // namespace heed::simd
