// Random numbers by counter: number i of a stream is a function of (seed, stream, i) alone. Nothing is carried along,
// so any thread may ask for any number, a row can be made again instead of kept, and native and Wasm builds agree bit
// for bit: the logarithm, sine and cosine of the normal numbers are our own polynomials in plain double arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heed {

class CounterRandom {
 public:
  constexpr CounterRandom(std::uint64_t seed, std::uint64_t stream) noexcept
      : key_(mix(seed + 0x9E3779B97F4A7C15ULL * (stream + 1))) {}

  /// 64 random bits.
  constexpr std::uint64_t bits(std::uint64_t counter) const noexcept {
    return mix(mix(counter * 0xD1B54A32D192ED03ULL + key_) ^ key_);
  }

  /// Uniform in (0, 1), never 0 or 1.
  constexpr double uniform(std::uint64_t counter) const noexcept {
    return (static_cast<double>(bits(counter) >> 11) + 0.5) * 0x1p-53;
  }

  /// Fills `out` with the standard normal numbers first .. first + count - 1 of the stream (Box and Muller, in pairs).
  void fill_normal(std::uint64_t first, std::size_t count, float* out) const noexcept;

 private:
  // The finalizer of SplitMix64: every input bit reaches every output bit.
  static constexpr std::uint64_t mix(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
  }

  std::uint64_t key_;
};

}  // namespace heed
