#include "theory/radius.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace heed {
namespace {

/// Chosen: a unit takes some 20 ms in the browser.
constexpr std::size_t kUnitWork = 20'000'000;

std::size_t stretch_of(std::size_t work_each) noexcept { return std::max<std::size_t>(1, kUnitWork / work_each); }

std::size_t units_of(std::size_t count, std::size_t stretch) noexcept { return (count + stretch - 1) / stretch; }

double inner(const float* weights, const float* input, std::size_t width) noexcept {
  double sum = 0.0;
  for (std::size_t a = 0; a < width; ++a) sum += double{weights[a]} * double{input[a]};
  return sum;
}

}  // namespace

HeadRadius::HeadRadius(const RadiusOptions& options) : options_(options) {
  const std::size_t h = options.head_dim, width = options.width;
  column_stretch_ = stretch_of(3 * h * h);
  column_units_ = units_of(width, column_stretch_);
  token_stretch_ = stretch_of(2 * h * width + 3 * h * h);
  token_units_ = units_of(options.tokens, token_stretch_);
  if (!weights_.reset(h) || !pair_.resize(2 * h) || !mean_.resize(2 * h) || (has_inputs() && !moments_.reset(h))) {
    status_ = Status::fail(ErrorCode::kOutOfMemory, "there is no memory for the sums of a head's weights");
    return;
  }
  std::fill_n(mean_.data(), mean_.size(), 0.0);
}

std::size_t HeadRadius::units() const noexcept {
  return column_units_ + token_units_ + (has_inputs() ? 2 : 1) * kPowerUnits;
}

void HeadRadius::run(Range units) noexcept {
  for (std::size_t unit = units.begin; unit < units.end && status_.ok(); ++unit) run_unit(unit);
}

void HeadRadius::run_unit(std::size_t unit) noexcept {
  const bool last = unit + 1 == units();
  if (unit < column_units_) {
    const std::size_t from = unit * column_stretch_;
    add_columns({from, std::min(options_.width, from + column_stretch_)});
  } else if ((unit -= column_units_) < token_units_) {
    const std::size_t from = unit * token_stretch_;
    add_tokens({from, std::min(options_.tokens, from + token_stretch_)});
  } else if ((unit -= token_units_) < kPowerUnits) {
    power(unit, weights_eigenvalue_, weights_);
  } else {
    power(unit - kPowerUnits, moments_eigenvalue_, moments_);
  }
  if (last && status_.ok()) finish();
}

void HeadRadius::add_columns(Range inputs) noexcept {
  const std::size_t h = options_.head_dim;
  for (std::size_t a = inputs.begin; a < inputs.end; ++a) {
    for (std::size_t c = 0; c < h; ++c) {
      pair_[c] = double{options_.query_weights[c * options_.width + a]};
      pair_[h + c] = double{options_.key_weights[c * options_.width + a]};
    }
    weights_.add(pair_.data(), pair_.data() + h);
  }
}

void HeadRadius::add_tokens(Range tokens) noexcept {
  const std::size_t h = options_.head_dim, width = options_.width;
  for (std::size_t i = tokens.begin; i < tokens.end; ++i) {
    const float* const input = options_.inputs + i * width;
    for (std::size_t a = 0; a < width; ++a) {
      const double x = double{input[a]};
      if (std::fabs(x) > largest_ || x != x) largest_ = std::fabs(x);  // NaN stays
      squares_ += x * x;
    }
    for (std::size_t c = 0; c < h; ++c) {
      pair_[c] = inner(options_.query_weights + c * width, input, width);
      pair_[h + c] = inner(options_.key_weights + c * width, input, width);
    }
    for (std::size_t c = 0; c < 2 * h; ++c) mean_[c] += pair_[c];
    moments_.add(pair_.data(), pair_.data() + h);
  }
}

void HeadRadius::power(std::size_t unit, ProductEigenvalue& eigenvalue, const GramSums& sums) noexcept {
  if (unit > 0) return eigenvalue.step();
  if (eigenvalue.start(sums.query(), sums.key(), sums.head_dim())) return;
  status_ = Status::fail(ErrorCode::kOutOfMemory, "there is no memory for the powers of a head's weights");
}

/// The square root of the variance of q_i . k_j over all pairs of tokens: mean of the squares less the squared mean.
double HeadRadius::sigma() const noexcept {
  const std::size_t h = options_.head_dim;
  const double pairs = static_cast<double>(options_.tokens) * static_cast<double>(options_.tokens);
  double mean = 0.0;
  for (std::size_t c = 0; c < h; ++c) mean += mean_[c] * mean_[h + c];
  mean /= pairs;
  return std::sqrt(std::max(0.0, moments_.frobenius_squared() / pairs - mean * mean));
}

void HeadRadius::finish() noexcept {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const auto width = static_cast<double>(options_.width), tokens = static_cast<double>(options_.tokens);
  const double rank = static_cast<double>(std::min(options_.width, options_.head_dim));
  const double scale = options_.scale;

  Radius r{};
  r.bound = options_.bound > 0.0 ? options_.bound : has_inputs() ? largest_ : std::sqrt(width);
  r.mean_square = options_.mean_square > 0.0 ? options_.mean_square : has_inputs() ? squares_ / (tokens * width) : 1.0;
  const double frobenius_squared = weights_.frobenius_squared(), spectral_squared = weights_eigenvalue_.upper();
  r.frobenius_norm = std::sqrt(frobenius_squared);
  r.spectral_norm = std::sqrt(spectral_squared);
  r.stable_rank = frobenius_squared / spectral_squared;
  r.trace = weights_.trace();
  r.square_trace = weights_.square_trace();
  r.localization = r.trace * r.trace / (rank * r.square_trace);
  r.self_score = scale * r.mean_square * r.trace;
  r.radius = scale * r.bound * r.bound * r.frobenius_norm;
  r.rms_radius = scale * r.mean_square * r.frobenius_norm;
  r.rigorous_radius = scale * r.bound * r.bound * std::sqrt(width) * r.spectral_norm;
  r.horizon =
      has_inputs() ? scale * std::sqrt(moments_eigenvalue_.upper()) / tokens : scale * r.mean_square * r.spectral_norm;
  r.rope_norm = kNone;
  if (options_.base > 0.0) {
    r.rope_norm = std::sqrt(rope_averaged_squared(weights_.query(), weights_.key(), options_.head_dim, options_.pairs,
                                                  options_.base, options_.length));
  }
  r.sigma = has_inputs() ? scale * sigma() : kNone;
  *options_.result = r;
}

}  // namespace heed
