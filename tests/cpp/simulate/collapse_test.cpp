#include "simulate/collapse.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/random.hpp"
#include "support/compare.hpp"
#include "theory/gaussian.hpp"

namespace heed {
namespace {

struct Point {
  std::vector<double> effective;
  double sigma = NAN;
};

Point simulate(CollapseOptions options, const std::vector<double>& epsilon, std::size_t threads = 1,
               std::size_t batch = 0) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(threads).ok());
  Point point{std::vector<double>(epsilon.size(), NAN)};
  options.epsilon = epsilon.data();
  options.epsilons = epsilon.size();
  options.effective = point.effective.data();
  options.sigma = &point.sigma;
  CollapsePoint job(options, pool);
  EXPECT_TRUE(job.status().ok()) << job.status().detail;
  const std::size_t step = batch == 0 ? job.units() : batch;
  for (std::size_t unit = 0; unit < job.units(); unit += step) job.run({unit, std::min(unit + step, job.units())});
  return point;
}

using Matrix = std::vector<double>;

// (rows x inner) times (inner x d), of numbers that are rounded to float where the library rounds them.
Matrix product(const Matrix& a, const Matrix& b, std::size_t inner, std::size_t d) {
  Matrix c(a.size() / inner * d, 0.0);
  for (std::size_t i = 0; i < c.size() / d; ++i)
    for (std::size_t l = 0; l < inner; ++l)
      for (std::size_t j = 0; j < d; ++j) c[i * d + j] += a[i * inner + l] * b[l * d + j];
  return c;
}

Matrix normal(std::uint64_t seed, std::uint64_t stream, std::size_t first, std::size_t count, double deviation) {
  std::vector<float> numbers(count);
  CounterRandom(seed, stream).fill_normal(first, count, numbers.data());
  Matrix wide(numbers.begin(), numbers.end());
  for (double& x : wide) x *= deviation;
  return wide;
}

Matrix weights(const CollapseOptions& o, std::uint64_t stream) {
  const std::size_t d = o.head_dim;
  const double root = 1.0 / std::sqrt(static_cast<double>(d));
  if (o.weights == CollapseWeights::kIndependent) return normal(o.seed, stream, 0, d * d, root);
  return product(normal(o.seed, stream, 0, d * o.rank, root),
                 normal(o.seed, stream, d * o.rank, o.rank * d, 1.0 / std::sqrt(static_cast<double>(o.rank))), o.rank,
                 d);
}

// The protocol in double, everything in memory: the least and the greatest number of effective entries that scores off
// by `slack` can give, and sigma.
struct Oracle {
  std::vector<double> least, most;
  double sigma = 0.0;

  Oracle(const CollapseOptions& o, const std::vector<double>& epsilon, double slack)
      : least(epsilon.size(), 0.0), most(epsilon.size(), 0.0) {
    const std::size_t d = o.head_dim, rows = std::min(o.rows, o.n);
    const Matrix tokens = normal(o.seed, 0, 0, o.n * d, 1.0);
    const bool identity = o.weights == CollapseWeights::kIdentity;
    const Matrix queries = identity ? tokens : product(tokens, weights(o, 1), d, d);
    const Matrix keys = identity ? tokens : product(tokens, weights(o, 2), d, d);
    double sum = 0.0, squares = 0.0;
    for (std::size_t r = 0; r < rows; ++r) {
      const std::size_t i = r * o.n / rows;
      std::vector<double> s(o.n, 0.0);
      double highest = -INFINITY, z = 0.0;
      for (std::size_t j = 0; j < o.n; ++j) {
        for (std::size_t c = 0; c < d; ++c) s[j] += queries[i * d + c] * keys[j * d + c];
        s[j] /= std::sqrt(static_cast<double>(d));
        highest = std::max(highest, s[j]);
        if (j != i) sum += s[j], squares += s[j] * s[j];
      }
      for (const double each : s) z += std::exp(each - highest);
      for (std::size_t e = 0; e < epsilon.size(); ++e)
        for (const double each : s) {
          const double above = each - highest - std::log(z) - std::log(epsilon[e]);
          least[e] += above > slack ? 1.0 : 0.0;
          most[e] += above > -slack ? 1.0 : 0.0;
        }
    }
    const double pairs = static_cast<double>(rows) * static_cast<double>(o.n - 1);
    sigma = std::sqrt(squares / pairs - sum / pairs * (sum / pairs));
    for (std::size_t e = 0; e < epsilon.size(); ++e)
      least[e] /= static_cast<double>(rows), most[e] /= static_cast<double>(rows);
  }
};

// Family "attention": a score is off by gamma of three chains of d products, each of size about sqrt(d) standard
// deviations; 40 is the largest |score| seen here. ln Z is off as much.
TEST(Collapse, CountsWhatTheProtocolInDoubleCounts) {
  const std::vector<double> epsilon{1e-1, 1e-2, 1e-3, 1e-4};
  for (const CollapseWeights kind :
       {CollapseWeights::kIndependent, CollapseWeights::kIdentity, CollapseWeights::kLowRank})
    for (const auto& [n, rows, d] : {std::tuple<std::size_t, std::size_t, std::size_t>{1, 5, 3},
                                     {40, 100, 5},
                                     {100, 17, 16},
                                     {1000, 64, 64},
                                     {2500, 33, 20},
                                     {150, 20, 90}}) {
      CollapseOptions options{.n = n, .head_dim = d, .rows = rows, .weights = kind, .rank = 2, .seed = 11};
      const double slack = 4.0 * test::gamma(3 * d + 10) * 40.0;
      const Point point = simulate(options, epsilon);
      const Oracle oracle(options, epsilon, slack);
      SCOPED_TRACE(::testing::Message() << "weights " << static_cast<int>(kind) << ", n " << n << ", d " << d);
      for (std::size_t e = 0; e < epsilon.size(); ++e) {
        EXPECT_GE(point.effective[e], oracle.least[e] - 1e-12) << epsilon[e];
        EXPECT_LE(point.effective[e], oracle.most[e] + 1e-12) << epsilon[e];
        EXPECT_LE(oracle.most[e] - oracle.least[e], 0.2 + 0.03 * oracle.most[e]) << "the interval says nothing";
        EXPECT_LE(point.effective[e], 1.0 / epsilon[e]);
      }
      if (n > 1)
        EXPECT_NEAR(point.sigma, oracle.sigma, 1e-3 * oracle.sigma);
      else
        EXPECT_EQ(point.sigma, 0.0);
    }
}

// Protocol E1: the mean over the seeds 0 to 9 is within 0.01 of the closed form of |S_eps| / n, and within 25 % of
// k_eff where that is at least 5 (X W X^T has heavier tails than independent Gaussian logits). Family "statistical":
// five standard errors of 10 x 100 binomial rows beside the criterion.
TEST(Collapse, IndependentWeightsFollowTheClosedForm) {
  const std::vector<double> epsilon{1e-2, 1e-3, 1e-4};
  for (const std::size_t n : {128u, 512u, 1024u, 4096u}) {
    Point mean{std::vector<double>(3, 0.0), 0.0};
    std::vector<double> shares(3, 0.0);
    const double length = static_cast<double>(n);
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const Point point = simulate({.n = n, .head_dim = 64, .rows = 100, .seed = seed}, epsilon, 2);
      EXPECT_NEAR(point.sigma, 1.0, 0.1) << "n " << n;
      mean.sigma += point.sigma / 10.0;
      for (std::size_t e = 0; e < 3; ++e) {
        mean.effective[e] += point.effective[e] / 10.0;
        shares[e] += gaussian_ineffective_share(length, epsilon[e], point.sigma) / 10.0;
      }
    }
    EXPECT_NEAR(mean.sigma, 1.0, 0.03) << "n " << n;
    for (std::size_t e = 0; e < epsilon.size(); ++e) {
      const double share = shares[e];
      const double effective = length * (1.0 - gaussian_ineffective_share(length, epsilon[e], 1.0));
      const double sampling = 5.0 * std::sqrt(share * (1.0 - share) / (1000.0 * length));
      EXPECT_NEAR(1.0 - mean.effective[e] / length, share, 0.01 + sampling) << "n " << n << ", epsilon " << epsilon[e];
      if (effective >= 5.0)
        EXPECT_NEAR(mean.effective[e], effective, 0.25 * effective) << "n " << n << ", " << epsilon[e];
    }
  }
}

// Section 3.3: with W = I the self entry wins, k_eff at 1e-2 is 1.51, 1.14, 1.00. Family "statistical": counts of one
// row vary by about 1 and share their keys; a tenth of a row at the first length, less where nearly all rows agree.
TEST(Collapse, IdentityWeightsCollapseToTheTokenItself) {
  const struct {
    std::size_t n;
    double effective, tolerance;
  } table[] = {{256, 1.51, 0.2}, {1024, 1.14, 0.1}, {4096, 1.00, 0.03}};
  for (const auto& row : table) {
    double mean = 0.0;
    for (std::uint64_t seed = 0; seed < 3; ++seed)
      mean += simulate({.n = row.n, .head_dim = 64, .rows = 256, .weights = CollapseWeights::kIdentity, .seed = seed},
                       {1e-2}, 2)
                  .effective[0] /
              3.0;
    EXPECT_NEAR(mean, row.effective, row.tolerance) << "n " << row.n;
  }
}

TEST(Collapse, LowRankWeightsHaveTheSameSpread) {
  // Entries of W are N(0, 1/d) products of rank r; over seeds the mean of sigma^2 is 1 and its spread about sqrt(2 /
  // r).
  double mean = 0.0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const double sigma =
        simulate(
            {.n = 300, .head_dim = 64, .rows = 100, .weights = CollapseWeights::kLowRank, .rank = 16, .seed = seed},
            {1e-2})
            .sigma;
    mean += sigma * sigma / 10.0;
  }
  EXPECT_NEAR(mean, 1.0, 5.0 * std::sqrt(2.0 / 16.0 / 10.0));
}

TEST(Collapse, GivesTheSameNumbersForEveryNumberOfThreadsAndEveryBatching) {
  const std::vector<double> epsilon{1e-2, 1e-4};
  for (const CollapseWeights kind :
       {CollapseWeights::kIndependent, CollapseWeights::kIdentity, CollapseWeights::kLowRank}) {
    const CollapseOptions options{.n = 3000, .head_dim = 16, .rows = 50, .weights = kind, .rank = 3, .seed = 5};
    const Point one = simulate(options, epsilon);
    for (const std::size_t threads : {1u, 2u, 3u})
      for (const std::size_t batch : {0u, 1u, 3u}) {
        const Point other = simulate(options, epsilon, threads, batch);
        EXPECT_EQ(one.effective, other.effective) << threads << " threads, " << batch << " at a time";
        EXPECT_EQ(one.sigma, other.sigma) << threads << " threads, " << batch << " at a time";
      }
  }
}

TEST(Collapse, SeedsDiffer) {
  const Point a = simulate({.n = 500, .head_dim = 8, .rows = 50, .seed = 1}, {1e-3});
  const Point b = simulate({.n = 500, .head_dim = 8, .rows = 50, .seed = 2}, {1e-3});
  EXPECT_NE(a.sigma, b.sigma);
}

TEST(Collapse, SaysWhatIsWrong) {
  TaskPool pool;
  for (const CollapseOptions& options :
       {CollapseOptions{.n = 0}, CollapseOptions{.n = 4, .head_dim = 0}, CollapseOptions{.n = 4, .rows = 0}})
    EXPECT_EQ(CollapsePoint(options, pool).status().code, ErrorCode::kInvalidArgument);
  const Status rank =
      CollapsePoint({.n = 4, .head_dim = 8, .weights = CollapseWeights::kLowRank, .rank = 9}, pool).status();
  EXPECT_EQ(rank.code, ErrorCode::kInvalidArgument);
  EXPECT_NE(rank.detail.find("rank is 9"), std::string::npos);
}

}  // namespace
}  // namespace heed
