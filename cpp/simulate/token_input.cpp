#include "simulate/token_input.hpp"

#include <algorithm>
#include <cmath>

#include "simulate/streams.hpp"

namespace heed {
namespace {

constexpr std::size_t kTopics = 16;
constexpr std::size_t kOutlierSpacing = 16;

inline void scale(float* x, std::size_t count, double factor) noexcept {
  for (std::size_t c = 0; c < count; ++c) x[c] = static_cast<float>(double{x[c]} * factor);
}

}  // namespace

// A request for tokens of the chain.
struct TokenInput::Wanted {
  Range range;
  float* to;
  std::size_t stride;

  void take(std::size_t token, const float* x, std::size_t d) const noexcept {
    if (token >= range.begin && token < range.end) std::copy_n(x, d, to + (token - range.begin) * stride);
  }
};

bool TokenInput::reserve(std::size_t most_d) noexcept { return map_.resize(std::max(most_d, kTopics) * most_d); }

void TokenInput::begin(Input kind, double strength, std::size_t n, std::size_t d, std::uint64_t seed) noexcept {
  kind_ = kind;
  strength_ = strength;
  n_ = n;
  d_ = d;
  seed_ = seed;
  if (kind == Input::kStationary) {
    for (levels_ = 0; (std::size_t{1} << levels_) + 1 < n; ++levels_) continue;
    powers_[0] = strength;
    for (std::size_t level = 1; level <= kLevels; ++level) powers_[level] = powers_[level - 1] * powers_[level - 1];
  }
  const CounterRandom random(seed, kMapStream);
  if (kind == Input::kClustered) random.fill_normal(0, kTopics * d, map_.data());
  if (kind == Input::kLowDimension) {
    const auto rank = static_cast<std::size_t>(strength);
    random.fill_normal(0, rank * d, map_.data());
    scale(map_.data(), rank * d, 1.0 / std::sqrt(strength));
  }
}

void TokenInput::fill(Range range, float* to, std::size_t stride, float* scratch) const noexcept {
  if (kind_ == Input::kStationary) return fill_chain({range, to, stride}, scratch);
  for (std::size_t j = range.begin; j < range.end; ++j) fill_one(j, to + (j - range.begin) * stride, scratch);
}

void TokenInput::fill_one(std::size_t token, float* to, float* scratch) const noexcept {
  const CounterRandom random(seed_, kTokenStream);
  switch (kind_) {
    case Input::kUniform:
      for (std::size_t c = 0; c < d_; ++c)
        to[c] = static_cast<float>((2.0 * random.uniform(token * d_ + c) - 1.0) * std::sqrt(3.0));
      return;
    case Input::kRademacher:
      for (std::size_t c = 0; c < d_; ++c) to[c] = (random.bits(token * d_ + c) >> 63) != 0 ? 1.0f : -1.0f;
      return;
    case Input::kStudent:
      return fill_student(token, to);
    case Input::kLowDimension: {
      const auto rank = static_cast<std::size_t>(strength_);
      random.fill_normal(token * rank, rank, scratch);
      std::fill_n(to, d_, 0.0f);
      for (std::size_t r = 0; r < rank; ++r)
        for (std::size_t c = 0; c < d_; ++c) to[c] += scratch[r] * map_[r * d_ + c];
      return;
    }
    case Input::kDuplicates: {
      const auto distinct = static_cast<std::size_t>(std::ceil(static_cast<double>(n_) / strength_));
      return random.fill_normal(token % distinct * d_, d_, to);
    }
    default:
      break;
  }
  random.fill_normal(token * d_, d_, to);
  if (kind_ == Input::kSphere) {
    double squares = 0.0;
    for (std::size_t c = 0; c < d_; ++c) squares += double{to[c]} * double{to[c]};
    scale(to, d_, std::sqrt(static_cast<double>(d_) / squares));
  } else if (kind_ == Input::kClustered) {
    const std::size_t topic = CounterRandom(seed_, kTopicStream).bits(token) % kTopics;
    scale(to, d_, std::sqrt(1.0 - strength_));
    for (std::size_t c = 0; c < d_; ++c)
      to[c] += static_cast<float>(std::sqrt(strength_) * double{map_[topic * d_ + c]});
  } else if (kind_ == Input::kOutliers) {
    for (std::size_t c = 0; c < d_; c += kOutlierSpacing) scale(to + c, 1, strength_);
  }
}

// t = sqrt(nu (u^(-2 / nu) - 1)) cos(2 pi v): exactly Student's t (Bailey 1994).
void TokenInput::fill_student(std::size_t token, float* to) const noexcept {
  const CounterRandom random(seed_, kTokenStream);
  const double nu = strength_, unit = std::sqrt((nu - 2.0) / nu);
  for (std::size_t c = 0; c < d_; ++c) {
    const std::uint64_t number = 2 * (token * d_ + c);
    const double radius = std::sqrt(nu * std::expm1(-2.0 / nu * std::log(random.uniform(number))));
    to[c] = static_cast<float>(unit * radius * std::cos(2.0 * 3.14159265358979323846 * random.uniform(number + 1)));
  }
}

void TokenInput::fill_chain(const Wanted& wanted, float* scratch) const noexcept {
  const CounterRandom random(seed_, kTokenStream);
  float *left = scratch, *right = scratch + d_;
  const std::size_t last = std::size_t{1} << levels_;
  random.fill_normal(0, d_, left);
  random.fill_normal(last * d_, d_, right);
  const double together = powers_[levels_], apart = std::sqrt(1.0 - together * together);
  for (std::size_t c = 0; c < d_; ++c)
    right[c] = static_cast<float>(together * double{left[c]} + apart * double{right[c]});
  wanted.take(0, left, d_);
  wanted.take(last, right, d_);
  fill_between(wanted, 0, levels_, left, right, scratch + 2 * d_);
}

// The tokens strictly between `first` and first + 2^level, whose values are known.
void TokenInput::fill_between(const Wanted& wanted, std::size_t first, unsigned level, const float* left,
                              const float* right, float* scratch) const noexcept {
  const std::size_t last = first + (std::size_t{1} << level);
  if (level == 0 || wanted.range.begin >= last || wanted.range.end <= first + 1) return;
  const std::size_t middle = first + (std::size_t{1} << (level - 1));
  const double power = powers_[level - 1], square = power * power;
  const double weight = power / (1.0 + square), deviation = std::sqrt((1.0 - square) / (1.0 + square));
  CounterRandom(seed_, kTokenStream).fill_normal(middle * d_, d_, scratch);
  for (std::size_t c = 0; c < d_; ++c)
    scratch[c] = static_cast<float>(weight * (double{left[c]} + double{right[c]}) + deviation * double{scratch[c]});
  wanted.take(middle, scratch, d_);
  fill_between(wanted, first, level - 1, left, scratch, scratch + d_);
  fill_between(wanted, middle, level - 1, scratch, right, scratch + d_);
}

}  // namespace heed
