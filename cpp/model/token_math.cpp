#include "model/token_math.hpp"

#include <algorithm>

#include "simd/row_scores.hpp"

namespace heed {
namespace {

using simd::WeightType;

// Rows of a unit of decoding: 16 to 64 KB of bytes.
constexpr std::size_t kUnitRows = 64;
// Bytes of weights below which other threads are not woken: what waking them costs.
constexpr std::size_t kWorthWaking = 256 * 1024;

std::size_t blocks_of(const WeightSlot& slot) noexcept {
  return (slot.rows + simd::kWeightBlock - 1) / simd::kWeightBlock;
}

}  // namespace

bool TokenMath::prepare(std::size_t columns, TaskPool& pool) noexcept {
  const std::size_t padded = simd::weight_columns(columns);
  return blocks_.resize(pool.threads() * simd::kWeightBlock * simd::kWeightStride) && input_.resize(padded) &&
         results_.resize(pool.threads() * kUnitRows) && whole_.resize(padded) &&
         scales_.resize(simd::input_pieces(padded));
}

void TokenMath::rows_of_block(const WeightSlot& weights, std::size_t first, std::size_t rows, const float* in,
                              std::size_t panels, bool add, float* out, std::size_t out_panel,
                              std::size_t thread) noexcept {
  float* const block = blocks_.data() + thread * simd::kWeightBlock * simd::kWeightStride;
  const simd::WeightRows from = weights.view().from(first);
  const std::size_t in_panel = panel_floats(weights.columns);
  std::fill(block + rows * simd::kWeightStride, block + round_up(rows, simd::kKeyTile) * simd::kWeightStride, 0.0f);
  for (std::size_t c = 0; c < weights.columns; c += simd::kWeightPiece) {
    const std::size_t count = std::min(simd::kWeightPiece, weights.columns - c);
    simd::kernel_widen_weights(from, rows, c, count, block, simd::kWeightStride);
    for (std::size_t p = 0; p < panels; ++p)
      simd::kernel_weight_tile(in + p * in_panel + c * simd::kPanel, block, rows, count, add || c != 0,
                               out + p * out_panel);
  }
}

void TokenMath::block(const float* in, std::size_t panels, const BlockProduct* products, std::size_t count,
                      TaskPool& pool) noexcept {
  std::size_t units = 0;
  for (std::size_t i = 0; i < count; ++i) units += blocks_of(*products[i].weights);
  pool.run({0, units}, [&](std::size_t unit, std::size_t thread) {
    const BlockProduct* product = products;
    while (unit >= blocks_of(*product->weights)) unit -= blocks_of(*product++->weights);
    const WeightSlot& weights = *product->weights;
    const std::size_t first = unit * simd::kWeightBlock, rows = std::min(simd::kWeightBlock, weights.rows - first);
    rows_of_block(weights, first, rows, in, panels, product->add, product->out + first * simd::kPanel,
                  panel_floats(weights.rows), thread);
  });
}

void TokenMath::token(const float* in, const Product* products, std::size_t count, TaskPool& pool) noexcept {
  const WeightSlot& weights = *products[0].weights;  // the others are stored likewise
  const std::size_t columns = weights.columns, padded = simd::weight_columns(columns);
  const float root = weights.type == WeightType::kHalf ? simd::kHalfRoot : 1.0f;
  for (std::size_t c = 0; c < columns; ++c) input_[c] = in[c] * root;
  std::fill(input_.data() + columns, input_.data() + padded, 0.0f);
  if (weights.type == WeightType::kByte || weights.type == WeightType::kNibble)
    simd::kernel_round_input(input_.data(), padded, whole_.data(), scales_.data());
  const simd::WeightInput input{input_.data(), whole_.data(), scales_.data()};

  const auto units_of = [](const WeightSlot& slot) { return (slot.rows + kUnitRows - 1) / kUnitRows; };
  std::size_t units = 0, bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    units += units_of(*products[i].weights);
    bytes += products[i].weights->data.size();
  }
  const auto work = [&](std::size_t unit, std::size_t thread) {
    const Product* product = products;
    while (unit >= units_of(*product->weights)) unit -= units_of(*product++->weights);
    const std::size_t first = unit * kUnitRows, rows = std::min(kUnitRows, product->weights->rows - first);
    float* const found = results_.data() + thread * kUnitRows;
    simd::kernel_weight_products(product->weights->view().from(first), rows, input, found);
    float* const out = product->out + first;
    if (product->add) {
      for (std::size_t r = 0; r < rows; ++r) out[r] += found[r];
    } else {
      std::copy_n(found, rows, out);
    }
  };
  if (bytes < kWorthWaking) {
    for (std::size_t unit = 0; unit < units; ++unit) work(unit, 0);
  } else {
    pool.run({0, units}, work);
  }
}

}  // namespace heed
