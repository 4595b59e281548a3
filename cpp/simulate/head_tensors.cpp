#include "simulate/head_tensors.hpp"

#include <algorithm>
#include <cmath>

#include "simulate/streams.hpp"

namespace heed {

bool HeadTensors::reserve(const SourceOptions& options, bool values, std::size_t threads) {
  options_ = options;
  const std::size_t d = options.head_dim;
  const bool given = options.weights == Weights::kGiven;
  const CheckedSize size = checked_product({options.n, d});
  scratch_size_ =
      round_up(simd::kKeyBlock * (2 * simd::packed_stride(d) + simd::kPanel) + TokenInput::scratch_size(d), 16);
  const bool room = size.fits && (given || (keys_.resize(size.value) && queries_.resize(options.sampled() * d))) &&
                    (!values || values_.resize(size.value)) && scratch_.resize(scratch_size_ * threads) &&
                    input_.reserve(d) && weights_.reserve(d);
  if (!room) return false;
  // An index may be prepared, though not built, before the keys are there.
  std::fill_n(keys_.data(), keys_.size(), 0.0f);
  return true;
}

void HeadTensors::begin(std::uint64_t seed) noexcept {
  options_.seed = seed;
  if (options_.weights == Weights::kGiven || options_.weights == Weights::kNone) return;
  weights_.begin(options_.weights, options_.shape, options_.head_dim, seed);
  input_.begin(options_.input, options_.strength, options_.n, options_.head_dim, seed);
}

void HeadTensors::fill(std::size_t unit, std::size_t thread) noexcept {
  const std::size_t d = options_.head_dim, stride = simd::packed_stride(d), rows = options_.sampled();
  const std::size_t begin = unit * RowSource::kStretch, end = std::min(begin + RowSource::kStretch, options_.n);
  const std::size_t first_row = options_.n - rows;
  if (values_.size() != 0)
    CounterRandom(options_.seed, kValueStream).fill_normal(begin * d, (end - begin) * d, values_.data() + begin * d);
  if (options_.weights == Weights::kGiven) return;
  const std::size_t first = std::max(begin, first_row);
  if (options_.weights == Weights::kNone) {
    CounterRandom(options_.seed, kFreeKeyStream).fill_normal(begin * d, (end - begin) * d, keys_.data() + begin * d);
    if (first < end)
      CounterRandom(options_.seed, kFreeQueryStream)
          .fill_normal(first * d, (end - first) * d, queries_.data() + (first - first_row) * d);
    return;
  }
  float* tokens = scratch_.data() + thread * scratch_size_;
  float *projected = tokens + simd::kKeyBlock * stride, *scores = projected + simd::kKeyBlock * stride;
  for (std::size_t j = begin; j < end; j += simd::kKeyBlock) {
    const Range block{j, std::min(j + simd::kKeyBlock, end)};
    input_.fill(block, tokens, stride, scores + simd::kKeyBlock * simd::kPanel);
    const auto write = [&](const ColumnPanels& weights, std::size_t from, float* to) {
      const float* rows_of = tokens + (from - j) * stride;
      if (!weights_.identity()) {
        weights.project(rows_of, block.end - from, scores, projected);
        rows_of = projected;
      }
      for (std::size_t i = from; i < block.end; ++i) std::copy_n(rows_of + (i - from) * stride, d, to + (i - from) * d);
    };
    write(weights_.key(), j, keys_.data() + j * d);
    if (block.end > first_row) {
      const std::size_t from = std::max(j, first_row);
      write(weights_.query(), from, queries_.data() + (from - first_row) * d);
    }
  }
}

AttentionProblem HeadTensors::problem() const noexcept {
  AttentionProblem problem;
  const std::size_t d = options_.head_dim, rows = options_.sampled();
  problem.shape = {.queries = rows, .keys = options_.n, .head_dim = d, .value_dim = d, .causal = options_.causal};
  const bool given = options_.weights == Weights::kGiven;
  problem.q = given ? options_.q + (options_.n - rows) * d : queries_.data();
  problem.k = given ? options_.k : keys_.data();
  // Whoever does not ask for values does not read them.
  problem.v = values_.size() != 0 ? values_.data() : problem.k;
  problem.scale = options_.sigma / std::sqrt(static_cast<double>(d));
  return problem;
}

void HeadTensors::scaled_query(std::size_t row, float* to) const noexcept {
  const AttentionProblem own = problem();
  const auto scale = static_cast<float>(own.scale);
  for (std::size_t c = 0; c < options_.head_dim; ++c) to[c] = own.q[row * options_.head_dim + c] * scale;
}

}  // namespace heed
