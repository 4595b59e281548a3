#include "sparse/tail_sums.hpp"

#include <algorithm>

#include "simd/gather.hpp"
#include "simd/pack.hpp"
#include "simd/value_tile.hpp"

namespace heed {
namespace {

// Scratch of one thread: a packed block of values, a panel of key columns, a panel of products.
struct ProductScratch {
  std::size_t columns;  // value_dim, even
  float* values;
  float* keys;
  float* part;

  static std::size_t size(std::size_t columns) noexcept {
    return simd::kKeyBlock * (simd::packed_stride(columns) + simd::kPanel) + columns * simd::kPanel;
  }
  ProductScratch(std::size_t value_columns, float* memory) noexcept
      : columns(value_columns),
        values(memory),
        keys(values + simd::kKeyBlock * simd::packed_stride(columns)),
        part(keys + simd::kKeyBlock * simd::kPanel) {}
};

// total (value_dim, head_dim) += sum of v_j k_j^T over the keys of `range`. The kernel that weighs values with
// probabilities does it, kPanel columns of the keys in the place of kPanel queries.
void add_products(const MatrixView<const float>& keys, const MatrixView<const float>& values, Range range,
                  const ProductScratch& s, double* total) noexcept {
  for (std::size_t j = range.begin; j < range.end; j += simd::kKeyBlock) {
    const Range block{j, std::min(j + simd::kKeyBlock, range.end)};
    simd::kernel_pack_rows(values, block, s.columns, s.values);
    for (std::size_t first = 0; first < keys.cols; first += simd::kPanel) {
      const std::size_t columns = std::min(simd::kPanel, keys.cols - first);
      for (std::size_t i = 0; i < block.size(); ++i) {
        float* to = s.keys + i * simd::kPanel;
        std::copy_n(keys.row(block.begin + i) + first, columns, to);
        std::fill(to + columns, to + simd::kPanel, 0.0f);
      }
      std::fill_n(s.part, s.columns * simd::kPanel, 0.0f);
      simd::add_values(s.keys, s.values, block.size(), s.columns, s.part);
      for (std::size_t r = 0; r < values.cols; ++r)
        for (std::size_t c = 0; c < columns; ++c)
          total[r * keys.cols + first + c] += double{s.part[r * simd::kPanel + c]};
    }
  }
}

}  // namespace

bool TailSums::build(const AttentionProblem& problem, std::size_t block, bool products, TaskPool& pool) {
  const AttentionShape& shape = problem.shape;
  kv_heads_ = shape.kv_heads;
  value_dim_ = shape.value_dim;
  blocks_ = shape.causal ? (shape.queries + block - 1) / block : std::size_t{1};
  product_size_ = products ? round_up(value_dim_, simd::kKeyTile) * simd::packed_stride(shape.head_dim) : 0;
  const std::size_t heads = shape.batch * kv_heads_, scratch_size = ProductScratch::size(round_up(value_dim_, 2));
  Buffer<float> scratch;
  Buffer<double> totals;
  const CheckedSize values_size = checked_product({heads, blocks_, value_dim_});
  const CheckedSize products_size = checked_product({heads, blocks_, product_size_});
  if (!values_size.fits || !products_size.fits || !values_.resize(values_size.value) ||
      !products_.resize(products_size.value))
    return false;
  if (products &&
      (!scratch.resize(scratch_size * pool.threads()) || !totals.resize(value_dim_ * shape.head_dim * pool.threads())))
    return false;
  pool.run({0, heads}, [&](std::size_t head, std::size_t thread) {
    build_head(problem, head, block, products ? scratch.data() + thread * scratch_size : nullptr,
               products ? totals.data() + thread * value_dim_ * shape.head_dim : nullptr);
  });
  return true;
}

void TailSums::build_head(const AttentionProblem& problem, std::size_t head, std::size_t block, float* scratch,
                          double* total) noexcept {
  const AttentionShape& shape = problem.shape;
  const std::size_t b = head / kv_heads_, g = head % kv_heads_, d = shape.head_dim;
  const MatrixView<const float> keys = problem.key_rows(b, g), values = problem.value_rows(b, g);
  if (product_size_ != 0) std::fill_n(total, value_dim_ * d, 0.0);
  std::size_t done = 0;
  for (std::size_t i = 0; i < blocks_; ++i) {
    double* sum = values_.data() + checkpoint(b, g, i) * value_dim_;
    if (i == 0)
      std::fill_n(sum, value_dim_, 0.0);
    else
      std::copy_n(sum - value_dim_, value_dim_, sum);
    const std::size_t end = shape.queries == 0 ? 0 : shape.end(i * block);
    simd::kernel_add_rows(values, {done, end}, sum);
    if (product_size_ != 0) {
      add_products(keys, values, {done, end}, ProductScratch(round_up(value_dim_, 2), scratch), total);
      float* to = products_.data() + checkpoint(b, g, i) * product_size_;
      std::fill_n(to, product_size_, 0.0f);
      for (std::size_t r = 0; r < value_dim_; ++r)
        for (std::size_t c = 0; c < d; ++c) to[r * simd::packed_stride(d) + c] = static_cast<float>(total[r * d + c]);
    }
    done = end;
  }
}

}  // namespace heed
