#include "simulate/output_error.hpp"

#include <algorithm>
#include <cmath>

#include "base/heap_sort.hpp"
#include "simulate/streams.hpp"

namespace heed {

bool OutputError::reserve(const SourceOptions& source, const std::vector<KeepRule>& keep, std::size_t threads) {
  source_ = source;
  keep_ = keep;
  const std::size_t d = source.head_dim, levels = keep.size() + 1;
  const CheckedSize values = checked_product({source.n, d});
  scratch_size_ =
      simd::kKeyBlock * (2 * simd::packed_stride(d) + simd::kPanel) + round_up(TokenInput::scratch_size(d), 16);
  sums_size_ = (levels + 1) * d;
  const bool room = values.fits && values_.resize(values.value) && scratch_.resize(scratch_size_ * threads) &&
                    sums_.resize(sums_size_ * threads) && levels_.resize(levels * threads) &&
                    squares_.resize(source.sampled() * levels) && input_.reserve(d) &&
                    weights_.make_independent(d, CounterRandom(source.seed, kValueWeightStream));
  if (room) input_.begin(source.input, source.strength, source.n, d, source.seed);
  return room;
}

void OutputError::fill(std::size_t unit, std::size_t thread) noexcept {
  const std::size_t d = source_.head_dim, stride = simd::packed_stride(d);
  const std::size_t begin = unit * RowSource::kStretch, end = std::min(begin + RowSource::kStretch, source_.n);
  if (source_.weights == Weights::kNone || source_.weights == Weights::kGiven)
    return CounterRandom(source_.seed, kValueStream)
        .fill_normal(begin * d, (end - begin) * d, values_.data() + begin * d);
  float* tokens = scratch_.data() + thread * scratch_size_;
  float *projected = tokens + simd::kKeyBlock * stride, *scores = projected + simd::kKeyBlock * stride;
  for (std::size_t j = begin; j < end; j += simd::kKeyBlock) {
    const Range keys{j, std::min(j + simd::kKeyBlock, end)};
    input_.fill(keys, tokens, stride, scores + simd::kKeyBlock * simd::kPanel);
    weights_.project(tokens, keys.size(), scores, projected);
    for (std::size_t i = 0; i < keys.size(); ++i) std::copy_n(projected + i * stride, d, values_.data() + (j + i) * d);
  }
}

void OutputError::visit(std::size_t row, const float* scores, const SortedRow& sorted, std::size_t thread) noexcept {
  const std::size_t d = source_.head_dim, rules = keep_.size(), count = sorted.size();
  const std::size_t own = RowSource::token(source_, row), visible = source_.causal ? own + 1 : source_.n;
  Level* const levels = levels_.data() + thread * (rules + 1);
  double* const sums = sums_.data() + thread * sums_size_;
  double* const total = sums + (rules + 1) * d;
  for (std::size_t i = 0; i < rules; ++i) {
    const std::size_t k = keep_[i].entries(count);
    std::size_t ties = 0;
    while (ties < k && sorted.score(k - 1 - ties) == sorted.score(k - 1)) ++ties;
    levels[i] = {i, k, ties, static_cast<float>(sorted.score(k - 1))};
  }
  heap_sort(levels, levels + rules, [](const Level& a, const Level& b) { return a.k < b.k; });
  std::fill_n(sums, sums_size_, 0.0);
  const double highest = sorted.score(0);
  for (std::size_t j = 0; j < visible; ++j) {
    if (j == own && !source_.self) continue;
    std::size_t level = rules;
    // Every level decides, because a tie counts for each of them; the smallest set that takes the key is the last.
    for (std::size_t i = rules; i-- > 0;)
      if (levels[i].takes(scores[j])) level = i;
    const double weight = std::exp(double{scores[j]} - highest);
    double* sum = sums + level * d;
    for (std::size_t c = 0; c < d; ++c) sum[c] += weight * double{values_[j * d + c]};
  }
  double all = 0.0;
  for (std::size_t i = count; i-- > 0;) all += double{sorted.weight(i)};
  for (std::size_t level = 0; level <= rules; ++level)
    for (std::size_t c = 0; c < d; ++c) total[c] += sums[level * d + c];
  double* squares = squares_.data() + row * (rules + 1);
  squares[rules] = 0.0;
  for (std::size_t c = 0; c < d; ++c) squares[rules] += total[c] / all * (total[c] / all);
  for (std::size_t i = 0; i < rules; ++i) {
    const double kept = all * (1.0 - sorted.dropped(levels[i].k));
    if (i > 0)
      for (std::size_t c = 0; c < d; ++c) sums[i * d + c] += sums[(i - 1) * d + c];
    double off = 0.0;
    for (std::size_t c = 0; c < d; ++c) {
      const double difference = sums[i * d + c] / kept - total[c] / all;
      off += difference * difference;
    }
    squares[levels[i].rule] = off;
  }
}

double OutputError::relative(std::size_t rule) const noexcept {
  double off = 0.0, size = 0.0;
  for (std::size_t row = 0; row < source_.sampled(); ++row) {
    off += squares_[row * (keep_.size() + 1) + rule];
    size += squares_[row * (keep_.size() + 1) + keep_.size()];
  }
  return std::sqrt(off / size);
}

}  // namespace heed
