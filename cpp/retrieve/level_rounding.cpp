#include "retrieve/level_rounding.hpp"

#include <algorithm>
#include <cmath>

#include "simd/screen_tile.hpp"

namespace heed {
namespace {

// Sums over columns 4i, 4i + 1 and over columns 4i + 2, 4i + 3.
struct Halves {
  double first = 0.0, second = 0.0;

  void add(const float* x, std::size_t count) noexcept {
    std::size_t c = 0;
    for (; c + 4 <= count; c += 4) {
      first += double{x[c]} * double{x[c]} + double{x[c + 1]} * double{x[c + 1]};
      second += double{x[c + 2]} * double{x[c + 2]} + double{x[c + 3]} * double{x[c + 3]};
    }
    for (; c < count; ++c) (c % 4 < 2 ? first : second) += double{x[c]} * double{x[c]};
  }
};

}  // namespace

RoundedRow round_to_levels(const float* x, std::size_t d, float levels, float norm, float* level) noexcept {
  constexpr double kSmallestScale = 1e-30;
  float largest = 0.0f;
  for (std::size_t c = 0; c < d; ++c) largest = std::max(largest, std::abs(x[c]));
  double scale = double{largest} / double{levels}, size = 0.0;
  for (std::size_t c = 0; c < d; c += simd::kScreenChunk) {
    Halves halves;
    halves.add(x + c, std::min(simd::kScreenChunk, d - c));
    scale = std::max(scale, std::sqrt(std::max(halves.first, halves.second)) / double{norm});
    size += halves.first + halves.second;
  }
  // A little more, so that no rounding on the way makes a level too large.
  const float used = scale < kSmallestScale ? 0.0f : static_cast<float>(scale * (1.0 + 1e-6));
  const float inverse = used == 0.0f ? 0.0f : 1.0f / used;
  for (std::size_t c = 0; c < d; ++c) level[c] = std::nearbyint(x[c] * inverse);
  double squares = 0.0, lost = 0.0;
  for (std::size_t c = 0; c < d; ++c) {
    const double rest = double{x[c]} - double{used} * double{level[c]};
    squares += double{level[c]} * double{level[c]};
    lost += rest * rest;
  }
  return {used, std::sqrt(size), double{used} * std::sqrt(squares), std::sqrt(lost)};
}

}  // namespace heed
