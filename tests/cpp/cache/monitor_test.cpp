// The monitor's numbers against their formulas in double.
#include "cache/monitor.hpp"

#include <gtest/gtest.h>

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
  CacheMonitor job(cache, problem, options, pool);
  EXPECT_TRUE(job.status().ok()) << job.status().detail;
  job.run({0, job.units()});
  return out;
}

void expect_monitored(const test::Inputs& inputs) {
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
    // As many as are needed, and no more than those whose scores are 1/64 lower.
    std::sort(p.begin(), p.end(), std::greater<>());
    std::size_t fewest = 0;
    for (double kept = 0.0; kept < 0.9 - small && fewest < p.size();) kept += p[fewest++];
    std::size_t most = fewest;
    while (most < p.size() && p[most] >= p[fewest - 1] * std::exp(-1.0 / 64.0) * 0.9999) ++most;
    EXPECT_GE(seen[8], static_cast<double>(fewest));
    EXPECT_LE(seen[8], static_cast<double>(most) + 1.0);
    EXPECT_NEAR(seen[9], std::clamp(1.0 - squares / (2.0 * std::log(n)), 0.0, 1.0), small);
  }
}

TEST(Monitor, SaysWhatTheFormulasSay) {
  AttentionShape shape = test::newest(2, 1500, 16);
  shape.heads = 2;
  for (const double sigma : {0.5, 1.0, 3.0, 6.0}) {
    SCOPED_TRACE(sigma);
    expect_monitored(test::gaussian_inputs(shape, sigma));
  }
  shape.window = 200;
  expect_monitored(test::gaussian_inputs(shape));
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

}  // namespace
}  // namespace heed
