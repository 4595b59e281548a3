#include "simulate/position_head.hpp"

#include <algorithm>
#include <cmath>

#include "theory/rope.hpp"

namespace heed {

bool PositionHead::reserve(const SourceOptions& source, Positions positions, double value, std::size_t threads) {
  source_ = source;
  positions_ = positions;
  value_ = value;
  const std::size_t d = source.head_dim;
  scratch_size_ =
      round_up(simd::kKeyBlock * (2 * simd::packed_stride(d) + simd::kPanel) + TokenInput::scratch_size(d), 16);
  const CheckedSize size = checked_product({source.n, width()});
  return size.fits && input_.reserve(d) && weights_.reserve(d) && sums_.reset(d) && queries_.resize(size.value) &&
         keys_.resize(size.value) && scratch_.resize(scratch_size_ * threads);
}

void PositionHead::begin() noexcept {
  const std::size_t d = source_.head_dim, stride = simd::packed_stride(d);
  weights_.begin(source_.weights, source_.shape, d, source_.seed);
  input_.begin(source_.input, source_.strength, source_.n, d, source_.seed);
  float *unit = scratch_.data(), *projected = unit + stride, *scores = projected + stride;
  // Row r of W is what the unit vector of input r is projected to.
  for (std::size_t r = 0; r < d; ++r) {
    double q[256], k[256];
    std::fill_n(unit, stride, 0.0f);
    unit[r] = 1.0f;
    const auto read = [&](const ColumnPanels& weights, double* to) {
      if (!weights_.identity()) weights.project(unit, 1, scores, projected);
      for (std::size_t c = 0; c < d; ++c) to[c] = double{weights_.identity() ? unit[c] : projected[c]};
    };
    read(weights_.query(), q);
    read(weights_.key(), k);
    sums_.add(q, k);
  }
}

double PositionHead::frequency(std::size_t f) const noexcept {
  return std::pow(value_, -2.0 * static_cast<double>(f) / static_cast<double>(source_.head_dim));
}

void PositionHead::turn(float* row, double position) const noexcept {
  const std::size_t half = source_.head_dim / 2;
  for (std::size_t f = 0; f < half; ++f) {
    const double angle = position * frequency(f), c = std::cos(angle), s = std::sin(angle);
    const double a = double{row[f]}, b = double{row[f + half]};
    row[f] = static_cast<float>(c * a - s * b);
    row[f + half] = static_cast<float>(s * a + c * b);
  }
}

void PositionHead::fill(std::size_t stretch, std::size_t thread) noexcept {
  const std::size_t d = source_.head_dim, stride = simd::packed_stride(d), wide = width();
  const std::size_t end = std::min((stretch + 1) * RowSource::kStretch, source_.n);
  float* tokens = scratch_.data() + thread * scratch_size_;
  float *projected = tokens + simd::kKeyBlock * stride, *scores = projected + simd::kKeyBlock * stride;
  // The bias stands under the same scale, sigma / sqrt(width), as the product.
  const double scale = source_.sigma / std::sqrt(static_cast<double>(d));
  const double larger = std::sqrt(static_cast<double>(wide) / static_cast<double>(d));
  for (std::size_t j = stretch * RowSource::kStretch; j < end; j += simd::kKeyBlock) {
    const std::size_t count = std::min(simd::kKeyBlock, end - j);
    input_.fill({j, j + count}, tokens, stride, scores + simd::kKeyBlock * simd::kPanel);
    const auto place = [&](const ColumnPanels& weights, float* to, bool query) {
      if (!weights_.identity()) weights.project(tokens, count, scores, projected);
      const float* from = weights_.identity() ? tokens : projected;
      for (std::size_t i = 0; i < count; ++i) {
        float* row = to + (j + i) * wide;
        std::copy_n(from + i * stride, d, row);
        const auto position = static_cast<double>(j + i);
        if (positions_ == Positions::kRotary) turn(row, -position);
        if (positions_ != Positions::kLinearBias) continue;
        if (query)
          for (std::size_t c = 0; c < d; ++c) row[c] *= static_cast<float>(larger);
        row[d] = static_cast<float>(query ? larger : value_ * position / scale);
      }
    };
    place(weights_.query(), queries_.data(), true);
    place(weights_.key(), keys_.data(), false);
  }
}

SourceOptions PositionHead::given() const noexcept {
  SourceOptions source = source_;
  source.head_dim = width();
  source.weights = Weights::kGiven;
  source.causal = true;
  source.least = (source.n + 1) / 2;
  source.q = queries_.data();
  source.k = keys_.data();
  return source;
}

double PositionHead::squared_at(double offset) const noexcept {
  if (positions_ != Positions::kRotary) return sums_.frobenius_squared();
  return rope_squared_at(sums_.query(), sums_.key(), source_.head_dim, RotaryPairs::kHalves, value_, offset);
}

double PositionHead::exact_squared() const noexcept {
  if (positions_ != Positions::kRotary) return sums_.frobenius_squared();
  return rope_averaged_squared(sums_.query(), sums_.key(), source_.head_dim, RotaryPairs::kHalves, value_,
                               static_cast<double>(source_.n));
}

double PositionHead::averaged_squared(double cut) const noexcept {
  if (positions_ != Positions::kRotary) return sums_.frobenius_squared();
  const std::size_t d = source_.head_dim, half = d / 2;
  const double *query = sums_.query(), *key = sums_.key();
  // None with a cut of 0: every pair comes around.
  const auto slow = [&](std::size_t f) { return static_cast<double>(source_.n) * frequency(f) < cut; };
  double sum = 0.0;
  for (std::size_t f = 0; f < half; ++f) {
    const std::size_t g = f + half;
    if (!slow(f)) {
      sum += 0.5 * (query[f * d + f] + query[g * d + g]) * (key[f * d + f] + key[g * d + g]);
      continue;
    }
    for (std::size_t other = 0; other < half; ++other) {
      if (!slow(other)) continue;
      for (const std::size_t row : {f, g})
        for (const std::size_t column : {other, other + half}) sum += query[row * d + column] * key[row * d + column];
    }
  }
  return sum;
}

double PositionHead::deviation_at(double offset) const noexcept {
  const std::size_t d = source_.head_dim, half = d / 2, n = source_.n;
  double sum = 0.0, squares = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t j = (i + n / 2 + 1) % n;
    const float *q = queries_.data() + i * width(), *k = keys_.data() + j * width();
    double score = 0.0;
    if (positions_ == Positions::kRotary) {
      // As stored their product is the score at offset i - j: the key is turned by the rest.
      const double rest = offset - static_cast<double>(i) + static_cast<double>(j);
      for (std::size_t f = 0; f < half; ++f) {
        const double angle = rest * frequency(f), c = std::cos(angle), s = std::sin(angle);
        const double a = double{k[f]}, b = double{k[f + half]};
        score += double{q[f]} * (c * a - s * b) + double{q[f + half]} * (s * a + c * b);
      }
    } else {
      for (std::size_t c = 0; c < d; ++c) score += double{q[c]} * double{k[c]};
      if (positions_ == Positions::kLinearBias) score /= std::sqrt(static_cast<double>(d + 1) / static_cast<double>(d));
    }
    sum += score;
    squares += score * score;
  }
  const auto count = static_cast<double>(n);
  return std::sqrt(std::max(0.0, squares / count - sum / count * (sum / count)));
}

}  // namespace heed
