// The monitor's numbers against their formulas in double.
#include "cache/monitor.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "cache/decode.hpp"
#include "support/cached.hpp"
#include "support/compare.hpp"

namespace heed {
namespace {

std::vector<double> monitor(const KvCache& cache, const test::Inputs& inputs, MonitorOptions options,
                            std::size_t threads = 1) {
  TaskPool pool;
  EXPECT_TRUE(pool.start(threads).ok());
  std::vector<double> out(inputs.rows() * kMonitored, NAN);
  options.out = out.data();
  const DecodeProblem problem = test::decode_problem(inputs, nullptr, nullptr);
  CacheAttention job(cache, problem, options, pool);
  EXPECT_TRUE(job.status().ok()) << job.status().detail;
  job.run({0, job.units()});
  return out;
}

// `most`: how many times as many entries as are needed `k` may be.
void expect_monitored(const test::Inputs& inputs, double most) {
  const KvCache cache = test::filled_cache(inputs);
  const MonitorOptions options{.epsilon = 0.002, .mass = 0.1, .sinks = 3};
  const std::vector<double> out = monitor(cache, inputs, options);
  const reference::Tensors tensors = inputs.tensors();
  for (const reference::Row row : inputs.each_row()) {
    const test::RowError error(tensors, row);
    const double* const seen = out.data() + (row.query * inputs.shape.heads + row.head) * kMonitored;
    std::vector<double> p, s;
    double sink = 0.0;
    for (std::size_t j = 0; j < error.p.size(); ++j) {
      if (error.scores[j] == -INFINITY) continue;
      p.push_back(error.p[j]);
      s.push_back(error.scores[j]);
      if (j < 3) sink += error.p[j];
    }
    const double n = static_cast<double>(p.size());
    double entropy = 0.0, mean = 0.0, squares = 0.0, effective = 0.0, visible = 0.0;
    for (std::size_t j = 0; j < p.size(); ++j) {
      entropy -= p[j] * std::log(p[j]);
      mean += s[j] / n;
      effective += p[j] > 0.002 ? 1.0 : 0.0;
      visible += p[j] > 0x1p-25 ? 1.0 : 0.0;
    }
    for (const double x : s) squares += (x - mean) * (x - mean) / n;
    const double small = 1e-5;  // every number is a mean or a count of what is within `error` of the exact
    EXPECT_NEAR(seen[0], reference::log_sum_exp(error.scores), small);
    EXPECT_NEAR(seen[1], entropy, small);
    EXPECT_NEAR(seen[2], effective, 1.0);
    EXPECT_NEAR(seen[3], visible, 1.0);
    EXPECT_NEAR(seen[4], sink, small);
    EXPECT_NEAR(seen[5], error.p.back(), small);
    EXPECT_NEAR(seen[6], std::sqrt(squares), small);
    EXPECT_NEAR(seen[7], *std::max_element(p.begin(), p.end()), small);
    // As many as are needed, and of Gaussian scores few more.
    std::sort(p.begin(), p.end(), std::greater<>());
    const double kept = std::accumulate(p.begin(), p.begin() + static_cast<std::ptrdiff_t>(seen[8]), 0.0);
    EXPECT_GE(kept, 0.9 - small);
    std::size_t fewest = 0;
    for (double mass = 0.0; mass < 0.9 - small && fewest < p.size();) mass += p[fewest++];
    EXPECT_LE(seen[8], most * static_cast<double>(fewest) + 5.0);
    EXPECT_NEAR(seen[9], std::clamp(1.0 - squares / (2.0 * std::log(n)), 0.0, 1.0), small);
  }
}

TEST(Monitor, SaysWhatTheFormulasSay) {
  AttentionShape shape = test::newest(2, 1500, 16);
  shape.heads = 2;
  for (const double sigma : {0.5, 1.0, 3.0, 6.0}) {
    SCOPED_TRACE(sigma);
    // Sharper than sigma = 3 hardly more than one entry is needed, and no spread says which.
    expect_monitored(test::gaussian_inputs(shape, sigma), sigma < 2.0 ? 1.3 : 20.0);
  }
  shape.window = 200;
  expect_monitored(test::gaussian_inputs(shape), 1.6);
}

TEST(Monitor, SeesEvenAttentionDisappearInAFloatAccumulator) {
  // Equal scores: p = 1 / n, which is above 2^-25 for every n that a cache holds.
  AttentionShape shape = test::newest(1, 3000, 8);
  test::Inputs inputs = test::gaussian_inputs(shape);
  std::fill_n(inputs.k.data(), 3000 * 8, 0.25f);
  const std::vector<double> even = monitor(test::filled_cache(inputs), inputs, {});
  EXPECT_NEAR(even[1], std::log(3000.0), 1e-6);
  EXPECT_EQ(even[3], 3000.0);
  // One key far above the others: they are below half a unit in the last place of 1.
  for (std::size_t c = 0; c < 8; ++c) inputs.k[c] = inputs.q[c] * 40.0f;
  const std::vector<double> sharp = monitor(test::filled_cache(inputs), inputs, {});
  EXPECT_LT(sharp[3], 3000.0);
  EXPECT_NEAR(sharp[4], 1.0, 1e-5);
}

TEST(Monitor, GivesTheSameBitsForAnyNumberOfThreads) {
  AttentionShape shape = test::newest(9, 2100, 16);
  shape.heads = 4;
  shape.kv_heads = 2;
  const test::Inputs inputs = test::gaussian_inputs(shape);
  const KvCache cache = test::filled_cache(inputs);
  EXPECT_EQ(monitor(cache, inputs, {}, 1), monitor(cache, inputs, {}, 3));
}

TEST(Monitor, LeavesTheBitsOfTheOutputAlone) {
  AttentionShape shape = test::newest(3, 2100, 16);
  shape.heads = 2;
  for (const simd::RowType type : test::kRowTypes) {
    const test::Inputs inputs = test::gaussian_inputs(shape);
    const KvCache cache = test::filled_cache(inputs, type);
    const test::Exact alone = test::decode(cache, inputs);
    std::vector<float> out(inputs.out_size()), lse(inputs.rows());
    std::vector<double> seen(inputs.rows() * kMonitored);
    TaskPool pool;
    MonitorOptions options;
    options.out = seen.data();
    CacheAttention job(cache, test::decode_problem(inputs, out.data(), lse.data()), options, pool);
    ASSERT_TRUE(job.status().ok());
    job.run({0, job.units()});
    EXPECT_TRUE(test::same_bits(alone.out, out));
    EXPECT_TRUE(test::same_bits(alone.lse, lse));
    EXPECT_EQ(seen, monitor(cache, inputs, {}));
  }
}

TEST(Monitor, SpoiledRowsAreNotANumberAndEmptyOnesZero) {
  test::Inputs inputs = test::gaussian_inputs(test::newest(1, 1100, 8));
  inputs.k[1030 * 8] = NAN;
  EXPECT_TRUE(std::isnan(monitor(test::filled_cache(inputs), inputs, {})[1]));
  const test::Inputs nothing = test::gaussian_inputs(test::newest(1, 0, 8));
  const KvCache empty = test::empty_cache(nothing.shape);
  for (const double x : monitor(empty, nothing, {})) EXPECT_EQ(x, 0.0);
}

}  // namespace
}  // namespace heed
