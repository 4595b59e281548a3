// Products of a block of tokens, or of one, with a matrix of weights, on all threads.
//
// A block of tokens stands in panels (simd/token_panels.hpp): panel p of an activation of `columns` numbers is at
// data + p * round_up(columns, kKeyTile) * kPanel. Rows past the last are scratch of the kernels.
//
// Work is cut into blocks of rows of the weights, so that any number of threads gives the same bits.
#pragma once

#include "base/buffer.hpp"
#include "model/weights.hpp"
#include "parallel/task_pool.hpp"
#include "simd/weight_products.hpp"
#include "simd/weight_tile.hpp"

namespace heed {

/// Floats of one panel of an activation.
constexpr std::size_t panel_floats(std::size_t columns) noexcept {
  return round_up(columns, simd::kKeyTile) * simd::kPanel;
}

/// One product: out (= or +=) weights * in.
struct BlockProduct {
  const WeightSlot* weights;
  float* out;  // panels
  bool add = false;
};

class TokenMath {
 public:
  /// `columns`: of the widest input. False when there is no memory.
  [[nodiscard]] bool prepare(std::size_t columns, TaskPool& pool) noexcept;

  /// Up to three products of one input.
  void block(const float* in, std::size_t panels, const BlockProduct* products, std::size_t count,
             TaskPool& pool) noexcept;

  /// The same for one token: out[r] (= or +=) for the rows of each; `out` has room for whole vectors of floats.
  struct Product {
    const WeightSlot* weights;
    float* out;
    bool add = false;
  };
  void token(const float* in, const Product* products, std::size_t count, TaskPool& pool) noexcept;

  /// Rows [first, first + rows) of weights times a panel, one panel behind the other: out[p] has kWeightBlock rows.
  /// Uses the scratch of `thread`.
  void rows_of_block(const WeightSlot& weights, std::size_t first, std::size_t rows, const float* in,
                     std::size_t panels, bool add, float* out, std::size_t out_panel, std::size_t thread) noexcept;

 private:
  Buffer<float> blocks_;  // (threads, kWeightBlock, kWeightStride)
  Buffer<float> input_;
  Buffer<float> results_;  // (threads, rows of a unit)
  Buffer<std::int16_t> whole_;
  Buffer<float> scales_;
};

}  // namespace heed
