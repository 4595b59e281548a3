#include "simulate/score_weights.hpp"

#include <algorithm>
#include <cmath>

#include "base/random.hpp"
#include "simulate/streams.hpp"

namespace heed {
namespace {

double dot(const double* a, const double* b, std::size_t count) noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

// Entries as floats, which is what the kernels see.
inline double rounded(double x) noexcept { return double{static_cast<float>(x)}; }

}  // namespace

bool ScoreWeights::reserve(std::size_t most_d) {
  const std::size_t size = most_d * most_d;
  return query_.reserve(most_d) && key_.reserve(most_d) && query_matrix_.resize(size) && key_matrix_.resize(size) &&
         product_.resize(size);
}

// Independent N(0, 1/d) entries, the same numbers as ColumnPanels::make_independent().
void ScoreWeights::draw(std::uint64_t stream, double* matrix) const noexcept {
  const CounterRandom random(seed_, stream);
  const auto deviation = static_cast<float>(1.0 / std::sqrt(static_cast<double>(d_)));
  for (std::size_t i = 0; i < d_ * d_; ++i) {
    float z = 0.0f;
    random.fill_normal(i, 1, &z);
    matrix[i] = double{z * deviation};
  }
}

void ScoreWeights::draw_low_rank(std::uint64_t stream, std::size_t rank, double* matrix) noexcept {
  const CounterRandom random(seed_, stream);
  const double deviation = 1.0 / std::sqrt(static_cast<double>(d_) * static_cast<double>(rank));
  std::fill_n(matrix, d_ * d_, 0.0);
  for (std::size_t i = 0; i < rank; ++i)
    for (std::size_t r = 0; r < d_; ++r) {
      float left = 0.0f;
      random.fill_normal(r * rank + i, 1, &left);
      auto* row = reinterpret_cast<float*>(product_.data());  // (d) right factors; product_ is formed later
      if (r == 0) random.fill_normal(d_ * rank + i * d_, d_, row);
      for (std::size_t c = 0; c < d_; ++c) matrix[r * d_ + c] += double{left} * double{row[c]};
    }
  for (std::size_t i = 0; i < d_ * d_; ++i) matrix[i] = rounded(matrix[i] * deviation);
}

// Rows of a Gaussian matrix made orthogonal by Gram and Schmidt, twice, which is enough in double.
void ScoreWeights::draw_orthogonal(std::uint64_t stream, double* matrix) const noexcept {
  draw(stream, matrix);
  for (std::size_t i = 0; i < d_; ++i) {
    double* row = matrix + i * d_;
    for (int again = 0; again < 2; ++again)
      for (std::size_t j = 0; j < i; ++j) {
        const double* other = matrix + j * d_;
        const double share = dot(row, other, d_);
        for (std::size_t c = 0; c < d_; ++c) row[c] -= share * other[c];
      }
    const double length = std::sqrt(dot(row, row, d_));
    for (std::size_t c = 0; c < d_; ++c) row[c] /= length;
  }
}

void ScoreWeights::begin(Weights kind, double shape, std::size_t d, std::uint64_t seed) noexcept {
  identity_ = kind == Weights::kIdentity || kind == Weights::kNone || kind == Weights::kGiven;
  d_ = d;
  seed_ = seed;
  if (identity_) return;
  double *query = query_matrix_.data(), *key = key_matrix_.data();
  if (kind == Weights::kLowRank) {
    draw_low_rank(kQueryWeightStream, static_cast<std::size_t>(shape), query);
    draw_low_rank(kKeyWeightStream, static_cast<std::size_t>(shape), key);
  } else if (kind == Weights::kPowerLaw) {
    // Rows are singular vectors; W_Q = U S has them as columns, so both are read across.
    draw_orthogonal(kQueryWeightStream, query);
    draw_orthogonal(kKeyWeightStream, key);
    double squares = 0.0;
    for (std::size_t i = 0; i < d; ++i) squares += std::pow(static_cast<double>(i + 1), -2.0 * shape);
    for (std::size_t i = 0; i < d; ++i) {
      const double value = std::pow(static_cast<double>(i + 1), -shape) * std::sqrt(static_cast<double>(d) / squares);
      for (std::size_t c = 0; c < d; ++c) query[i * d + c] = rounded(query[i * d + c] * value);
      for (std::size_t c = 0; c < d; ++c) key[i * d + c] = rounded(key[i * d + c]);
    }
    for (double* matrix : {query, key})
      for (std::size_t r = 0; r < d; ++r)
        for (std::size_t c = 0; c < r; ++c) std::swap(matrix[r * d + c], matrix[c * d + r]);
  } else {
    draw(kQueryWeightStream, query);
    draw(kind == Weights::kTied ? kQueryWeightStream : kKeyWeightStream, key);
  }
  form();
  if (kind == Weights::kTied) {
    const double factor =
        std::sqrt(std::sqrt(static_cast<double>(d)) / std::sqrt(dot(product_.data(), product_.data(), d * d)));
    for (std::size_t i = 0; i < d * d; ++i) query[i] = key[i] = rounded(query[i] * factor);
    form();
  }
  query_.begin(d);
  key_.begin(d);
  for (std::size_t r = 0; r < d; ++r)
    for (std::size_t c = 0; c < d; ++c) {
      query_.set(r, c, static_cast<float>(query[r * d + c]));
      key_.set(r, c, static_cast<float>(key[r * d + c]));
    }
}

void ScoreWeights::form() noexcept {
  for (std::size_t r = 0; r < d_; ++r)
    for (std::size_t c = 0; c < d_; ++c)
      product_[r * d_ + c] = dot(query_matrix_.data() + r * d_, key_matrix_.data() + c * d_, d_);
}

WeightNorms ScoreWeights::norms() noexcept {
  const auto dimension = static_cast<double>(d_);
  if (identity_) return {std::sqrt(dimension), 1.0, dimension};
  WeightNorms norms;
  for (std::size_t i = 0; i < d_; ++i) norms.trace += product_[i * d_ + i];
  norms.frobenius = std::sqrt(dot(product_.data(), product_.data(), d_ * d_));
  // Power iteration on W^T W, from a vector with a part in every direction. The factors are not needed any more.
  double *x = query_matrix_.data(), *y = key_matrix_.data();
  const CounterRandom random(seed_, kStartStream);
  for (std::size_t c = 0; c < d_; ++c) x[c] = random.uniform(c) + 0.5;
  for (int step = 0; step < 300; ++step) {
    const double length = std::sqrt(dot(x, x, d_));
    if (length == 0.0) break;
    for (std::size_t c = 0; c < d_; ++c) x[c] /= length;
    for (std::size_t r = 0; r < d_; ++r) y[r] = dot(product_.data() + r * d_, x, d_);
    const double before = norms.spectral;
    norms.spectral = std::sqrt(dot(y, y, d_));
    if (std::abs(norms.spectral - before) <= 1e-9 * norms.spectral) break;
    std::fill_n(x, d_, 0.0);
    for (std::size_t r = 0; r < d_; ++r)
      for (std::size_t c = 0; c < d_; ++c) x[c] += y[r] * product_[r * d_ + c];
  }
  return norms;
}

}  // namespace heed
