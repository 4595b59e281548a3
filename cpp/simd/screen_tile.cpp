#include "simd/screen_tile.hpp"

#include <algorithm>

namespace heed::simd {
namespace {

constexpr std::size_t kScreenTile = 4;

#if defined(__wasm_relaxed_simd__)

// kScreenTile keys with a panel over `groups` groups of four columns.
inline void screen_tile(const ScreenLevel* panel, const ScreenLevel* keys, std::size_t row, const std::int32_t* starts,
                        std::size_t chunks, std::size_t groups, F32 (&low)[kScreenTile],
                        F32 (&high)[kScreenTile]) noexcept {
  v128_t sums_low[kScreenTile], sums_high[kScreenTile];
#pragma clang loop unroll(full)
  for (std::size_t r = 0; r < kScreenTile; ++r)
    sums_low[r] = sums_high[r] = wasm_v128_load32_splat(starts + r * chunks);
#pragma clang loop unroll(disable)
  for (std::size_t g = 0; g < groups; ++g) {
    const v128_t q_low = wasm_v128_load(panel), q_high = wasm_v128_load(panel + 16);
#pragma clang loop unroll(full)
    for (std::size_t r = 0; r < kScreenTile; ++r) {
      const v128_t k = wasm_v128_load32_splat(keys + r * row);
      sums_low[r] = wasm_i16x8_add(sums_low[r], wasm_i16x8_relaxed_dot_i8x16_i7x16(k, q_low));
      sums_high[r] = wasm_i16x8_add(sums_high[r], wasm_i16x8_relaxed_dot_i8x16_i7x16(k, q_high));
    }
    panel += 32;
    keys += 4;
  }
#pragma clang loop unroll(full)
  for (std::size_t r = 0; r < kScreenTile; ++r) {
    low[r] = F32(wasm_f32x4_convert_i32x4(wasm_i32x4_extadd_pairwise_i16x8(sums_low[r])));
    high[r] = F32(wasm_f32x4_convert_i32x4(wasm_i32x4_extadd_pairwise_i16x8(sums_high[r])));
  }
}

#elif defined(__wasm_simd128__)

inline void screen_tile(const ScreenLevel* panel, const ScreenLevel* keys, std::size_t row, const std::int32_t*,
                        std::size_t, std::size_t groups, F32 (&low)[kScreenTile], F32 (&high)[kScreenTile]) noexcept {
  v128_t sums_low[kScreenTile], sums_high[kScreenTile];
#pragma clang loop unroll(full)
  for (std::size_t r = 0; r < kScreenTile; ++r) sums_low[r] = sums_high[r] = wasm_i32x4_splat(0);
#pragma clang loop unroll(disable)
  for (std::size_t pair = 0; pair < 2 * groups; ++pair) {
    const v128_t q_low = wasm_v128_load(panel), q_high = wasm_v128_load(panel + 8);
#pragma clang loop unroll(full)
    for (std::size_t r = 0; r < kScreenTile; ++r) {
      const v128_t k = wasm_v128_load32_splat(keys + r * row);
      sums_low[r] = wasm_i32x4_add(sums_low[r], wasm_i32x4_dot_i16x8(k, q_low));
      sums_high[r] = wasm_i32x4_add(sums_high[r], wasm_i32x4_dot_i16x8(k, q_high));
    }
    panel += 16;
    keys += 2;
  }
#pragma clang loop unroll(full)
  for (std::size_t r = 0; r < kScreenTile; ++r) {
    low[r] = F32(wasm_f32x4_convert_i32x4(sums_low[r]));
    high[r] = F32(wasm_f32x4_convert_i32x4(sums_high[r]));
  }
}

#else

inline void screen_tile(const ScreenLevel* panel, const ScreenLevel* keys, std::size_t row, const std::int32_t* starts,
                        std::size_t chunks, std::size_t groups, F32 (&low)[kScreenTile],
                        F32 (&high)[kScreenTile]) noexcept {
  for (std::size_t r = 0; r < kScreenTile; ++r) {
    alignas(64) float sums[kPanel];
    for (std::size_t lane = 0; lane < kPanel; ++lane) {
      // Sums wrap to 16 bits, as the instructions of the other builds do.
      const auto start = static_cast<std::uint32_t>(starts[r * chunks]);
      std::uint32_t halves[2] = {start & 0xFFFFu, start >> 16};
      for (std::size_t c = 0; c < 4 * groups; ++c)
        halves[c % 4 / 2] += static_cast<std::uint32_t>(keys[r * row + c] * panel[(c / 4 * kPanel + lane) * 4 + c % 4]);
      const auto wrapped = [](std::uint32_t half) { return static_cast<std::int16_t>(half & 0xFFFFu); };
      sums[lane] = static_cast<float>(wrapped(halves[0]) + wrapped(halves[1]));
    }
    low[r] = load(sums);
    high[r] = load(sums + kLanes);
  }
}

#endif

}  // namespace

#if defined(__wasm_simd128__) && !defined(__wasm_relaxed_simd__)

void write_screen_lane(const float* levels, std::size_t d, std::size_t lane, ScreenLevel* panel) noexcept {
  for (std::size_t c = 0; c < round_up(d, 4); ++c)
    panel[(c / 2 * kPanel + lane) * 2 + c % 2] = static_cast<ScreenLevel>(c < d ? levels[c] : 0.0f);
}

const ScreenLevel* screen_keys(const std::int8_t* levels, std::size_t count, ScreenLevel* room) noexcept {
  std::copy_n(levels, count, room);
  return room;
}

#else

void write_screen_lane(const float* levels, std::size_t d, std::size_t lane, ScreenLevel* panel) noexcept {
  for (std::size_t c = 0; c < round_up(d, 4); ++c)
    panel[(c / 4 * kPanel + lane) * 4 + c % 4] = static_cast<ScreenLevel>(c < d ? 64.0f + levels[c] : 64.0f);
}

const ScreenLevel* screen_keys(const std::int8_t* levels, std::size_t, ScreenLevel*) noexcept { return levels; }

#endif

void write_screen_starts(const std::int8_t* levels, std::size_t d, std::int32_t* starts) noexcept {
  for (std::size_t chunk = 0; chunk < screen_chunks(d); ++chunk) {
    std::uint32_t halves[2] = {};
    for (std::size_t c = chunk * kScreenChunk; c < std::min(d, (chunk + 1) * kScreenChunk); ++c)
      halves[c % 4 / 2] -= 64u * static_cast<std::uint32_t>(std::int32_t{levels[c]});
    starts[chunk] = static_cast<std::int32_t>((halves[0] & 0xFFFFu) | halves[1] << 16);
  }
}

template <std::size_t kStride>
HEED_KERNEL void kernel_screen(const ScreenLevel* panel, const ScreenLevel* keys, const std::int32_t* starts,
                               const float* scales, std::size_t count, std::size_t d, float* prescores) noexcept {
  const std::size_t row = kStride != 0 ? kStride : screen_stride(d), chunks = screen_chunks(d);
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    const std::size_t first = chunk * kScreenChunk, groups = (std::min(kScreenChunk, d - first) + 3) / 4;
    for (std::size_t j = 0; j < count; j += kScreenTile) {
      F32 low[kScreenTile], high[kScreenTile];
      screen_tile(panel + first * kPanel, keys + j * row + first, row, starts + j * chunks + chunk, chunks, groups, low,
                  high);
      float* to = prescores + j * kPanel;
      for (std::size_t r = 0; r < kScreenTile; ++r, to += kPanel) {
        const F32 scale = splat(scales[j + r]);
        const F32 before_low = chunk == 0 ? zero() : load(to), before_high = chunk == 0 ? zero() : load(to + kLanes);
        store(to, before_low + low[r] * scale);
        store(to + kLanes, before_high + high[r] * scale);
      }
    }
  }
}

template void kernel_screen<64>(const ScreenLevel*, const ScreenLevel*, const std::int32_t*, const float*, std::size_t,
                                std::size_t, float*) noexcept;
template void kernel_screen<128>(const ScreenLevel*, const ScreenLevel*, const std::int32_t*, const float*, std::size_t,
                                 std::size_t, float*) noexcept;
template void kernel_screen<0>(const ScreenLevel*, const ScreenLevel*, const std::int32_t*, const float*, std::size_t,
                               std::size_t, float*) noexcept;

}  // namespace heed::simd
