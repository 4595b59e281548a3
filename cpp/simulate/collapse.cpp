#include "simulate/collapse.hpp"

#include <algorithm>
#include <cmath>

#include "simd/pack.hpp"
#include "simd/score_statistics.hpp"
#include "simd/score_tile.hpp"
#include "simd/softmax_pass.hpp"
#include "simulate/streams.hpp"

namespace heed {
namespace {

// The streams by their names here.
constexpr std::uint64_t kTokens = kTokenStream, kQueryWeights = kQueryWeightStream, kKeyWeights = kKeyWeightStream;
// Stretches of keys are long enough to hide their own bookkeeping and few enough to keep one partial result per row and
// stretch: at most 256, at least 10 blocks each.
constexpr std::size_t kMostStretches = 256;
constexpr std::size_t kLeastStretch = 10 * simd::kKeyBlock;

}  // namespace

// What one stretch of keys says about one panel of rows.
struct CollapsePoint::Partial {
  simd::PanelState state;
  double all[simd::kPanel];
  double sum[simd::kPanel];  // of the scores with other tokens
  double squares[simd::kPanel];
};

struct CollapsePoint::Scratch {
  float* tokens;  // a packed block
  float* keys;    // a packed block
  float* scores;
};

CollapsePoint::CollapsePoint(const CollapseOptions& options, TaskPool& pool) : options_(options), pool_(pool) {
  if (options.n == 0 || options.head_dim == 0 || options.rows == 0) {
    status_ = Status::fail(ErrorCode::kInvalidArgument, "n, d and rows must each be at least 1");
  } else if (options.weights == CollapseWeights::kLowRank && (options.rank == 0 || options.rank > options.head_dim)) {
    status_ =
        Status::fail(ErrorCode::kInvalidArgument, "rank is " + std::to_string(options.rank) +
                                                      "; it must be from 1 to d, " + std::to_string(options.head_dim));
  } else {
    status_ = prepare();
  }
}

Status CollapsePoint::prepare() {
  const std::size_t d = options_.head_dim;
  rows_ = std::min(options_.rows, options_.n);
  panels_ = (rows_ + simd::kPanel - 1) / simd::kPanel;
  stretch_ = std::max(kLeastStretch, round_up((options_.n + kMostStretches - 1) / kMostStretches, simd::kKeyBlock));
  stretches_ = (options_.n + stretch_ - 1) / stretch_;
  scratch_size_ = simd::kKeyBlock * (2 * simd::packed_stride(d) + simd::kPanel);

  const CounterRandom query_random(options_.seed, kQueryWeights), key_random(options_.seed, kKeyWeights);
  bool room = true;
  if (options_.weights == CollapseWeights::kIndependent)
    room = query_weights_.make_independent(d, query_random) && key_weights_.make_independent(d, key_random);
  if (options_.weights == CollapseWeights::kLowRank)
    room = query_weights_.make_low_rank(d, options_.rank, query_random) &&
           key_weights_.make_low_rank(d, options_.rank, key_random);
  room = room && queries_.resize(panels_ * simd::kPanel * d) &&
         partials_.resize(stretches_ * panels_ * sizeof(Partial)) &&
         thresholds_.resize(options_.epsilons * panels_ * simd::kPanel) &&
         counts_.resize(stretches_ * options_.epsilons) && scratch_.resize(scratch_size_ * pool_.threads());
  if (!room) return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the simulation");
  std::fill_n(counts_.data(), counts_.size(), std::uint64_t{0});
  make_queries();
  return {};
}

CollapsePoint::Scratch CollapsePoint::scratch(std::size_t thread) noexcept {
  float* tokens = scratch_.data() + thread * scratch_size_;
  float* keys = tokens + simd::kKeyBlock * simd::packed_stride(options_.head_dim);
  return {tokens, keys, keys + simd::kKeyBlock * simd::packed_stride(options_.head_dim)};
}

void CollapsePoint::make_queries() noexcept {
  const std::size_t d = options_.head_dim, stride = simd::packed_stride(d);
  const CounterRandom random(options_.seed, kTokens);
  const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(d)));
  const Scratch s = scratch(0);
  for (std::size_t p = 0; p < panels_; ++p) {
    const std::size_t first = p * simd::kPanel, count = std::min(simd::kPanel, rows_ - first);
    for (std::size_t r = 0; r < count; ++r) random.fill_normal(token(first + r) * d, d, s.tokens + r * stride);
    if (!query_weights_.empty()) query_weights_.project(s.tokens, count, s.scores, s.keys);
    simd::kernel_pack_panel({query_weights_.empty() ? s.tokens : s.keys, count, d, stride}, 0, scale,
                            queries_.data() + first * d);
  }
}

// Leaves the keys in s.keys.
void CollapsePoint::make_keys(Range keys, Scratch& s) const noexcept {
  const std::size_t d = options_.head_dim, stride = simd::packed_stride(d);
  const CounterRandom random(options_.seed, kTokens);
  float* tokens = key_weights_.empty() ? s.keys : s.tokens;
  for (std::size_t j = keys.begin; j < keys.end; ++j) random.fill_normal(j * d, d, tokens + (j - keys.begin) * stride);
  if (!key_weights_.empty()) key_weights_.project(s.tokens, keys.size(), s.scores, s.keys);
}

// visit(panel, keys, scores) for every block of the stretch and every panel.
template <class Visit>
void CollapsePoint::each_block(std::size_t stretch, Scratch& s, Visit&& visit) const noexcept {
  const std::size_t d = options_.head_dim, end = std::min((stretch + 1) * stretch_, options_.n);
  for (std::size_t j = stretch * stretch_; j < end; j += simd::kKeyBlock) {
    const Range keys{j, std::min(j + simd::kKeyBlock, end)};
    make_keys(keys, s);
    for (std::size_t p = 0; p < panels_; ++p) {
      simd::scores(queries_.data() + p * simd::kPanel * d, s.keys, keys.size(), d, s.scores);
      visit(p, keys, s.scores);
    }
  }
}

void CollapsePoint::run(Range units) {
  if (units.begin < stretches_) {
    pool_.run({units.begin, std::min(units.end, stretches_)},
              [this](std::size_t unit, std::size_t thread) { sum_stretch(unit, thread); });
    if (units.end >= stretches_) join_sums();
  }
  if (units.end > stretches_) {
    pool_.run({std::max(units.begin, stretches_), units.end},
              [this](std::size_t unit, std::size_t thread) { count_stretch(unit - stretches_, thread); });
    if (units.end == 2 * stretches_) join_counts();
  }
}

void CollapsePoint::sum_stretch(std::size_t stretch, std::size_t thread) noexcept {
  Scratch s = scratch(thread);
  auto* partials = reinterpret_cast<Partial*>(partials_.data()) + stretch * panels_;
  for (std::size_t p = 0; p < panels_; ++p) {
    partials[p] = Partial{};
    partials[p].state.clear();
  }
  each_block(stretch, s, [&](std::size_t p, Range keys, const float* scores) {
    Partial& partial = partials[p];
    alignas(64) float rescale[simd::kPanel], block_sum[simd::kPanel];
    const bool moved = simd::kernel_denominator(scores, keys.size(), partial.state, rescale, block_sum);
    simd::kernel_moments(scores, keys.size(), partial.sum, partial.squares);
    for (std::size_t lane = 0; lane < simd::kPanel; ++lane) {
      if (moved) partial.all[lane] *= double{rescale[lane]};
      partial.all[lane] += double{block_sum[lane]};
      const std::size_t row = p * simd::kPanel + lane;
      if (row >= rows_ || token(row) < keys.begin || token(row) >= keys.end) continue;
      const double self = double{scores[(token(row) - keys.begin) * simd::kPanel + lane]};
      partial.sum[lane] -= self;
      partial.squares[lane] -= self * self;
    }
  });
}

// ln Z of each row, from it the scores that p = epsilon stands for, and sigma.
void CollapsePoint::join_sums() noexcept {
  const auto* partials = reinterpret_cast<const Partial*>(partials_.data());
  double sum = 0.0, squares = 0.0;
  for (std::size_t row = 0; row < panels_ * simd::kPanel; ++row) {
    const std::size_t p = row / simd::kPanel, lane = row % simd::kPanel;
    double highest = -INFINITY, all = 0.0;
    for (std::size_t i = 0; i < stretches_; ++i)
      highest = std::max(highest, double{partials[i * panels_ + p].state.reference[lane]});
    for (std::size_t i = 0; i < stretches_; ++i) {
      const Partial& partial = partials[i * panels_ + p];
      all += partial.all[lane] * std::exp(double{partial.state.reference[lane]} - highest);
      if (row >= rows_) continue;
      sum += partial.sum[lane];
      squares += partial.squares[lane];
    }
    for (std::size_t e = 0; e < options_.epsilons; ++e)
      thresholds_[(e * panels_ + p) * simd::kPanel + lane] =
          row < rows_ ? static_cast<float>(std::log(options_.epsilon[e]) + std::log(all) + highest) : simd::kInfinity;
  }
  const double pairs = static_cast<double>(rows_) * static_cast<double>(options_.n - 1);
  const double mean = pairs == 0.0 ? 0.0 : sum / pairs;
  *options_.sigma = pairs == 0.0 ? 0.0 : std::sqrt(std::max(0.0, squares / pairs - mean * mean));
}

void CollapsePoint::count_stretch(std::size_t stretch, std::size_t thread) noexcept {
  Scratch s = scratch(thread);
  std::uint64_t* counts = counts_.data() + stretch * options_.epsilons;
  each_block(stretch, s, [&](std::size_t p, Range keys, const float* scores) {
    for (std::size_t e = 0; e < options_.epsilons; ++e) {
      std::uint64_t lanes[simd::kPanel] = {};
      simd::kernel_count_above(scores, keys.size(), thresholds_.data() + (e * panels_ + p) * simd::kPanel, lanes);
      for (const std::uint64_t lane : lanes) counts[e] += lane;
    }
  });
}

void CollapsePoint::join_counts() noexcept {
  for (std::size_t e = 0; e < options_.epsilons; ++e) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < stretches_; ++i) total += counts_[i * options_.epsilons + e];
    options_.effective[e] = static_cast<double>(total) / static_cast<double>(rows_);
  }
}

}  // namespace heed
