#include "simd/weight_rows.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/half.hpp"
#include "simd/weight_vectors.hpp"

namespace heed::simd {
namespace {

// The upper half of a float, to nearest even. Numbers that are not finite are not looked for.
std::uint16_t narrow_brain(float x) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  return static_cast<std::uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

float scale_of(const float* from, std::size_t count, float levels) noexcept {
  float largest = 0.0f;
  for (std::size_t c = 0; c < count; ++c) largest = std::max(largest, std::abs(from[c]));
  return largest / levels;
}

// A scale that underflows leaves zeros, which are within its rounding.
float inverse_of(float scale) noexcept { return scale < std::numeric_limits<float>::min() ? 0.0f : 1.0f / scale; }

int level(float x, float inverse, float levels) noexcept {
  return static_cast<int>(std::clamp(std::nearbyint(x * inverse), -levels, levels));
}

void store_nibbles(const float* from, std::size_t count, std::size_t columns, std::uint8_t* to,
                   float* scales) noexcept {
  for (std::size_t first = 0; first < columns; first += kNibbleGroup, to += kNibbleGroup / 2) {
    float group[kNibbleGroup] = {};
    if (first < count) std::copy_n(from + first, std::min(kNibbleGroup, count - first), group);
    const float scale = scale_of(group, kNibbleGroup, 7.0f), inverse = inverse_of(scale);
    *scales++ = scale;
    for (std::size_t i = 0; i < kNibbleGroup / 2; ++i) {
      const int low = level(group[i], inverse, 7.0f) + 8, high = level(group[i + kNibbleGroup / 2], inverse, 7.0f) + 8;
      to[i] = static_cast<std::uint8_t>(low | high << 4);
    }
  }
}

constexpr NibbleMasks make_nibble_masks() noexcept {
  NibbleMasks m{};
  for (std::size_t i = 0; i < 16; ++i) {
    m.low[i] = 0x0F;
    m.eight[i] = 8;
  }
  return m;
}

// f(from, to) for every 16 columns.
template <class Step>
inline void each_step(std::size_t row_count, std::size_t first, std::size_t count, float* to, std::size_t stride,
                      Step&& step) noexcept {
  for (std::size_t j = 0; j < row_count; ++j)
    for (std::size_t c = 0; c < count; c += 16) step(j, first + c, to + j * stride + c);
}

}  // namespace

constinit const NibbleMasks kNibbleMasks = make_nibble_masks();

HEED_KERNEL bool kernel_store_weights(WeightType type, const float* from, std::size_t count, std::size_t columns,
                                      std::byte* row, float* scales) noexcept {
  // The sum of x - x is 0 for finite numbers and NaN otherwise.
  float check = 0.0f;
  for (std::size_t c = 0; c < count; ++c) check += from[c] - from[c];
  if (check != 0.0f) return false;
  switch (type) {
    case WeightType::kFloat: {
      auto* const to = reinterpret_cast<float*>(row);
      std::copy_n(from, count, to);
      std::fill(to + count, to + columns, 0.0f);
      return true;
    }
    case WeightType::kHalf:
    case WeightType::kBrain: {
      auto* const to = reinterpret_cast<std::uint16_t*>(row);
      const std::uint16_t exponent = type == WeightType::kHalf ? 0x7C00u : 0x7F80u;
      bool finite = true;
      for (std::size_t c = 0; c < count; ++c) {
        to[c] = type == WeightType::kHalf ? narrow_half(from[c]) : narrow_brain(from[c]);
        finite &= (to[c] & exponent) != exponent;
      }
      std::fill(to + count, to + columns, std::uint16_t{0});
      return finite;
    }
    case WeightType::kByte: {
      auto* const to = reinterpret_cast<std::int8_t*>(row);
      *scales = scale_of(from, count, 127.0f);
      const float inverse = inverse_of(*scales);
      for (std::size_t c = 0; c < count; ++c) to[c] = static_cast<std::int8_t>(level(from[c], inverse, 127.0f));
      std::fill(to + count, to + columns, std::int8_t{0});
      return true;
    }
    case WeightType::kNibble:
      store_nibbles(from, count, columns, reinterpret_cast<std::uint8_t*>(row), scales);
      return true;
  }
  return false;
}

HEED_KERNEL void kernel_widen_weights(const WeightRows& rows, std::size_t row_count, std::size_t first,
                                      std::size_t count, float* to, std::size_t stride) noexcept {
  constexpr std::size_t kVectors = 16 / kLanes;
  switch (rows.type) {
    case WeightType::kFloat:
      return each_step(row_count, first, count, to, stride, [&](std::size_t j, std::size_t c, float* at) {
        for (std::size_t v = 0; v < kVectors; ++v) store(at + v * kLanes, load(rows.row<float>(j) + c + v * kLanes));
      });
    case WeightType::kHalf: {
      const HalfMasks* const k = HalfRow::constants();
      const F32 factor = splat(0x1p112f);
      return each_step(row_count, first, count, to, stride, [&](std::size_t j, std::size_t c, float* at) {
        for (std::size_t v = 0; v < kVectors; ++v)
          store(at + v * kLanes, HalfRow::vector(rows.row<std::uint16_t>(j) + c + v * kLanes, k) * factor);
      });
    }
    case WeightType::kBrain:
      return each_step(row_count, first, count, to, stride, [&](std::size_t j, std::size_t c, float* at) {
        for (std::size_t v = 0; v < kVectors; ++v)
          store(at + v * kLanes, BrainRow::vector(rows.row<std::uint16_t>(j) + c + v * kLanes, {}));
      });
    case WeightType::kByte:
      return each_step(row_count, first, count, to, stride, [&](std::size_t j, std::size_t c, float* at) {
        F32 numbers[kVectors];
        widen_bytes(rows.row<std::int8_t>(j) + c, numbers);
        const F32 scale = splat(rows.scales[j]);
        for (std::size_t v = 0; v < kVectors; ++v) store(at + v * kLanes, numbers[v] * scale);
      });
    case WeightType::kNibble: {
      const std::size_t groups = rows.columns / kNibbleGroup;
      for (std::size_t j = 0; j < row_count; ++j) {
        for (std::size_t c = 0; c < count; c += kNibbleGroup) {
          const std::size_t group = (first + c) / kNibbleGroup;
          alignas(16) std::int8_t levels[kNibbleGroup];
          split_nibbles(rows.row<std::uint8_t>(j) + group * (kNibbleGroup / 2), levels);
          const F32 scale = splat(rows.scales[j * groups + group]);
          for (std::size_t half = 0; half < kNibbleGroup; half += 16) {
            F32 numbers[kVectors];
            widen_bytes(levels + half, numbers);
            float* const at = to + j * stride + c + half;
            for (std::size_t v = 0; v < kVectors; ++v) store(at + v * kLanes, numbers[v] * scale);
          }
        }
      }
      return;
    }
  }
}

void widen_source(WeightType type, const std::byte* from, float scale, std::size_t count, float* to) noexcept {
  if (type == WeightType::kFloat) {
    std::memcpy(to, from, count * sizeof(float));
  } else if (type == WeightType::kByte) {
    for (std::size_t i = 0; i < count; ++i) to[i] = scale * static_cast<float>(std::to_integer<std::int8_t>(from[i]));
  } else {
    // Files put tensors at any address.
    for (std::size_t i = 0; i < count; ++i) {
      std::uint16_t bits;
      std::memcpy(&bits, from + 2 * i, sizeof(bits));
      to[i] = type == WeightType::kHalf ? widen_half(bits) : std::bit_cast<float>(std::uint32_t{bits} << 16);
    }
  }
}

}  // namespace heed::simd
