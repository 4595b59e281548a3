// The streams of random numbers that simulations draw from; one place, so that no two of them use the same numbers.
#pragma once

#include <cstdint>

namespace heed {

inline constexpr std::uint64_t kTokenStream = 0, kQueryWeightStream = 1, kKeyWeightStream = 2, kMapStream = 3;
inline constexpr std::uint64_t kTopicStream = 4, kScoreStream = 5, kValueStream = 6, kValueWeightStream = 7;
inline constexpr std::uint64_t kStartStream = 8, kLengthStream = 9;
inline constexpr std::uint64_t kFreeQueryStream = 20, kFreeKeyStream = 21, kMissStream = 22, kTaskStream = 23;

inline constexpr std::uint64_t kDirectionStream = 30;
// Six for each layer of a stack, and nothing beyond them.
inline constexpr std::uint64_t kLayerStream = 1000;

}  // namespace heed
