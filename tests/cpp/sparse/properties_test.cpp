// What the theory promises of every top-k row. Values are the unit vectors where outputs shall be rows of weights.
// Elsewhere: certificates_test.cpp holds certificates against the truth, and sets_test.cpp sets against a full sort.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "sparse/page_bounds.hpp"
#include "support/topk_checks.hpp"

namespace heed {
namespace {

test::Inputs with_unit_values(std::size_t n, std::size_t d, double sigma) {
  AttentionShape shape = test::square(n, d);
  shape.value_dim = n;
  std::vector<float> unit(n * n, 0.0f);
  for (std::size_t j = 0; j < n; ++j) unit[j * n + j] = 1.0f;
  return {shape, test::gaussian(n * d, 1, sigma), test::gaussian(n * d, 2), unit};
}

double total(const std::vector<std::uint32_t>& keys, const std::vector<double>& p) {
  double sum = 0.0;
  for (const std::uint32_t j : keys) sum += p[j];
  return sum;
}

// tau = 1 - e^(-KL), chi^2 = tau / (1 - tau), l1 = 2 tau, of the returned row against the exact one.
TEST(TopKProperties, DivergencesOfTheRenormalizedRowFollowFromTheDroppedMass) {
  const std::size_t n = 96;
  for (const double sigma : {0.5, 2.0}) {
    const test::Inputs inputs = with_unit_values(n, 8, sigma);
    for (const std::size_t k : {std::size_t{4}, std::size_t{30}}) {
      const test::Sparse row = test::attend_topk(inputs, {.k = k}, Estimator::kRenormalized);
      for (std::size_t i = 0; i < n; ++i) {
        const test::RowError error(inputs.tensors(), {0, i, 0});
        const double tau = static_cast<double>(row.dropped[i]);
        double l1 = 0.0, divergence = 0.0, chi_squared = 0.0;
        for (std::size_t j = 0; j < n; ++j) {
          const double q = static_cast<double>(row.out[i * n + j]), p = error.p[j];
          l1 += std::abs(q - p), divergence += q > 0.0 ? q * std::log(q / p) : 0.0;
          chi_squared += (q - p) * (q - p) / p;
        }
        // Every weight is off by its own relative error e; the sums by e and by e of their own size.
        const double e = 4.0 * (error.mean + test::gamma(simd::kKeyBlock)) / (1.0 - tau);
        ASSERT_NEAR(l1, 2.0 * tau, 4.0 * e);
        ASSERT_NEAR(1.0 - std::exp(-divergence), tau, 4.0 * e);
        ASSERT_NEAR(chi_squared, tau / (1.0 - tau), 8.0 * e / (1.0 - tau));
      }
    }
  }
}

// exact - renormalized = tau (mean of the dropped values - mean of the kept ones), each mean under its own weights.
TEST(TopKProperties, TheErrorIsTheDroppedMassTimesTheDistanceOfTheMeans) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(120, 8, true), 2.0);
  const test::Sparse sparse = test::attend_topk(inputs, {.k = 9}, Estimator::kRenormalized);
  const reference::Tensors tensors = inputs.tensors();
  for (std::size_t i = 9; i < 120; ++i) {
    const reference::Row row{0, i, 0};
    const test::RowError error(tensors, row);
    const std::vector<std::uint32_t> kept = sparse.keys_of(i);
    const double tau = reference::dropped_mass(error.p, kept);
    std::vector<double> head(i + 1, 0.0), tail = error.p;
    for (const std::uint32_t j : kept) head[j] = error.p[j] / (1.0 - tau), tail[j] = 0.0;
    for (double& each : tail) each /= tau;
    const std::vector<double> exact = reference::mix(tensors, row, error.p);
    const std::vector<double> kept_mean = reference::mix(tensors, row, head);
    const std::vector<double> dropped_mean = reference::mix(tensors, row, tail);
    for (std::size_t c = 0; c < 8; ++c)
      ASSERT_NEAR(exact[c] - static_cast<double>(sparse.out[i * 8 + c]), tau * (dropped_mean[c] - kept_mean[c]),
                  error.renormalized(kept));
  }
}

// A constant on every score changes nothing: a bias of whole numbers, which shifts scores of whole numbers exactly.
TEST(TopKProperties, AShiftOfAllScoresChangesNothing) {
  test::Inputs inputs = test::tied_inputs(test::square(80, 4), 2);
  inputs.bias.assign(6400, 0.0f);
  const TopKOptions options{.budget = {.mass = 0.7}};
  const test::Sparse before = test::attend_topk(inputs, options, false);
  for (const float shift : {-64.0f, 1024.0f}) {
    inputs.bias.assign(6400, shift);
    const test::Sparse after = test::attend_topk(inputs, options, false);
    EXPECT_EQ(before.indices, after.indices);
    EXPECT_TRUE(test::same_bits(before.out, after.out));
    EXPECT_TRUE(test::same_bits(before.dropped, after.dropped));
  }
}

// Keys in another order: the same keys are kept (no score ties), with the same mass and output but for rounding.
TEST(TopKProperties, TheOrderOfTheKeysDoesNotMatter) {
  const std::size_t n = 130, d = 6;
  const test::Inputs inputs = test::gaussian_inputs(test::square(n, d), 2.0);
  std::vector<std::size_t> moved(n);
  std::iota(moved.begin(), moved.end(), 0);
  for (std::size_t j = 0; j < n; ++j) std::swap(moved[j], moved[(j * 71 + 13) % n]);
  test::Inputs other = inputs;
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t c = 0; c < d; ++c) {
      other.k[j * d + c] = inputs.k[moved[j] * d + c], other.v[j * d + c] = inputs.v[moved[j] * d + c];
    }
  for (const Budget& budget : {Budget{.k = 11}, Budget{.mass = 0.6}, Budget{.threshold = 0.01}}) {
    const test::Sparse one = test::attend_topk(inputs, budget), two = test::attend_topk(other, budget);
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<std::uint32_t> kept = two.keys_of(i);
      for (std::uint32_t& j : kept) j = static_cast<std::uint32_t>(moved[j]);
      std::sort(kept.begin(), kept.end());
      ASSERT_EQ(one.keys_of(i), kept);
      const test::RowError error(inputs.tensors(), {0, i, 0});
      ASSERT_NEAR(static_cast<double>(one.dropped[i]), static_cast<double>(two.dropped[i]), 2.0 * error.dropped());
    }
  }
}

// At a higher scale, which keeps the order, less is dropped; and never more with more keys; nothing with all.
TEST(TopKProperties, TheDroppedMassFallsWithTheScaleAndWithK) {
  test::Inputs inputs = test::gaussian_inputs(test::square(100, 8), 1.0);
  std::vector<float> hotter(100, 1.0f);
  for (const float scale : {0.1f, 0.3f, 1.0f, 3.0f}) {
    inputs.scale = scale;
    std::vector<float> fewer(100, 1.0f);
    for (const std::size_t k : {std::size_t{1}, std::size_t{8}, std::size_t{50}, std::size_t{99}, std::size_t{100}}) {
      const test::Sparse row = test::attend_topk(inputs, {.k = k});
      for (std::size_t i = 0; i < 100; ++i) {
        const double rounding = 2.0 * test::RowError(inputs.tensors(), {0, i, 0}).dropped();
        ASSERT_LE(static_cast<double>(row.dropped[i]), static_cast<double>(fewer[i]) + rounding);
        if (k == 8) {
          ASSERT_LE(static_cast<double>(row.dropped[i]), static_cast<double>(hotter[i]) + rounding);
        }
      }
      fewer = row.dropped;
      if (k == 8) hotter = row.dropped;
    }
    for (const float tau : fewer) ASSERT_EQ(tau, 0.0f);
  }
}

// One threshold for all rows drops the least in all, of all ways to keep as many keys: exchange any two and it rises.
TEST(TopKProperties, OneThresholdForAllRowsDropsTheLeastForItsNumberOfKeys) {
  const std::size_t n = 150;
  test::Inputs inputs = test::gaussian_inputs(test::square(n, 8), 1.0);
  // Rows from even to peaked.
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < 8; ++c) inputs.q[i * 8 + c] *= 0.2f + 0.04f * static_cast<float>(i);
  const auto mass_of = [&](const test::Sparse& row) {
    double sum = 0.0;
    for (std::size_t i = 0; i < n; ++i)
      sum += 1.0 - total(row.keys_of(i), test::RowError(inputs.tensors(), {0, i, 0}).p);
    return sum;
  };
  for (const double threshold : {0.005, 0.02}) {
    const test::Sparse global = test::attend_topk(inputs, {.budget = {.threshold = threshold}}, false);
    const std::size_t entries = global.indices.size();
    const double dropped = mass_of(global);
    // The same or a larger number of keys each, and a share that keeps as many or more.
    const test::Sparse fixed = test::attend_topk(inputs, {.k = (entries + n - 1) / n});
    ASSERT_GE(fixed.indices.size(), entries);
    EXPECT_LT(dropped, mass_of(fixed) + static_cast<double>(fixed.indices.size() - entries) * threshold);
    for (double mass = 0.02; mass < 1.0; mass += 0.02) {
      const test::Sparse share = test::attend_topk(inputs, {.budget = {.mass = mass}}, false);
      // Each key that one keeps and the other does not is worth at least, or at most, the threshold.
      const double more = static_cast<double>(share.indices.size()) - static_cast<double>(entries);
      EXPECT_LE(dropped, mass_of(share) + more * threshold + 1e-4) << mass;
    }
  }
}

// In the l2 metric of rows the mean is never worse than nothing, and exact where attention is uniform.
TEST(TopKProperties, CompensationIsNeverFartherFromTheRowThanRaw) {
  const std::size_t n = 110;
  for (const double sigma : {0.0, 0.5, 2.0, 6.0}) {
    const test::Inputs inputs = with_unit_values(n, 8, sigma);
    for (const std::size_t k : {std::size_t{1}, std::size_t{20}, std::size_t{109}}) {
      const test::Sparse mean = test::attend_topk(inputs, {.k = k}, Estimator::kCompensated);
      const test::Sparse raw = test::attend_topk(inputs, {.k = k}, Estimator::kRaw);
      for (std::size_t i = 0; i < n; ++i) {
        const test::RowError error(inputs.tensors(), {0, i, 0});
        double of_mean = 0.0, of_raw = 0.0;
        for (std::size_t j = 0; j < n; ++j) {
          of_mean += std::pow(static_cast<double>(mean.out[i * n + j]) - error.p[j], 2.0);
          of_raw += std::pow(static_cast<double>(raw.out[i * n + j]) - error.p[j], 2.0);
        }
        const double rounding = std::sqrt(static_cast<double>(n)) * error.estimator(k, 1.0);
        ASSERT_LE(std::sqrt(of_mean), std::sqrt(of_raw) + rounding);
        if (sigma == 0.0) {
          ASSERT_LE(std::sqrt(of_mean), rounding);
        }
      }
    }
  }
}

// alpha = 1, C = 1 is dense, C = 0 a fixed number.
TEST(TopKProperties, TheWindowLawHasDenseAndFixedAttentionAtItsEnds) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(90, 6, true), 2.0);
  const test::Sparse dense = test::attend_topk(inputs, {.law = {1.0, 1.0}});
  for (std::size_t i = 0; i < 90; ++i) ASSERT_EQ(dense.kept[i], i + 1);
  const test::Sparse law = test::attend_topk(inputs, {.law = {7.0, 0.0}}), fixed = test::attend_topk(inputs, {.k = 7});
  EXPECT_EQ(law.indices, fixed.indices);
  EXPECT_TRUE(test::same_bits(law.out, fixed.out));
}

TEST(PageBounds, AreAboveEveryScoreOfThePageAndReachedByItsCorner) {
  const test::Inputs inputs = test::gaussian_inputs(
      {.batch = 2, .queries = 9, .keys = 75, .heads = 4, .kv_heads = 2, .head_dim = 5, .value_dim = 1});
  TaskPool pool;
  std::vector<float> out(inputs.out_size());
  const AttentionProblem problem = inputs.problem(out.data());
  PageBounds pages;
  ASSERT_TRUE(pages.build(problem, pool));
  for (const double scale : {0.5, -2.0})
    for (std::size_t b = 0; b < 2; ++b)
      for (std::size_t h = 0; h < 4; ++h)
        for (std::size_t page = 0; page < 3; ++page) {
          const float* query = problem.query_rows(b, h).row(7);
          const double highest = pages.highest_score(b, h / 2, page, query, scale);
          const Range keys = pages.keys(page);
          EXPECT_EQ(keys.end, std::min<std::size_t>(75, keys.begin + 32));
          double corner = 0.0;
          for (std::size_t c = 0; c < 5; ++c) {
            double most = -INFINITY;
            for (std::size_t j = keys.begin; j < keys.end; ++j)
              most = std::max(most, scale * static_cast<double>(query[c]) *
                                        static_cast<double>(problem.key_rows(b, h / 2).row(j)[c]));
            corner += most;
          }
          EXPECT_NEAR(highest, corner, 1e-12 * std::abs(corner));
        }
}

}  // namespace
}  // namespace heed
