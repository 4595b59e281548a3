// The order in which keys pass by a top-k scan: first an even sample of the keys that every row of the unit sees, then
// all others, ascending.
//
// The sample's scores give each row a threshold before the scan begins, so that few keys are ever looked at twice; as
// the sample is part of the order, its scores are not computed again. Evenly spread, it is fair to any order of the
// keys that does not repeat with the sample's own step.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "simd/block.hpp"

namespace heed {

class KeyOrder {
 public:
  static constexpr std::size_t kMostSampled = 5 * simd::kKeyBlock;

  /// `by_all` keys are seen by every row, `by_any` by at least one. No sample where keys are few, or where so many are
  /// kept (`most_kept`) that a threshold would let most of them through.
  KeyOrder(std::size_t by_all, std::size_t by_any, std::size_t most_kept) noexcept : by_all_(by_all), by_any_(by_any) {
    const std::size_t size = std::min(by_all / 4 / simd::kKeyBlock * simd::kKeyBlock, kMostSampled);
    if (size != 0 && hits(most_kept, size) <= static_cast<float>(size) / 2) sample_ = size;
  }

  std::size_t sample() const noexcept { return sample_; }

  /// How many of the sample shall exceed the threshold of a row that keeps k: the expected number of the k best in the
  /// sample, and 2.6 standard deviations and two more. About one row in 300 then finds fewer than k keys and is scanned
  /// again; fewer deviations save candidates and cost rescans.
  float hits(std::size_t k) const noexcept { return hits(k, sample_); }

  void list_sample(std::uint32_t* keys) const noexcept {
    for (std::size_t i = 0; i < sample_; ++i) keys[i] = sampled(i);
  }

  /// The next `most` keys after the sample, at the most; returns how many there were.
  std::size_t list_next(std::size_t most, std::uint32_t* keys) noexcept {
    std::size_t count = 0;
    for (; count < most && next_ < by_any_; ++next_) {
      if (passed_ < sample_ && sampled(passed_) == next_)
        ++passed_;
      else
        keys[count++] = static_cast<std::uint32_t>(next_);
    }
    return count;
  }

 private:
  float hits(std::size_t k, std::size_t size) const noexcept {
    const double expected = static_cast<double>(k) * static_cast<double>(size) / static_cast<double>(by_all_);
    return static_cast<float>(expected + 2.6 * std::sqrt(expected) + 2.0);
  }
  std::uint32_t sampled(std::size_t i) const noexcept {
    return static_cast<std::uint32_t>(std::uint64_t{i} * by_all_ / sample_);
  }

  std::size_t by_all_, by_any_, sample_ = 0;
  std::size_t next_ = 0;    // key to look at
  std::size_t passed_ = 0;  // sampled keys before it
};

}  // namespace heed
