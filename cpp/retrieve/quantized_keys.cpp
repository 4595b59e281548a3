#include "retrieve/quantized_keys.hpp"

#include <algorithm>
#include <cmath>

#include "retrieve/level_rounding.hpp"
#include "sparse/dropped_mass.hpp"

namespace heed {
bool QuantizedKeys::prepare(const AttentionProblem& problem) noexcept {
  const AttentionShape& shape = problem.shape;
  chunks_ = KeyChunks(shape);
  kv_heads_ = shape.kv_heads;
  dim_ = shape.head_dim;
  // The kernel reads whole tiles of keys.
  padded_keys_ = round_up(shape.keys, simd::kLanes);
  blocks_ = (shape.keys + simd::kKeyBlock - 1) / simd::kKeyBlock;
  const CheckedSize levels = checked_product({chunks_.heads, padded_keys_, simd::screen_stride(dim_)});
  const CheckedSize starts = checked_product({chunks_.heads, padded_keys_, simd::screen_chunks(dim_)});
  if (!levels.fits || !starts.fits || !centers_.resize(chunks_.heads * dim_) ||
      !scratch_.resize(chunks_.units() * 2 * dim_) || !levels_.resize(levels.value) || !starts_.resize(starts.value) ||
      !scales_.resize(chunks_.heads * padded_keys_) || !norms_.resize(chunks_.heads * blocks_) ||
      !first_outliers_.resize(chunks_.units()))
    return false;
  for (std::size_t h = 0; h < chunks_.heads; ++h)
    find_center(problem.key_rows(h / kv_heads_, h % kv_heads_), centers_.data() + h * dim_);
  std::fill_n(levels_.data(), levels_.size(), std::int8_t{0});
  std::fill_n(starts_.data(), starts_.size(), 0);
  std::fill_n(scales_.data(), scales_.size(), 0.0f);
  return true;
}

QuantizedKeys::Head QuantizedKeys::head(std::size_t batch, std::size_t kv_head) const noexcept {
  const std::size_t h = batch * kv_heads_ + kv_head, first = h * padded_keys_;
  std::size_t outlier = chunks_.keys;
  for (std::size_t i = 0; i < chunks_.each; ++i)
    outlier = std::min<std::size_t>(outlier, first_outliers_[h * chunks_.each + i]);
  const float* center = centers_.data() + h * dim_;
  return {center,
          row_norm(center, dim_),
          levels_.data() + first * simd::screen_stride(dim_),
          starts_.data() + first * simd::screen_chunks(dim_),
          scales_.data() + first,
          norms_.data() + h * blocks_,
          outlier};
}

void QuantizedKeys::build(const AttentionProblem& problem, std::size_t unit) noexcept {
  const std::size_t head = chunks_.head(unit);
  const Range range = chunks_.range(unit);
  const MatrixView<const float> keys = problem.key_rows(head / kv_heads_, head % kv_heads_);
  std::size_t outlier = chunks_.keys;
  for (std::size_t j = range.begin; j < range.end; ++j) {
    BlockNorms& norms = norms_[head * blocks_ + j / simd::kKeyBlock];
    if (j % simd::kKeyBlock == 0) norms = {};
    if (!quantize(keys.row(j), head, j, scratch_.data() + unit * 2 * dim_, norms)) outlier = std::min(outlier, j);
  }
  first_outliers_[unit] = static_cast<std::uint32_t>(outlier);
}

bool QuantizedKeys::quantize(const float* key, std::size_t head, std::size_t j, float* levels,
                             BlockNorms& norms) noexcept {
  if (!(row_norm(key, dim_) < kLargestNorm)) return false;
  const float* center = centers_.data() + head * dim_;
  float* centered = levels + dim_;
  double moved = 0.0;  // by rounding the difference to float
  for (std::size_t c = 0; c < dim_; ++c) {
    centered[c] = key[c] - center[c];
    const double lost = (double{key[c]} - double{center[c]}) - double{centered[c]};
    moved += lost * lost;
  }
  const std::size_t row = head * padded_keys_ + j;
  std::int8_t* to = levels_.data() + row * simd::screen_stride(dim_);
  const RoundedRow rounded = round_to_levels(centered, dim_, simd::kKeyLevels, simd::kKeyNorm, levels);
  for (std::size_t c = 0; c < dim_; ++c) to[c] = static_cast<std::int8_t>(levels[c]);
  simd::write_screen_starts(to, dim_, starts_.data() + row * simd::screen_chunks(dim_));
  scales_[row] = rounded.scale;
  const double more = 1.0 + 1e-6;
  norms.error = std::max(norms.error, static_cast<float>(more * (rounded.lost + std::sqrt(moved))));
  norms.key = std::max(norms.key, static_cast<float>(more * (rounded.size + std::sqrt(moved))));
  return true;
}

}  // namespace heed
