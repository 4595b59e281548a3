// The tail of a row from a sample of the keys that it did not keep (DERIVED; theory/README.md has the exact tail).
//
// With T the keys not kept, m = |T|, w = e^(s - reference) and a uniform sample of T, drawn with replacement:
//
//   sum_T w ~ m mean(w)      tau ~ m mean(w) / (Z_H + m mean(w))
//   slope of the line of w in s ~ cov(w, s) / var(s) over the sample
//
// `deviation` is the standard error of mean(w). An interval that follows from it is one of confidence, by the normal
// approximation, not a bound: a rare large weight that the sample missed is in neither. Where T has no more keys than a
// sample, all of T is taken and nothing is estimated.
#pragma once

#include "base/random.hpp"
#include "base/view.hpp"

namespace heed {

inline constexpr std::size_t kTailSample = 96;

struct SampledTail {
  float reference;   // the highest score of the kept and the sampled keys
  double weight;     // sum_T w
  double deviation;  // its standard error
  double slope;      // of w in s
  double spread;     // sum_T (s - mean)^2
  bool spoiled;      // a score was NaN
};

struct TailSampleScratch {
  std::uint32_t indices[kTailSample];
  alignas(64) float scores[kTailSample];
  alignas(64) float weights[kTailSample];
};

/// Chooses from the first `visible` keys without the `count` in `kept`, which ascend and are fewer than all; returns
/// how many it chose. Numbers of the stream from `first` on choose them.
std::size_t choose_sample(std::size_t visible, const std::uint32_t* kept, std::size_t count,
                          const CounterRandom& random, std::uint64_t first, TailSampleScratch& scratch) noexcept;

/// From the scores of the `size` chosen of `others` keys. `best`: the highest score kept.
SampledTail tail_of_sample(std::size_t others, std::size_t size, float best, TailSampleScratch& scratch) noexcept;

/// Both, with the scores of `keys`; `query`: scaled.
SampledTail sample_tail(const MatrixView<const float>& keys, std::size_t visible, const float* query,
                        const std::uint32_t* kept, std::size_t count, float best, const CounterRandom& random,
                        std::uint64_t first, TailSampleScratch& scratch) noexcept;

}  // namespace heed
