// Approximate scores of one panel of queries with keys in 8 bits: what a screen looks at before any exact score is
// formed.
//
//   prescores[j][lane] = scale_j * sum_c level(key j)[c] * level(query lane)[c]        (in units of the query's scale)
//
// The sum is exact: levels are whole numbers and nothing overflows, so all of the error is in the rounding to levels,
// which is known key by key (retrieve/quantized_keys.hpp has the bound), and one rounding of the product with scale_j.
//
// With relaxed SIMD the instruction multiplies signed with unsigned 7-bit numbers and adds pairs to 16 bits. Queries
// are stored as level + 64, sums start at -64 times the key's levels, and are kept in 16 bits over kScreenChunk
// columns. They may wrap on the way, for the last sum fits: by Cauchy and Schwarz over the halves of a chunk that a
// 16-bit lane adds up (columns 4i, 4i+1 and columns 4i+2, 4i+3),
//
//   |sum| <= |key half| |query half| <= (kKeyNorm + sqrt(32)/2) (kQueryNorm + sqrt(32)/2) < 2^15
//
// for halves scaled to kKeyNorm and kQueryNorm before rounding, which moves them by at most half a level a column.
// Keeping to these norms instead of to +-127 and +-63 alone widens the band of Gaussian rows by a twentieth (computed),
// and saves a widening and an addition for every other product.
//
// Cost: 2 flops a column; 8 accumulators, 2 panel loads and 4 broadcasts for 8 dots. Four keys a tile leave room for
//       the products.
// Elsewhere queries have 12 bits and products are added in 32; keys are the same.
#pragma once

#include <cstdint>

#include "simd/block.hpp"

namespace heed::simd {

/// Columns that are summed before the sum goes to float.
inline constexpr std::size_t kScreenChunk = 64;
inline constexpr float kKeyLevels = 127.0f;
inline constexpr float kKeyNorm = 236.0f;

#if defined(__wasm_simd128__) && !defined(__wasm_relaxed_simd__)
using ScreenLevel = std::int16_t;
inline constexpr float kQueryLevels = 2047.0f;
inline constexpr float kQueryNorm = 1e6f;  // no limit
#else
using ScreenLevel = std::int8_t;
inline constexpr float kQueryLevels = 63.0f;
inline constexpr float kQueryNorm = 134.0f;
#endif

/// Levels of a row of keys: a multiple of 4, 64 or 128 where it can be.
constexpr std::size_t screen_stride(std::size_t d) noexcept {
  if (d <= 64) return 64;
  if (d <= 128) return 128;
  return round_up(d, 16);
}
constexpr std::size_t screen_chunks(std::size_t d) noexcept { return (d + kScreenChunk - 1) / kScreenChunk; }

/// Levels of a panel: room for every column that a chunk may touch.
constexpr std::size_t screen_panel_size(std::size_t d) noexcept { return round_up(d, 4) * kPanel; }

/// The levels of one query, whole numbers from -kQueryLevels to kQueryLevels, into its lane of a panel. All lanes must
/// be written; columns from d to round_up(d, 4) are filled here.
void write_screen_lane(const float* levels, std::size_t d, std::size_t lane, ScreenLevel* panel) noexcept;

/// -64 times the sums of the two halves of each chunk of a key's levels: what its sums start from.
void write_screen_starts(const std::int8_t* levels, std::size_t d, std::int32_t* starts) noexcept;

/// Keys with these levels, as the kernel reads them: `levels` itself, or the same widened into `room`.
const ScreenLevel* screen_keys(const std::int8_t* levels, std::size_t count, ScreenLevel* room) noexcept;

/// `keys` (count, screen_stride(d)), `starts` (count, screen_chunks(d)), `scales` (count): readable up to a multiple of
/// 4 keys, and prescores writable likewise.
template <std::size_t kStride>
void kernel_screen(const ScreenLevel* panel, const ScreenLevel* keys, const std::int32_t* starts, const float* scales,
                   std::size_t count, std::size_t d, float* prescores) noexcept;

inline void screen(const ScreenLevel* panel, const ScreenLevel* keys, const std::int32_t* starts, const float* scales,
                   std::size_t count, std::size_t d, float* prescores) noexcept {
  if (screen_stride(d) == 64)
    kernel_screen<64>(panel, keys, starts, scales, count, d, prescores);
  else if (screen_stride(d) == 128)
    kernel_screen<128>(panel, keys, starts, scales, count, d, prescores);
  else
    kernel_screen<0>(panel, keys, starts, scales, count, d, prescores);
}

}  // namespace heed::simd
