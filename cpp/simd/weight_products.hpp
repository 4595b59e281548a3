// Products of rows of weights with one token: what a step of decoding is made of. Weights are read once, as they are
// stored, so a quarter of the bytes is a quarter of the time where memory decides.
//
//   kFloat, kHalf, kBrain   four chains of multiply-adds, a vector of columns each, added up at the end
//   kByte, kNibble          the token is rounded to whole numbers, 16 bits with a scale for every kInputPiece columns,
//   and
//                           the products with the levels are summed exactly in 32 bits: of a piece for bytes, of a
//                           group for nibbles. 512 * 127 * 32767 < 2^31
//
// Tried: four rows in turn, so that they share the reading of the token: half the bandwidth, the prefetcher follows one
//        stream, not four (4.6 GB/s where one row after the other reads 9).
//
// Numerics: rounding the token to 16 bits is off by at most 2^-16 of its largest number in the piece, a hundredth of
//           what rounding the weights to bytes is off by.
#pragma once

#include "simd/weight_rows.hpp"

namespace heed::simd {

inline constexpr std::size_t kInputPiece = 512;

constexpr std::size_t input_pieces(std::size_t columns) noexcept { return (columns + kInputPiece - 1) / kInputPiece; }

/// A token as the products with one type of weights read it: padded floats, or whole numbers with scales.
struct WeightInput {
  const float* floats = nullptr;
  const std::int16_t* whole = nullptr;  // (columns)
  const float* scales = nullptr;        // (input_pieces(columns))
};

/// The whole numbers of a token. A piece with NaN or infinity has the scale NaN.
void kernel_round_input(const float* token, std::size_t columns, std::int16_t* whole, float* scales) noexcept;

/// out[j] for j < round_up(row_count, kLanes): rows past `row_count` must be readable. For kHalf the token comes times
/// kHalfRoot (row_scores.hpp).
void kernel_weight_products(const WeightRows& rows, std::size_t row_count, const WeightInput& input,
                            float* out) noexcept;

}  // namespace heed::simd
