#include "simulate/sorted_row.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/random.hpp"
#include "simulate/descending_sort.hpp"
#include "support/seed.hpp"

namespace heed {
namespace {

std::vector<float> scores_of(std::size_t n, double sigma, std::uint64_t stream) {
  std::vector<float> scores(n);
  CounterRandom(test::seed(), stream).fill_normal(0, n, scores.data());
  for (float& score : scores) score = static_cast<float>(sigma * double{score});
  return scores;
}

// Memory for one row, and the row.
struct Built {
  std::vector<float> scores, weights;
  std::vector<double> tail, squares;
  SortedRow row;

  explicit Built(const std::vector<float>& from)
      : scores(from),
        weights(from.size() + 16),
        tail(from.size() + 1),
        squares(from.size() + 1),
        row({scores.data(), weights.data(), tail.data(), squares.data()}, from.size()) {}
};

// The definitions, entry by entry, in double.
struct Oracle {
  std::vector<double> p;  // sorted, largest first

  explicit Oracle(const std::vector<float>& scores) : p(scores.begin(), scores.end()) {
    std::sort(p.rbegin(), p.rend());
    const double highest = p[0];
    double all = 0.0;
    for (double& x : p) all += x = std::exp(x - highest);
    for (double& x : p) x /= all;
  }
  double kept(std::size_t k) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < k; ++i) sum += p[i];
    return sum;
  }
  // |p_k - p| in the given norm: 1, 2, or 0 for the largest entry.
  double distance(std::size_t k, int norm) const {
    double sum = 0.0, largest = 0.0, mass = kept(k);
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double off = std::abs((i < k ? p[i] / mass : 0.0) - p[i]);
      sum += norm == 1 ? off : off * off;
      largest = std::max(largest, off);
    }
    return norm == 0 ? largest : norm == 1 ? sum : std::sqrt(sum);
  }
};

TEST(DescendingSort, IsTheOrderOfScoresAtEveryLength) {
  for (const std::size_t n : {0u, 1u, 2u, 3u, 17u, 511u, 512u, 513u, 2048u, 5000u}) {
    std::vector<float> scores = scores_of(n, 10.0, n), scratch(n);
    // Ties, signed zeros, subnormals and infinities among them.
    for (std::size_t i = 0; i + 7 < n; i += 7) scores[i] = scores[i + 1];
    if (n > 10) scores[3] = -0.0f, scores[5] = 0.0f, scores[6] = 1e-42f, scores[8] = -1e-42f;
    if (n > 10) scores[9] = std::numeric_limits<float>::infinity(), scores[10] = -scores[9];
    std::vector<float> expected = scores;
    std::sort(expected.begin(), expected.end(), [](float a, float b) { return a > b; });
    sort_descending(scores.data(), n, scratch.data());
    EXPECT_EQ(scores, expected) << n;
  }
}

TEST(DescendingSort, PutsNaNLast) {
  for (const std::size_t n : {20u, 3000u}) {
    std::vector<float> scores = scores_of(n, 1.0, 1), scratch(n);
    scores[0] = scores[7] = std::numeric_limits<float>::quiet_NaN();
    sort_descending(scores.data(), n, scratch.data());
    EXPECT_TRUE(std::isnan(scores[n - 1]) && std::isnan(scores[n - 2]));
    EXPECT_TRUE(std::is_sorted(scores.begin(), scores.end() - 2, [](float a, float b) { return a > b; }));
  }
}

// An exponential is off by a share of kExpError + 2 u |x|, 5e-6 for |x| <= 40, and everything here is a ratio of sums
// of them: 2e-5 relative. The dropped mass is relative to itself however small it is.
TEST(SortedRow, ReadsOffWhatTheDefinitionsSay) {
  constexpr double kOff = 2e-5;
  for (const std::size_t n : {1u, 2u, 16u, 300u, 4096u})
    for (const double sigma : {0.0, 0.5, 2.0, 5.0}) {
      const std::vector<float> scores = scores_of(n, sigma, 2);
      const Built built(scores);
      const SortedRow& row = built.row;
      const Oracle oracle(scores);
      ASSERT_EQ(row.size(), n);
      double entropy = 0.0, squares = 0.0;
      for (const double p : oracle.p) entropy -= p * std::log(p), squares += p * p;
      EXPECT_NEAR(row.entropy(), entropy, kOff * (1.0 + 40.0));
      EXPECT_NEAR(row.participation(), 1.0 / squares, kOff * 2.0 / squares);
      EXPECT_NEAR(row.probability(0), oracle.p[0], kOff);
      for (std::size_t k = 1; k <= n; k = k * 3 / 2 + 1) {
        double tail = 0.0;
        for (std::size_t i = n; i-- > k;) tail += oracle.p[i];
        EXPECT_NEAR(row.dropped(k), tail, kOff * tail) << n << " " << k;
        EXPECT_NEAR(2.0 * row.dropped(k), oracle.distance(k, 1), kOff) << n << " " << k;
        EXPECT_NEAR(row.l2(k), oracle.distance(k, 2), kOff * (oracle.distance(k, 2) + 1e-9)) << n << " " << k;
        EXPECT_NEAR(row.largest_error(k), oracle.distance(k, 0), kOff) << n << " " << k;
        if (k < n) {
          EXPECT_LE(row.least_l2(k), row.l2(k) * (1.0 + kOff)) << n << " " << k;
          EXPECT_GE(row.most_l2(k), row.l2(k) * (1.0 - kOff)) << n << " " << k;
        }
      }
      EXPECT_EQ(row.dropped(n), 0.0);
      EXPECT_EQ(row.l2(n + 5), 0.0);
    }
}

TEST(SortedRow, FindsTheFewestEntriesThatAreEnough) {
  const std::vector<float> scores = scores_of(2000, 2.0, 3);
  const Built built(scores);
  const SortedRow& row = built.row;
  for (const double mass : {0.5, 0.1, 0.01, 1e-6}) {
    const std::size_t k = row.keep_for_mass(mass);
    EXPECT_LE(row.dropped(k), mass);
    if (k > 1) EXPECT_GT(row.dropped(k - 1), mass);
  }
  for (const double target : {0.5, 0.1, 0.01}) {
    const std::size_t k = row.keep_for_l2(target);
    EXPECT_LE(row.l2(k), target);
    for (std::size_t fewer = 1; fewer < k; ++fewer) EXPECT_GT(row.l2(fewer), target);
  }
  std::size_t before = 2001;
  for (const double epsilon : {1e-6, 1e-4, 1e-3, 1e-2, 0.5}) {
    const std::size_t count = row.effective(epsilon);
    // No more than 1 / epsilon entries of a row that sums to 1 can exceed it, and fewer exceed more.
    EXPECT_LE(static_cast<double>(count), 1.0 / epsilon);
    EXPECT_LE(count, before);
    if (count > 0) EXPECT_GT(row.probability(count - 1), epsilon * (1.0 - 1e-6));
    if (count < row.size()) EXPECT_LE(row.probability(count), epsilon * (1.0 + 1e-6));
    before = count;
  }
}

TEST(SortedRow, OfTheTinyCaseThatIsWorkedOutByHand) {
  const Built built({2.0f, 1.0f, 0.0f, -1.0f});
  EXPECT_NEAR(built.row.dropped(2), 0.119203, 1e-6);
  EXPECT_NEAR(built.row.l2(2), 0.131316, 1e-6);
  EXPECT_NEAR(built.row.largest_error(2), 0.087144, 1e-6);
  EXPECT_NEAR(built.row.entropy(), 0.947537, 1e-6);
  EXPECT_NEAR(built.row.participation(), 2.086111, 3e-6);
  EXPECT_NEAR(built.row.least_l2(2), 0.084289, 1e-6);
  EXPECT_NEAR(built.row.most_l2(2), 0.267973, 1e-6);
}

}  // namespace
}  // namespace heed
