#include "theory/policies.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/random.hpp"
#include "support/seed.hpp"
#include "theory/alignment.hpp"
#include "theory/calibration.hpp"
#include "theory/equal_cost.hpp"
#include "theory/gaussian.hpp"
#include "theory/regimes.hpp"

namespace heed {
namespace {

const std::vector<std::uint32_t> kDoubling = {1024, 2048, 4096, 8192, 16384, 32768};

double cost_of(const std::vector<std::uint32_t>& lengths, Cost cost, double alpha, double exponent) {
  const WindowLaw law{alpha, exponent};
  return total_cost(lengths.data(), lengths.size(), cost,
                    [&](std::uint32_t n) { return static_cast<double>(law.entries(n)); });
}

TEST(AlignCost, MeetsTheTargetWithinAThousandthAfterRoundingAndClamping) {
  std::vector<std::uint32_t> lengths(4096);
  std::iota(lengths.begin(), lengths.end(), 1u);
  for (const Cost cost : {Cost::kOneLength, Cost::kPrefill, Cost::kDecode}) {
    for (const double exponent : {0.0, 0.001, 0.25, 0.5, 0.75, 1.0}) {
      for (const double k : {1.0, 7.0, 64.0, 1000.0}) {
        const Alignment aligned = align_cost(lengths.data(), lengths.size(), cost, k, exponent, 1, 0);
        EXPECT_NEAR(aligned.cost / aligned.target, 1.0, 1e-3) << int(cost) << " " << exponent << " " << k;
        EXPECT_EQ(cost_of(lengths, cost, aligned.alpha, exponent), aligned.cost);
      }
    }
  }
}

TEST(AlignCost, IsTheNearestThatAnyAlphaReachesWhereLengthsAreFew) {
  for (const Cost cost : {Cost::kPrefill, Cost::kDecode}) {
    for (const double exponent : {0.25, 0.5, 0.75}) {
      const Alignment aligned = align_cost(kDoubling.data(), kDoubling.size(), cost, 64, exponent, 1, 0);
      const double reached = std::fabs(aligned.cost - aligned.target);
      // Every cost that the law can have near the target.
      for (double alpha = 0.5 * aligned.alpha; alpha < 2.0 * aligned.alpha; alpha *= 1.00001) {
        ASSERT_GE(std::fabs(cost_of(kDoubling, cost, alpha, exponent) - aligned.target), reached) << alpha;
      }
    }
  }
}

TEST(AlignCost, IsTheFixedWindowAtZeroAndDenseAttentionAtOne) {
  std::vector<std::uint32_t> lengths(300);
  std::iota(lengths.begin(), lengths.end(), 65u);
  const Alignment fixed = align_cost(lengths.data(), lengths.size(), Cost::kDecode, 64, 0.0, 1, 0);
  const Alignment dense = align_cost(lengths.data(), lengths.size(), Cost::kPrefill, 1e9, 1.0, 1, 0);
  for (const std::uint32_t n : lengths) {
    EXPECT_EQ((WindowLaw{fixed.alpha, 0.0}.entries(n)), 64u);
    EXPECT_EQ((WindowLaw{dense.alpha, 1.0}.entries(n)), n);
  }
  EXPECT_EQ(fixed.alpha, 64.0);
  EXPECT_EQ(dense.alpha, 1.0);
}

TEST(AlignCost, SaysWhatItCouldNotReachWithLimits) {
  const Alignment low = align_cost(kDoubling.data(), kDoubling.size(), Cost::kDecode, 64, 0.5, 1, 50);
  EXPECT_EQ(low.cost, 300.0);
  EXPECT_EQ(low.target, 384.0);
  const Alignment high = align_cost(kDoubling.data(), kDoubling.size(), Cost::kDecode, 64, 0.5, 100, 0);
  EXPECT_EQ(high.cost, 600.0);
}

TEST(AlignCost, ClosedFormsAreTheIntegralsForManyLengths) {
  std::vector<std::uint32_t> lengths(200'000);
  std::iota(lengths.begin(), lengths.end(), 1u);
  const double top = 200'000, exponent = 0.5;
  const auto alpha = [&](Cost cost) { return unrounded_alpha(lengths.data(), lengths.size(), cost, 64, exponent); };
  // The fixed window is min(64, n), so the short lengths cost a little less than 64.
  EXPECT_NEAR(alpha(Cost::kDecode) / (64 * (1 + exponent) / std::pow(top, exponent)), 1.0, 1e-3);
  EXPECT_NEAR(alpha(Cost::kPrefill) / (64 * (2 + exponent) / (2 * std::pow(top, exponent))), 1.0, 1e-3);
}

struct Columns {
  double mean_row_error, worst_row_error, mean_dropped, worst_dropped;
};

void expect_columns(const PolicyError& error, const Columns& printed, double half_l2, double half_mass) {
  EXPECT_NEAR(error.mean_row_error, printed.mean_row_error, 1.0001 * half_l2);
  EXPECT_NEAR(error.worst_row_error, printed.worst_row_error, 1.0001 * half_l2);
  EXPECT_NEAR(error.mean_dropped, printed.mean_dropped, 1.0001 * half_mass);
  EXPECT_NEAR(error.worst_dropped, printed.worst_dropped, 1.0001 * half_mass);
}

EqualCost compare(double sigma, Cost cost, double exponent) {
  const std::vector<double> sigmas(kDoubling.size(), sigma);
  return compare_at_equal_cost(kDoubling.data(), sigmas.data(), kDoubling.size(), cost, 64, exponent);
}

// Lengths 1K to 32K doubling, k = 64, sigma = 1, as printed.
TEST(EqualCost, MatchesThePrintedComparison) {
  const EqualCost decode = compare(1.0, Cost::kDecode, 0.5), prefill = compare(1.0, Cost::kPrefill, 0.5);
  expect_columns(decode.fixed, {0.1209, 0.1294, 0.871, 0.970}, 5e-5, 5e-4);
  EXPECT_NEAR(decode.alpha, 0.710, 5e-4);
  expect_columns(decode.window, {0.1402, 0.1995, 0.905, 0.951}, 5e-5, 5e-4);
  EXPECT_NEAR(prefill.alpha, 0.451, 5e-4);
  expect_columns(prefill.window, {0.179, 0.258, 0.930, 0.965}, 5e-4, 5e-4);
  EXPECT_NEAR(decode.window_cost / decode.fixed_cost, 1.0, 1e-12);
  EXPECT_NEAR(prefill.window_cost / prefill.fixed_cost, 1.0, 1e-12);
  EXPECT_TRUE(decode.row_error_valid);

  const EqualCost tiny = compare(1.0, Cost::kDecode, 0.001);
  const PolicyError& f = tiny.fixed;
  expect_columns(tiny.window, {f.mean_row_error, f.worst_row_error, f.mean_dropped, f.worst_dropped}, 2e-4, 2e-4);
}

TEST(EqualCost, TheWinnerIsReadOffTheNumbers) {
  const EqualCost mild = compare(1.0, Cost::kDecode, 0.5);
  EXPECT_EQ(winner(mild.fixed.mean_row_error, mild.window.mean_row_error), Winner::kFixed);
  EXPECT_EQ(winner(mild.fixed.worst_row_error, mild.window.worst_row_error), Winner::kFixed);
  EXPECT_EQ(winner(mild.fixed.mean_dropped, mild.window.mean_dropped), Winner::kFixed);
  EXPECT_EQ(winner(mild.fixed.worst_dropped, mild.window.worst_dropped), Winner::kWindow);

  const EqualCost strong = compare(3.0, Cost::kDecode, 0.25);
  EXPECT_NEAR(strong.fixed.mean_dropped, 0.2499, 6e-5);
  EXPECT_NEAR(strong.window.mean_dropped, 0.2498, 6e-5);
  EXPECT_NEAR(strong.fixed.worst_dropped, 0.454, 5.1e-4);
  EXPECT_NEAR(strong.window.worst_dropped, 0.405, 5.1e-4);
  EXPECT_EQ(winner(strong.fixed.mean_dropped, strong.window.mean_dropped), Winner::kTie);
  EXPECT_EQ(winner(strong.fixed.worst_dropped, strong.window.worst_dropped), Winner::kWindow);
  EXPECT_FALSE(strong.row_error_valid) << "2 sigma is above sqrt(2 ln n)";
}

/// Rows of softmax(sigma z), each sorted, largest first.
std::vector<double> gaussian_rows(const std::vector<double>& sigma, std::size_t n, std::uint64_t stream) {
  std::vector<double> p(sigma.size() * n);
  std::vector<float> normal(n);
  for (std::size_t r = 0; r < sigma.size(); ++r) {
    CounterRandom(test::seed(), stream + r).fill_normal(0, n, normal.data());
    double sum = 0.0;
    for (std::size_t j = 0; j < n; ++j) sum += p[r * n + j] = std::exp(sigma[r] * double{normal[j]});
    for (std::size_t j = 0; j < n; ++j) p[r * n + j] /= sum;
    std::sort(p.begin() + static_cast<std::ptrdiff_t>(r * n), p.begin() + static_cast<std::ptrdiff_t>(r * n + n),
              std::greater<>());
  }
  return p;
}

struct Spent {
  std::vector<std::uint32_t> kept;
  std::vector<double> dropped;
  double mean() const { return std::accumulate(dropped.begin(), dropped.end(), 0.0) / double(dropped.size()); }
  double worst() const { return *std::max_element(dropped.begin(), dropped.end()); }
};

Spent spend(const std::vector<double>& p, std::size_t rows, std::size_t budget, Policy policy) {
  Spent spent{std::vector<std::uint32_t>(rows), std::vector<double>(rows)};
  share_budget(p.data(), rows, p.size() / rows, budget, policy, spent.kept.data(), spent.dropped.data());
  return spent;
}

// 30 rows, n = 2048, 64 kept a row on average. Printed from one draw; the spread over draws is about 1 % of a mean.
TEST(Policies, MatchThePrintedComparisonOfBudgets) {
  std::vector<double> sigma;
  for (int i = 0; i < 6; ++i)
    for (const double s : {0.5, 1.0, 2.0, 3.0, 4.0}) sigma.push_back(s);
  const std::vector<double> p = gaussian_rows(sigma, 2048, 100);
  const Spent fixed = spend(p, 30, 30 * 64, Policy::kFixed);
  const Spent threshold = spend(p, 30, 30 * 64, Policy::kGlobalThreshold);
  const Spent top_p = spend(p, 30, 30 * 64, Policy::kTopP);
  EXPECT_NEAR(fixed.mean(), 0.474, 0.02);
  EXPECT_NEAR(fixed.worst(), 0.917, 0.01);
  EXPECT_NEAR(threshold.mean(), 0.458, 0.02);
  EXPECT_NEAR(threshold.worst(), 0.993, 0.02);
  EXPECT_NEAR(top_p.mean(), 0.680, 0.06) << "the level depends on the largest few of 30 rows";
  EXPECT_NEAR(top_p.worst(), 0.771, 0.03);
  // The closed forms of the same rows.
  EXPECT_NEAR(gaussian_policy(sigma.data(), 30, 2048, 64, Policy::kFixed).mean, fixed.mean(), 0.03);
  EXPECT_NEAR(gaussian_policy(sigma.data(), 30, 2048, 64, Policy::kGlobalThreshold).mean, threshold.mean(), 0.03);
  const DroppedMass even = gaussian_policy(sigma.data(), 30, 2048, 64, Policy::kTopP);
  EXPECT_NEAR(even.worst, top_p.worst(), 0.03);
  EXPECT_NEAR(even.mean, even.worst, 1e-9) << "top-p drops the same everywhere";
  EXPECT_NEAR(even.level, even.worst, 1e-9);
}

// Property: no other choice of the same number of entries drops less in total; none has a smaller worst row.
TEST(Policies, AreOptimalAmongAllWaysToSpendASmallBudget) {
  for (std::uint64_t which = 0; which < 40; ++which) {
    const std::size_t rows = 3, n = 5;
    std::vector<double> p = gaussian_rows({0.3, 1.5, 3.0}, n, 1000 + 10 * which);
    if (which % 4 == 0) std::fill_n(p.begin(), n, 0.2);  // a row of ties
    for (std::size_t budget = 0; budget <= rows * n; ++budget) {
      double least_total = HUGE_VAL, least_worst = HUGE_VAL;
      for (std::size_t code = 0; code < 216; ++code) {
        const std::size_t k[] = {code % 6, code / 6 % 6, code / 36};
        if (k[0] + k[1] + k[2] != budget) continue;
        double total = 0.0, worst = 0.0;
        for (std::size_t r = 0; r < rows; ++r) {
          double tau = 0.0;
          for (std::size_t j = n; j-- > k[r];) tau += p[r * n + j];
          total += tau;
          worst = std::max(worst, tau);
        }
        least_total = std::min(least_total, total);
        least_worst = std::min(least_worst, worst);
      }
      const Spent threshold = spend(p, rows, budget, Policy::kGlobalThreshold);
      const Spent top_p = spend(p, rows, budget, Policy::kTopP);
      EXPECT_NEAR(3.0 * threshold.mean(), least_total, 1e-14) << which << " " << budget;
      EXPECT_NEAR(top_p.worst(), least_worst, 1e-14) << which << " " << budget;
      for (const Spent& spent : {threshold, top_p, spend(p, rows, budget, Policy::kFixed)}) {
        EXPECT_EQ(std::accumulate(spent.kept.begin(), spent.kept.end(), 0u), budget);
      }
    }
  }
}

TEST(Regimes, AreToldApart) {
  for (double n = 64; n <= 32768; n *= 2) {
    EXPECT_EQ(regime_of_row(n, 1.0, 0.0).regime, Regime::kDispersion) << n;
    const double root = std::sqrt(2.0 * std::log(n));
    EXPECT_EQ(regime_of_row(n, 0.45 * root, 0.0).regime, Regime::kDispersion) << n;
    EXPECT_EQ(regime_of_row(n, 0.7 * root, 0.0).regime, Regime::kCondensation) << n;
    EXPECT_EQ(regime_of_row(n, 0.9 * root, 0.0).regime, Regime::kCondensation) << n;
    EXPECT_EQ(regime_of_row(n, 1.1 * root, 0.0).regime, Regime::kFrozen) << n;
    // W = I, d = 64: the token itself scores 8 on average.
    EXPECT_EQ(regime_of_row(n, 1.0, 8.0).regime, n < 1808 ? Regime::kSelfCollapse : Regime::kDispersion) << n;
  }
  EXPECT_NEAR(regime_of_row(100, 1.0, 8.0).crossover, 1808.04, 0.01);
  EXPECT_NEAR(regime_of_row(1808.0424, 1.0, 8.0).self_weight, 0.5, 1e-6);
  EXPECT_EQ(regime_of_row(100, 1.0, -HUGE_VAL).self_weight, 0.0);
}

// Entropy and participation of drawn rows. Past gamma 1/2 (participation) and near 1 (entropy) only the leading order
// is known: corrections of the random energy model are of order ln ln n / ln n, here 0.21, and eight rows vary.
TEST(Regimes, PredictEntropyAndParticipation) {
  const std::size_t n = 1 << 17;
  const double log_n = std::log(double(n)), root = std::sqrt(2.0 * log_n);
  for (const double gamma : {0.1, 0.3, 0.45, 0.7, 0.9, 1.3}) {
    const std::vector<double> p = gaussian_rows(std::vector<double>(8, gamma * root), n, 7000);
    double entropy = 0.0, participation = 0.0;
    for (std::size_t r = 0; r < 8; ++r) {
      double square = 0.0;
      for (std::size_t j = 0; j < n; ++j) {
        const double x = p[r * n + j];
        if (x > 0.0) entropy -= x * std::log(x) / 8;
        square += x * x;
      }
      participation -= std::log(square) / 8;  // mean of the logarithm
    }
    const RegimeOfRow predicted = regime_of_row(double(n), gamma * root, -HUGE_VAL);
    const double tolerance = gamma < 0.4 ? 0.02 : 1.5 * std::log(log_n) / log_n;
    EXPECT_NEAR(entropy / log_n, predicted.entropy / log_n, tolerance) << gamma;
    EXPECT_NEAR(participation / log_n, std::log(predicted.participation) / log_n, tolerance) << gamma;
  }
}

TEST(Calibration, FitsCarryToFourTimesTheLengthWithinATenth) {
  // Needs of a Gaussian head whose sigma grows slowly, seen with 1 % noise at lengths up to a quarter of the longest.
  const double dropped = 0.05;
  std::vector<double> lengths, entries, sigma;
  std::vector<float> noise(16);
  CounterRandom(test::seed(), 77).fill_normal(0, noise.size(), noise.data());
  for (double n = 256; n <= 32768; n *= 2) {
    lengths.push_back(n);
    sigma.push_back(0.35 * std::sqrt(2.0 * std::log(n)));
    entries.push_back(n * gaussian_keep_share(dropped, sigma.back()) * (1.0 + 0.01 * double{noise[lengths.size()]}));
  }
  const std::size_t seen = lengths.size() - 2;
  const auto held_out = [&](const FittedLaw& law) {
    return law_error(law, lengths.data() + seen, entries.data() + seen, 2);
  };
  const FittedLaw fit = fit_law(lengths.data(), entries.data(), seen);
  const FittedLaw grid = grid_law(lengths.data(), entries.data(), seen);
  const FittedLaw theory = theory_law(lengths.data(), sigma.data(), seen, dropped);
  for (const FittedLaw& law : {fit, grid, theory}) {
    EXPECT_LT(held_out(law).worst, 0.1) << law.exponent;
    EXPECT_LT(std::fabs(held_out(law).overrun), 0.1) << law.exponent;
    EXPECT_GT(law.exponent, 0.8);
    EXPECT_LT(law.exponent, 1.0);
  }
  EXPECT_GT(fit.standard_error, 0.0);
  EXPECT_LT(fit.standard_error, 0.02);
}

TEST(Calibration, NoOtherAlphaOfTheGridHasASmallerWorstRatio) {
  const double lengths[] = {100, 200, 400, 800}, entries[] = {20, 33, 37, 71};
  const FittedLaw grid = grid_law(lengths, entries, 4);
  const auto worst_ratio = [&](double alpha, double exponent) {
    double worst = 0.0;
    for (int i = 0; i < 4; ++i)
      worst = std::max(worst, std::fabs(std::log(alpha * std::pow(lengths[i], exponent) / entries[i])));
    return worst;
  };
  const double reached = worst_ratio(grid.alpha, grid.exponent);
  for (int step = 0; step <= 100; ++step) {
    for (double alpha = 0.1; alpha < 100.0; alpha *= 1.003)
      EXPECT_GE(worst_ratio(alpha, step / 100.0), reached - 1e-12);
  }
}

TEST(Calibration, RecoversALawExactlyAndClampsWhatIsNone) {
  const double lengths[] = {100, 200, 400, 800, 1600};
  double entries[5], falling[5], steep[5], sigma[5];
  for (int i = 0; i < 5; ++i) {
    entries[i] = 3.0 * std::pow(lengths[i], 0.37);
    falling[i] = 1e4 / lengths[i];
    steep[i] = lengths[i] * lengths[i];
    sigma[i] = 2.0;
  }
  const FittedLaw fit = fit_law(lengths, entries, 5), grid = grid_law(lengths, entries, 5);
  EXPECT_NEAR(fit.alpha, 3.0, 1e-12);
  EXPECT_NEAR(fit.exponent, 0.37, 1e-13);
  EXPECT_NEAR(fit.standard_error, 0.0, 1e-7);
  EXPECT_NEAR(grid.alpha, 3.0, 1e-12);
  EXPECT_NEAR(grid.exponent, 0.37, 1e-15);
  EXPECT_LT(law_error(fit, lengths, entries, 5).worst, 1e-12);
  EXPECT_EQ(fit_law(lengths, falling, 5).exponent, 0.0);
  EXPECT_EQ(fit_law(lengths, steep, 5).exponent, 1.0);
  const FittedLaw one = fit_law(lengths, entries, 1);
  EXPECT_EQ(one.exponent, 0.0);
  EXPECT_NEAR(one.alpha, entries[0], 1e-12);
  EXPECT_TRUE(std::isnan(one.standard_error));
  // Constant sigma needs a constant share.
  const FittedLaw theory = theory_law(lengths, sigma, 5, 0.1);
  EXPECT_NEAR(theory.exponent, 1.0, 1e-12);
  EXPECT_NEAR(theory.alpha, 0.236, 5.1e-4);
}

}  // namespace
}  // namespace heed
