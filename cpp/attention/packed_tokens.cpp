#include "attention/packed_tokens.hpp"

#include <algorithm>

#include "simd/pack.hpp"

namespace heed {
namespace {

// Rows of a head that are packed before the next head's turn: few, so that the heads of a token-major tensor are read
// as they lie, one behind the other.
constexpr std::size_t kRun = 8;
// Floats below which other threads are not woken to pack them.
constexpr std::size_t kWorthWaking = 65536;

}  // namespace

bool PackedTokens::build(const AttentionProblem& problem, std::size_t value_columns, TaskPool& pool) {
  const AttentionShape& shape = problem.shape;
  kv_heads_ = shape.kv_heads;
  blocks_ = (shape.keys + simd::kKeyBlock - 1) / simd::kKeyBlock;
  key_size_ = simd::kKeyBlock * simd::packed_stride(shape.head_dim);
  value_size_ = simd::kKeyBlock * simd::packed_stride(value_columns);
  const CheckedSize blocks = checked_product({shape.batch, kv_heads_, blocks_});
  const CheckedSize size = checked_product({blocks.value, key_size_ + value_size_});
  if (!blocks.fits || !size.fits || size.value > kMostBytes / sizeof(float)) return true;
  if (!keys_.resize(blocks.value * key_size_) || !values_.resize(blocks.value * value_size_) ||
      !finite_.resize(blocks.value))
    return false;
  const Range units{0, shape.batch * blocks_};
  if (size.value < kWorthWaking) {
    for (std::size_t unit = units.begin; unit < units.end; ++unit) pack(problem, value_columns, unit);
  } else {
    pool.run(units, [&](std::size_t unit, std::size_t) { pack(problem, value_columns, unit); });
  }
  ready_ = true;
  return true;
}

// A block of all heads.
void PackedTokens::pack(const AttentionProblem& problem, std::size_t value_columns, std::size_t unit) noexcept {
  const std::size_t b = unit / blocks_, block = unit % blocks_, d = problem.shape.head_dim;
  const std::size_t begin = block * simd::kKeyBlock, end = std::min(begin + simd::kKeyBlock, problem.shape.keys);
  for (std::size_t g = 0; g < kv_heads_; ++g) finite_[place(b, g, block)] = 1;
  for (std::size_t j = begin; j < end; j += kRun) {
    const Range rows{j, std::min(j + kRun, end)};
    for (std::size_t g = 0; g < kv_heads_; ++g) {
      const std::size_t at = place(b, g, block);
      simd::kernel_pack_rows(problem.key_rows(b, g), rows, d,
                             keys_.data() + at * key_size_ + (j - begin) * simd::packed_stride(d));
      const bool finite = simd::kernel_pack_checked(
          problem.value_rows(b, g), rows, value_columns,
          values_.data() + at * value_size_ + (j - begin) * simd::packed_stride(value_columns));
      finite_[at] = static_cast<std::uint8_t>(finite_[at] & static_cast<std::uint8_t>(finite));
    }
  }
}

PackedBlock PackedTokens::at(std::size_t b, std::size_t g, std::size_t key) const noexcept {
  const std::size_t at = place(b, g, key / simd::kKeyBlock);
  return {keys_.data() + at * key_size_, values_.data() + at * value_size_, finite_[at] != 0};
}

}  // namespace heed
