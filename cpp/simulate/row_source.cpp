#include "simulate/row_source.hpp"

#include <algorithm>
#include <cmath>

#include "simd/pack.hpp"
#include "simd/score_tile.hpp"
#include "simulate/streams.hpp"

namespace heed {

std::size_t RowSource::group_rows(const SourceOptions& options) noexcept {
  const std::size_t all = round_up(options.sampled(), simd::kPanel);
  std::size_t fitting = std::min(kGroupRows, kGroupScores / round_up(options.n, 16));
  const std::size_t multiple = fitting < kBlockRows ? simd::kPanel : kBlockRows;
  fitting = fitting / multiple * multiple;
  return std::clamp(fitting, simd::kPanel, all);
}

std::size_t RowSource::token(const SourceOptions& options, std::size_t row) noexcept {
  // In 64 bits: rows times n may not fit in the 32 of wasm32.
  const std::uint64_t rows = options.sampled(), number = row + 1;
  if (options.least == 0) return static_cast<std::size_t>(number * options.n / rows) - 1;
  const auto least = static_cast<double>(options.least), most = static_cast<double>(options.n);
  const double place = (static_cast<double>(row) + 0.5) / static_cast<double>(rows);
  return static_cast<std::size_t>(least * std::pow(most / least, place)) - 1;
}

bool RowSource::reserve(const SourceOptions* studies, std::size_t count, std::size_t threads) {
  std::size_t d = 1, tokens_d = 1, queries = 0, scores = 0, ranges = 0;
  for (const SourceOptions* study = studies; study != studies + count; ++study) {
    const std::size_t rows = group_rows(*study);
    d = std::max(d, study->head_dim);
    if (study->weights != Weights::kNone && study->weights != Weights::kGiven)
      tokens_d = std::max(tokens_d, study->head_dim);
    queries = std::max(queries, rows * study->head_dim);
    scores = std::max(scores, rows * round_up(study->n, 16));
    ranges = std::max(ranges, stretches(study->n));
  }
  // Two blocks of tokens and keys, one of scores, and what the chain of tokens needs.
  chain_size_ = TokenInput::scratch_size(d);
  scratch_size_ = round_up(simd::kKeyBlock * (2 * simd::packed_stride(d) + simd::kPanel) + chain_size_, 16);
  return input_.reserve(tokens_d) && weights_.reserve(tokens_d) && queries_.resize(queries) && scores_.resize(scores) &&
         ranges_.resize(ranges) && scratch_.resize(scratch_size_ * threads);
}

void RowSource::begin(const SourceOptions& options) noexcept {
  options_ = options;
  weights_.begin(options.weights, options.shape, options.head_dim, options.seed);
  if (options.weights == Weights::kNone || options.weights == Weights::kGiven) return;
  input_.begin(options.input, options.strength, options.n, options.head_dim, options.seed);
  std::fill_n(ranges_.data(), ranges_.size(), TokenRange{0.0, 0.0});
}

RowSource::Scratch RowSource::scratch(std::size_t thread) noexcept {
  float* tokens = scratch_.data() + thread * scratch_size_;
  float* keys = tokens + simd::kKeyBlock * simd::packed_stride(options_.head_dim);
  float* scores = keys + simd::kKeyBlock * simd::packed_stride(options_.head_dim);
  return {tokens, keys, scores, scores + simd::kKeyBlock * simd::kPanel};
}

void RowSource::make_tokens(Range range, float* to, std::size_t thread) noexcept {
  input_.fill(range, to, simd::packed_stride(options_.head_dim), scratch(thread).chain);
}

void RowSource::begin_group(std::size_t first) noexcept {
  first_ = first;
  count_ = std::min(group_rows(options_), options_.sampled() - first);
  if (options_.weights == Weights::kNone) return;
  const std::size_t d = options_.head_dim, stride = simd::packed_stride(d);
  const auto scale = static_cast<float>(options_.sigma / std::sqrt(static_cast<double>(d)));
  const Scratch s = scratch(0);
  for (std::size_t panel = 0; panel < count_; panel += simd::kPanel) {
    const std::size_t lanes = std::min(simd::kPanel, count_ - panel);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const std::size_t i = token(first + panel + lane);
      if (options_.weights == Weights::kGiven)
        std::copy_n(options_.q + i * d, d, s.tokens + lane * stride);
      else
        input_.fill({i, i + 1}, s.tokens + lane * stride, stride, s.chain);
    }
    if (!weights_.identity()) weights_.query().project(s.tokens, lanes, s.scores, s.keys);
    simd::kernel_pack_panel({weights_.identity() ? s.tokens : s.keys, lanes, d, stride}, 0, scale,
                            queries_.data() + panel * d);
  }
}

// Leaves the keys in s.keys.
void RowSource::make_keys(Range keys, Scratch& s, TokenRange& range) noexcept {
  const std::size_t d = options_.head_dim, stride = simd::packed_stride(d);
  if (options_.weights == Weights::kGiven)
    return simd::kernel_pack_rows({options_.k, options_.n, d, d}, keys, d, s.keys);
  float* tokens = weights_.identity() ? s.keys : s.tokens;
  input_.fill(keys, tokens, stride, s.chain);
  if (first_ == 0) {
    for (std::size_t j = 0; j < keys.size(); ++j)
      for (std::size_t c = 0; c < d; ++c) {
        const double x = double{tokens[j * stride + c]};
        range.largest = std::max(range.largest, std::abs(x));
        range.square += x * x;
      }
  }
  if (!weights_.identity()) weights_.key().project(tokens, keys.size(), s.scores, s.keys);
}

void RowSource::fill(std::size_t stretch, std::size_t thread) noexcept {
  const std::size_t d = options_.head_dim, end = std::min((stretch + 1) * kStretch, options_.n);
  if (options_.weights == Weights::kNone) return fill_independent({stretch * kStretch, end});
  Scratch s = scratch(thread);
  TokenRange range{0.0, 0.0};
  for (std::size_t j = stretch * kStretch; j < end; j += simd::kKeyBlock) {
    const Range keys{j, std::min(j + simd::kKeyBlock, end)};
    make_keys(keys, s, range);
    for (std::size_t panel = 0; panel < count_; panel += simd::kPanel) {
      simd::scores(queries_.data() + panel * d, s.keys, keys.size(), d, s.scores);
      const std::size_t lanes = std::min(simd::kPanel, count_ - panel);
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        float* row = scores_.data() + (panel + lane) * row_stride() + keys.begin;
        for (std::size_t i = 0; i < keys.size(); ++i) row[i] = s.scores[i * simd::kPanel + lane];
      }
    }
  }
  if (first_ == 0) ranges_[stretch] = range;
  if (options_.input == Input::kSink && options_.weights != Weights::kGiven && stretch == 0)
    for (std::size_t row = 0; row < count_; ++row) scores_[row * row_stride()] += static_cast<float>(options_.strength);
}

void RowSource::fill_independent(Range keys) noexcept {
  const CounterRandom random(options_.seed, kScoreStream);
  const auto sigma = static_cast<float>(options_.sigma);
  for (std::size_t row = 0; row < count_; ++row) {
    float* to = scores_.data() + row * row_stride() + keys.begin;
    const std::uint64_t number = std::uint64_t{token(first_ + row)} * options_.n + keys.begin;
    random.fill_normal(number, keys.size(), to);
    for (std::size_t i = 0; i < keys.size(); ++i) to[i] *= sigma;
  }
}

RowSource::TokenRange RowSource::token_range() const noexcept {
  TokenRange all{0.0, 0.0};
  for (std::size_t i = 0; i < stretches(options_.n); ++i) {
    all.largest = std::max(all.largest, ranges_[i].largest);
    all.square += ranges_[i].square;
  }
  all.square /= static_cast<double>(options_.n) * static_cast<double>(options_.head_dim);
  return all;
}

}  // namespace heed
