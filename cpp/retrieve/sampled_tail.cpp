#include "retrieve/sampled_tail.hpp"

#include <algorithm>
#include <cmath>

#include "simd/gathered_scores.hpp"
#include "simd/softmax_pass.hpp"

namespace heed {
namespace {

// The rank-th of the keys that are not among the kept ones, which ascend.
std::uint32_t nth_other(const std::uint32_t* kept, std::size_t count, std::size_t rank) noexcept {
  // kept[i] - i others come before the i-th kept key: a number that does not fall with i.
  std::size_t low = 0, high = count;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (kept[middle] - middle <= rank)
      low = middle + 1;
    else
      high = middle;
  }
  return static_cast<std::uint32_t>(rank + low);
}

}  // namespace

std::size_t choose_sample(std::size_t visible, const std::uint32_t* kept, std::size_t count,
                          const CounterRandom& random, std::uint64_t first, TailSampleScratch& s) noexcept {
  const std::size_t others = visible - count, size = std::min(others, kTailSample);
  for (std::size_t i = 0; i < size; ++i) {
    const auto rank = static_cast<std::size_t>(random.uniform(first + i) * static_cast<double>(others));
    s.indices[i] = nth_other(kept, count, others == size ? i : std::min(rank, others - 1));
  }
  return size;
}

SampledTail sample_tail(const MatrixView<const float>& keys, std::size_t visible, const float* query,
                        const std::uint32_t* kept, std::size_t count, float best, const CounterRandom& random,
                        std::uint64_t first, TailSampleScratch& s) noexcept {
  const std::size_t size = choose_sample(visible, kept, count, random, first, s);
  simd::kernel_gathered_scores(query, keys, s.indices, size, s.scores);
  return tail_of_sample(visible - count, size, best, s);
}

SampledTail tail_of_sample(std::size_t others, std::size_t size, float best, TailSampleScratch& s) noexcept {
  const bool all = others == size;
  SampledTail tail{best, 0.0, 0.0, 0.0, 0.0, false};
  for (std::size_t i = 0; i < size; ++i) {
    tail.spoiled = tail.spoiled || std::isnan(s.scores[i]);
    tail.reference = std::max(tail.reference, s.scores[i]);
  }
  if (tail.reference == -simd::kInfinity) tail.reference = 0.0f;
  std::fill(s.scores + size, s.scores + round_up(size, simd::kLanes), -simd::kInfinity);
  std::copy_n(s.scores, round_up(size, simd::kLanes), s.weights);
  simd::kernel_exp_row(s.weights, size, tail.reference);

  const auto n = static_cast<double>(size), m = static_cast<double>(others);
  double weight = 0.0, score = 0.0;
  for (std::size_t i = 0; i < size; ++i) {
    weight += double{s.weights[i]} / n;
    score += (double{s.scores[i]} - double{tail.reference}) / n;
  }
  double weights = 0.0, scores = 0.0, products = 0.0;
  for (std::size_t i = 0; i < size; ++i) {
    const double w = double{s.weights[i]} - weight, x = double{s.scores[i]} - double{tail.reference} - score;
    weights += w * w;
    scores += x * x;
    products += w * x;
  }
  tail.weight = m * weight;
  tail.deviation = all ? 0.0 : m * std::sqrt(weights / (n - 1.0) / n);
  tail.slope = scores > 0.0 ? products / scores : 0.0;
  tail.spread = m * scores / n;
  return tail;
}

}  // namespace heed
