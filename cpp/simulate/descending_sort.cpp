#include "simulate/descending_sort.hpp"

#include <algorithm>
#include <functional>

#include "base/heap_sort.hpp"
#include "topk/order.hpp"

namespace heed {
namespace {

constexpr std::size_t kBits = 11, kBins = std::size_t{1} << kBits;
// Below this many the counters cost more than the comparisons. Chosen.
constexpr std::size_t kFew = 256;

// Small digits are large scores.
inline std::size_t digit(float score, unsigned pass) noexcept {
  return (~rank_key(score) >> (pass * kBits)) & (kBins - 1);
}

bool ranks_higher(float a, float b) noexcept { return rank_key(a) > rank_key(b); }

}  // namespace

void sort_descending(float* scores, std::size_t count, float* scratch) noexcept {
  if (count < kFew) {
    heap_sort(scores, scores + count, ranks_higher);
    return;
  }
  float *from = scores, *to = scratch;
  for (unsigned pass = 0; pass < 3; ++pass) {
    std::size_t starts[kBins] = {};
    for (std::size_t i = 0; i < count; ++i) ++starts[digit(from[i], pass)];
    std::size_t before = 0;
    for (std::size_t& start : starts) {
      const std::size_t size = start;
      start = before;
      before += size;
    }
    for (std::size_t i = 0; i < count; ++i) to[starts[digit(from[i], pass)]++] = from[i];
    std::swap(from, to);
  }
  std::copy_n(scratch, count, scores);
}

}  // namespace heed
