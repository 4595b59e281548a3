#include "theory/radius.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/random.hpp"
#include "support/seed.hpp"
#include "theory/concentration.hpp"

namespace heed {
namespace {

/// A dense matrix of doubles, row-major.
struct Matrix {
  std::size_t rows, columns;
  std::vector<double> values;

  double& at(std::size_t i, std::size_t j) { return values[i * columns + j]; }
  double at(std::size_t i, std::size_t j) const { return values[i * columns + j]; }
};

/// Singular values by one-sided Jacobi rotations of the columns: another method than the one under test.
std::vector<double> singular_values(Matrix m) {
  for (int sweep = 0; sweep < 60; ++sweep) {
    double worst = 0.0;
    for (std::size_t p = 0; p < m.columns; ++p) {
      for (std::size_t q = p + 1; q < m.columns; ++q) {
        double a = 0.0, b = 0.0, c = 0.0;
        for (std::size_t i = 0; i < m.rows; ++i) {
          a += m.at(i, p) * m.at(i, p);
          b += m.at(i, q) * m.at(i, q);
          c += m.at(i, p) * m.at(i, q);
        }
        if (std::fabs(c) <= 1e-15 * std::sqrt(a * b)) continue;
        worst = std::max(worst, std::fabs(c) / std::sqrt(a * b));
        const double zeta = (b - a) / (2.0 * c);
        const double t = (zeta < 0 ? -1.0 : 1.0) / (std::fabs(zeta) + std::sqrt(1.0 + zeta * zeta));
        const double cosine = 1.0 / std::sqrt(1.0 + t * t), sine = cosine * t;
        for (std::size_t i = 0; i < m.rows; ++i) {
          const double x = m.at(i, p), y = m.at(i, q);
          m.at(i, p) = cosine * x - sine * y;
          m.at(i, q) = sine * x + cosine * y;
        }
      }
    }
    if (worst == 0.0) break;
  }
  std::vector<double> values(m.columns);
  for (std::size_t j = 0; j < m.columns; ++j) {
    double square = 0.0;
    for (std::size_t i = 0; i < m.rows; ++i) square += m.at(i, j) * m.at(i, j);
    values[j] = std::sqrt(square);
  }
  std::sort(values.rbegin(), values.rend());
  return values;
}

/// One head's weights as linear layers store them, (head_dim, width).
struct Head {
  std::size_t h, d;
  std::vector<float> q, k;

  /// W_Q Rot(offset theta) W_K^T (d, d), pairs of halves; without `base` plain W.
  Matrix form(double offset = 0.0, double base = 1.0) const {
    Matrix w{d, d, std::vector<double>(d * d)};
    std::vector<double> turned(h * d);
    for (std::size_t c = 0; c < h; ++c) {
      const std::size_t f = h < 2 ? 0 : c % (h / 2), other = h < 2 ? c : (c + h / 2) % h;
      const double angle = offset * std::pow(base, -2.0 * double(f) / double(h));
      const double sine = c < h / 2 ? -std::sin(angle) : std::sin(angle);
      for (std::size_t a = 0; a < d; ++a) {
        turned[c * d + a] = std::cos(angle) * double{k[c * d + a]} + sine * double{k[other * d + a]};
      }
    }
    for (std::size_t a = 0; a < d; ++a)
      for (std::size_t b = 0; b < d; ++b)
        for (std::size_t c = 0; c < h; ++c) w.at(a, b) += double{q[c * d + a]} * turned[c * d + b];
    return w;
  }
};

double frobenius(const Matrix& m) {
  double sum = 0.0;
  for (const double x : m.values) sum += x * x;
  return std::sqrt(sum);
}

Head draw(std::size_t h, std::size_t d, std::uint64_t stream) {
  Head head{h, d, std::vector<float>(h * d), std::vector<float>(h * d)};
  CounterRandom(test::seed(), stream).fill_normal(0, h * d, head.q.data());
  CounterRandom(test::seed(), stream + 1).fill_normal(0, h * d, head.k.data());
  return head;
}

/// What HeadRadius says, its units run one by one.
Radius measure(const Head& head, RadiusOptions options = {}) {
  Radius radius{};
  options.query_weights = head.q.data();
  options.key_weights = head.k.data();
  options.head_dim = head.h;
  options.width = head.d;
  options.result = &radius;
  HeadRadius job(options);
  EXPECT_TRUE(job.status().ok());
  for (std::size_t unit = 0; unit < job.units(); ++unit) job.run({unit, unit + 1});
  return radius;
}

TEST(Radius, MatchesTheMatrixWrittenOut) {
  for (const auto& [h, d] : {std::pair<std::size_t, std::size_t>{1, 1}, {2, 7}, {8, 8}, {16, 40}, {12, 5}}) {
    const Head head = draw(h, d, 10 * h + d);
    RadiusOptions options;
    options.scale = 0.25;
    options.bound = 3.0;
    options.mean_square = 2.0;
    const Radius r = measure(head, options);
    const Matrix w = head.form();
    double trace = 0.0, square_trace = 0.0;
    for (std::size_t a = 0; a < d; ++a) {
      trace += w.at(a, a);
      for (std::size_t b = 0; b < d; ++b) square_trace += w.at(a, b) * w.at(b, a);
    }
    const double norm = frobenius(w), spectral = singular_values(w)[0];
    const double eps = 1e-12;
    EXPECT_NEAR(r.frobenius_norm / norm, 1.0, eps) << h << " " << d;
    EXPECT_NEAR(r.spectral_norm / spectral, 1.0, eps) << h << " " << d;
    EXPECT_NEAR(r.trace, trace, eps * norm * double(d));
    EXPECT_NEAR(r.square_trace, square_trace, eps * norm * norm);
    EXPECT_NEAR(r.stable_rank, norm * norm / spectral / spectral, eps * r.stable_rank);
    EXPECT_NEAR(r.radius, 0.25 * 9.0 * norm, eps * r.radius);
    EXPECT_NEAR(r.rms_radius, 0.25 * 2.0 * norm, eps * r.rms_radius);
    EXPECT_NEAR(r.rigorous_radius, 0.25 * 9.0 * std::sqrt(double(d)) * spectral, eps * r.rigorous_radius);
    EXPECT_GE(r.rigorous_radius * (1 + eps), r.radius);
    EXPECT_NEAR(r.horizon, 0.25 * 2.0 * spectral, eps * r.horizon);
    EXPECT_NEAR(r.self_score, 0.25 * 2.0 * trace, eps * norm * double(d));
    const double rank = double(std::min(h, d));
    EXPECT_NEAR(r.localization, trace * trace / (rank * square_trace), 1e-9 * std::fabs(r.localization));
    EXPECT_TRUE(std::isnan(r.rope_norm));
    EXPECT_TRUE(std::isnan(r.sigma));
  }
}

TEST(Radius, ScalesWithTheSquareOfTheBound) {
  const Head head = draw(8, 20, 400);
  RadiusOptions once, twice;
  once.bound = 1.0;
  twice.bound = 2.0;
  EXPECT_EQ(measure(head, twice).radius, 4.0 * measure(head, once).radius);
  EXPECT_EQ(measure(head, twice).rigorous_radius, 4.0 * measure(head, once).rigorous_radius);
  EXPECT_NEAR(measure(head).bound, std::sqrt(20.0), 1e-15) << "what a row of RMS norm cannot exceed";
  EXPECT_EQ(measure(head).mean_square, 1.0);
}

TEST(SpectralNorm, IsRightWhereAPowerIterationIsSlowOrStuck) {
  const std::size_t h = 24;
  const auto eigenvalue = [&](const std::vector<double>& a, const std::vector<double>& b, double* lower) {
    ProductEigenvalue power;
    EXPECT_TRUE(power.start(a.data(), b.data(), h));
    for (std::size_t i = 0; i < ProductEigenvalue::kMostSquares; ++i) power.step();
    *lower = power.lower();
    return power.upper();
  };
  std::vector<double> identity(h * h, 0.0), close(h * h, 0.0), one(h * h, 0.0), zero(h * h, 0.0), far(h * h, 0.0);
  for (std::size_t i = 0; i < h; ++i) {
    identity[i * h + i] = 1.0;
    close[i * h + i] = i == 5 ? 1.0 + 1e-9 : 1.0;  // a gap that 10^9 plain steps would need
    one[i * h + i] = i == 3 ? 7.0 : 0.0;           // rank one
    far[i * h + i] = i == 0 ? 1e-200 : i == 1 ? 1e200 : 1.0;
  }
  double lower = 0.0;
  EXPECT_NEAR(eigenvalue(identity, identity, &lower), 1.0, 1e-12);
  EXPECT_NEAR(eigenvalue(close, identity, &lower), 1.0 + 1e-9, 1e-12);
  EXPECT_GE(lower, (1.0 + 1e-9) * (1.0 - 1e-12));
  EXPECT_NEAR(eigenvalue(one, close, &lower), 7.0, 1e-11);
  EXPECT_NEAR(eigenvalue(identity, one, &lower), 7.0, 1e-11);
  EXPECT_EQ(eigenvalue(zero, identity, &lower), 0.0);
  EXPECT_EQ(eigenvalue(identity, zero, &lower), 0.0);
  EXPECT_NEAR(eigenvalue(far, identity, &lower) / 1e200, 1.0, 1e-11);
  std::vector<double> spoiled = identity;
  spoiled[7] = spoiled[7 * h] = NAN;
  EXPECT_TRUE(std::isnan(eigenvalue(spoiled, identity, &lower)));
}

TEST(SpectralNorm, AgreesWithJacobiOnWeightsWithFlatAndSteepSpectra) {
  for (const double decay : {1.0, 0.9, 0.5}) {
    Head head = draw(16, 48, 700);
    for (std::size_t c = 0; c < head.h; ++c) {
      for (std::size_t a = 0; a < head.d; ++a) head.q[c * head.d + a] *= static_cast<float>(std::pow(decay, double(c)));
    }
    EXPECT_NEAR(measure(head).spectral_norm / singular_values(head.form())[0], 1.0, 1e-12) << decay;
  }
}

/// Logits of independent Gaussian inputs.
struct Sample {
  std::vector<float> inputs;
  std::size_t tokens;
};

Sample sample(std::size_t d, std::size_t tokens) {
  Sample s{std::vector<float>(tokens * d), tokens};
  CounterRandom(test::seed(), 55).fill_normal(0, tokens * d, s.inputs.data());
  return s;
}

TEST(Radius, OfInputsMatchesTheirLogits) {
  const Head head = draw(16, 64, 800);
  const Sample s = sample(64, 300);
  RadiusOptions options;
  options.scale = 1.0 / 64.0;
  options.inputs = s.inputs.data();
  options.tokens = s.tokens;
  const Radius r = measure(head, options);

  const Matrix w = head.form();
  double largest = 0.0, squares = 0.0, sum = 0.0, sum_squares = 0.0, worst = 0.0;
  for (const float x : s.inputs) {
    largest = std::max(largest, std::fabs(double{x}));
    squares += double{x} * double{x};
  }
  for (std::size_t i = 0; i < s.tokens; ++i) {
    std::vector<double> left(64, 0.0);
    for (std::size_t a = 0; a < 64; ++a)
      for (std::size_t b = 0; b < 64; ++b) left[b] += double{s.inputs[i * 64 + a]} * w.at(a, b);
    for (std::size_t j = 0; j < s.tokens; ++j) {
      double logit = 0.0;
      for (std::size_t b = 0; b < 64; ++b) logit += left[b] * double{s.inputs[j * 64 + b]} / 64.0;
      sum += logit;
      sum_squares += logit * logit;
      if (i != j) worst = std::max(worst, std::fabs(logit));
    }
  }
  const double pairs = double(s.tokens) * double(s.tokens);
  EXPECT_EQ(r.bound, largest);
  EXPECT_NEAR(r.mean_square, squares / double(s.inputs.size()), 1e-12);
  EXPECT_NEAR(r.sigma, std::sqrt(sum_squares / pairs - sum * sum / pairs / pairs), 1e-9 * r.sigma);
  // R_rms is the deviation of logits with other tokens; 300 rows know it to a few percent.
  EXPECT_NEAR(r.rms_radius / r.sigma, 1.0, 0.05);
  // The horizon by its definition: L^T W L with L L^T = X^T X / N, of which X / sqrt(N) is a factor too.
  Matrix m{s.tokens, 64, std::vector<double>(s.tokens * 64, 0.0)};
  for (std::size_t i = 0; i < s.tokens; ++i)
    for (std::size_t a = 0; a < 64; ++a)
      for (std::size_t b = 0; b < 64; ++b) m.at(i, b) += double{s.inputs[i * 64 + a]} * w.at(a, b);
  Matrix product{s.tokens, s.tokens, std::vector<double>(s.tokens * s.tokens, 0.0)};
  for (std::size_t i = 0; i < s.tokens; ++i)
    for (std::size_t j = 0; j < s.tokens; ++j)
      for (std::size_t b = 0; b < 64; ++b) product.at(i, j) += m.at(i, b) * double{s.inputs[j * 64 + b]};
  // Largest singular value of X W X^T / N by plain power iteration, 300 steps.
  std::vector<double> v(s.tokens, 1.0), u(s.tokens);
  double norm = 0.0;
  for (int step = 0; step < 300; ++step) {
    for (std::size_t i = 0; i < s.tokens; ++i) {
      u[i] = 0.0;
      for (std::size_t j = 0; j < s.tokens; ++j) u[i] += product.at(i, j) * v[j];
    }
    std::fill(v.begin(), v.end(), 0.0);
    for (std::size_t i = 0; i < s.tokens; ++i)
      for (std::size_t j = 0; j < s.tokens; ++j) v[j] += product.at(i, j) * u[i];
    norm = 0.0;
    for (const double x : v) norm += x * x;
    norm = std::sqrt(norm);
    for (double& x : v) x /= norm;
  }
  EXPECT_NEAR(r.horizon, std::sqrt(norm) / 64.0 / double(s.tokens), 1e-3 * r.horizon);
  EXPECT_LE(r.horizon, std::sqrt(norm) / 64.0 / double(s.tokens) * 1.001);
  EXPECT_LE(worst, r.rigorous_radius * concentration_factor(double(s.tokens), 1e-3));
}

TEST(Radius, IsSpoiledByWeightsThatAreNoNumbersAndNeverHangs) {
  Head head = draw(8, 30, 900);
  head.q[17] = NAN;
  EXPECT_TRUE(std::isnan(measure(head).radius));
  EXPECT_TRUE(std::isnan(measure(head).rigorous_radius));
  const Head zero{4, 6, std::vector<float>(24, 0.0f), std::vector<float>(24, 0.0f)};
  EXPECT_EQ(measure(zero).radius, 0.0);
  EXPECT_EQ(measure(zero).rigorous_radius, 0.0);
}

TEST(Radius, UnitsDependOnTheProblemAloneAndMayBeRunInAnyBatches) {
  const Head head = draw(64, 3000, 950);
  RadiusOptions options;
  options.query_weights = head.q.data();
  options.key_weights = head.k.data();
  options.head_dim = 64;
  options.width = 3000;
  Radius radius{};
  options.result = &radius;
  HeadRadius job(options);
  EXPECT_GT(job.units(), 49u) << "the weights are more than one unit";
  job.run({0, job.units()});
  const Radius by_units = measure(head, options);
  EXPECT_EQ(radius.radius, by_units.radius);
  EXPECT_EQ(radius.spectral_norm, by_units.spectral_norm);
}

/// G_Q and G_K of a head.
GramSums gram_of(const Head& head) {
  GramSums sums;
  EXPECT_TRUE(sums.reset(head.h));
  std::vector<double> pair(2 * head.h);
  for (std::size_t a = 0; a < head.d; ++a) {
    for (std::size_t c = 0; c < head.h; ++c) {
      pair[c] = double{head.q[c * head.d + a]};
      pair[head.h + c] = double{head.k[c * head.d + a]};
    }
    sums.add(pair.data(), pair.data() + head.h);
  }
  return sums;
}

/// Mean of ||W_m||_F^2 over 0 .. length - 1, offset by offset.
double direct_mean(const GramSums& sums, RotaryPairs pairs, double base, int length) {
  double mean = 0.0;
  for (int m = 0; m < length; ++m) {
    mean += rope_squared_at(sums.query(), sums.key(), sums.head_dim(), pairs, base, m) / length;
  }
  return mean;
}

TEST(Rope, TheNormAtAnOffsetMatchesTheTurnedMatrix) {
  const Head head = draw(16, 20, 60);
  const GramSums sums = gram_of(head);
  for (const double offset : {0.0, 1.0, 5.0, 1000.0}) {
    const double squared = rope_squared_at(sums.query(), sums.key(), 16, RotaryPairs::kHalves, 1e4, offset);
    EXPECT_NEAR(std::sqrt(squared) / frobenius(head.form(offset, 1e4)), 1.0, 1e-12) << offset;
  }
}

TEST(Rope, TheAverageIsTheSumOverOffsets) {
  for (const bool tied : {false, true}) {
    for (const double base : {1e4, 5e5}) {
      for (const RotaryPairs pairs : {RotaryPairs::kHalves, RotaryPairs::kNeighbors}) {
        Head head = draw(32, 48, 70);
        if (tied) head.k = head.q;
        RadiusOptions options;
        options.pairs = pairs;
        options.base = base;
        options.length = 1000;
        EXPECT_NEAR(measure(head, options).rope_norm / std::sqrt(direct_mean(gram_of(head), pairs, base, 1000)), 1.0,
                    1e-9)
            << tied << " " << base << " " << int(pairs);
      }
    }
  }
}

// 1/2 sum_f ||W_Q^f||^2 ||W_K^f||^2, from the weights themselves, within 3 % of the root mean square over offsets.
TEST(Rope, EvenlySpreadPhasesLeaveTheNormsOfThePairsOnly) {
  const std::size_t h = 64, d = 96;
  const Head head = draw(h, d, 70);
  const GramSums sums = gram_of(head);
  for (const RotaryPairs pairs : {RotaryPairs::kHalves, RotaryPairs::kNeighbors}) {
    double by_norms = 0.0;
    for (std::size_t f = 0; f < h / 2; ++f) {
      const std::size_t one = pairs == RotaryPairs::kHalves ? f : 2 * f;
      const std::size_t other = pairs == RotaryPairs::kHalves ? f + h / 2 : 2 * f + 1;
      double q = 0.0, k = 0.0;
      for (std::size_t a = 0; a < d; ++a) {
        for (const std::size_t c : {one, other}) {
          q += double{head.q[c * d + a]} * double{head.q[c * d + a]};
          k += double{head.k[c * d + a]} * double{head.k[c * d + a]};
        }
      }
      by_norms += 0.5 * q * k;
    }
    EXPECT_NEAR(rope_averaged_squared(sums.query(), sums.key(), h, pairs, 1e4, HUGE_VAL) / by_norms, 1.0, 1e-12);
    EXPECT_NEAR(std::sqrt(by_norms / direct_mean(sums, pairs, 1e4, 4096)), 1.0, 0.03);
  }
}

}  // namespace
}  // namespace heed
