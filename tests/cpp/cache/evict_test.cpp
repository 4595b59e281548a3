// Eviction: which tokens stay, that they are what they were, and that the loss is what it says.
#include "cache/evict.hpp"

#include <gtest/gtest.h>

#include <map>
#include <numeric>

#include "support/cached.hpp"
#include "support/compare.hpp"

namespace heed {
namespace {

using simd::RowType;

AttentionShape shape() {
  AttentionShape s = test::newest(3, 1400, 12);
  s.heads = 4;
  s.kv_heads = 2;
  s.value_dim = 5;
  return s;
}

std::vector<float> evict_from(KvCache& cache, const test::Inputs& inputs, EvictOptions options) {
  TaskPool pool;
  std::vector<float> lost(inputs.rows(), NAN);
  options.lost = lost.data();
  const Status status = evict(cache, test::decode_problem(inputs, nullptr, nullptr), options, pool);
  EXPECT_TRUE(status.ok()) << status.detail;
  return lost;
}

std::vector<float> token_of(const KvCache& cache, std::size_t g, std::size_t t) {
  std::vector<float> row(cache.shape().head_dim + cache.shape().value_dim);
  cache.read(0, g, t, row.data(), row.data() + cache.shape().head_dim);
  return row;
}

/// Which tokens of `before` head g of `after` holds; they must be in the same order.
std::vector<std::size_t> survivors(const KvCache& before, const KvCache& after, std::size_t g) {
  std::vector<std::size_t> found;
  std::size_t from = 0;
  for (std::size_t t = 0; t < after.length(0); ++t) {
    const std::vector<float> row = token_of(after, g, t);
    while (from < before.length(0) && token_of(before, g, from) != row) ++from;
    EXPECT_LT(from, before.length(0)) << "token " << t << " of head " << g
                                      << " is none that was there, or out of order";
    found.push_back(from++);
  }
  return found;
}

/// Votes in double: sums of p over the rows of a key head.
std::vector<double> votes_of(const test::Inputs& inputs, std::size_t g) {
  std::vector<double> votes(inputs.shape.keys, 0.0);
  for (const reference::Row row : inputs.each_row()) {
    if (row.head / inputs.shape.group() != g) continue;
    const std::vector<double> p = reference::softmax(reference::scores(inputs.tensors(), row));
    for (std::size_t j = 0; j < p.size(); ++j) votes[j] += p[j];
  }
  return votes;
}

void expect_loss(const test::Inputs& inputs, const KvCache& before, const KvCache& after,
                 const std::vector<float>& lost) {
  for (const reference::Row row : inputs.each_row()) {
    const std::vector<double> p = reference::softmax(reference::scores(inputs.tensors(), row));
    double kept = 0.0;
    for (const std::size_t j : survivors(before, after, row.head / inputs.shape.group()))
      kept += j < p.size() ? p[j] : 0;
    EXPECT_NEAR(lost[row.query * inputs.shape.heads + row.head], 1.0 - kept, 1e-5);
  }
}

TEST(Evict, RecentKeepsSinksAndTheWindow) {
  const test::Inputs inputs = test::gaussian_inputs(shape());
  for (const RowType type : test::kRowTypes) {
    const KvCache before = test::filled_cache(inputs, type);
    KvCache cache = test::filled_cache(inputs, type);
    evict_from(cache, inputs, {.policy = EvictPolicy::kRecent, .sinks = 4, .recent = 1100});
    ASSERT_EQ(cache.length(0), 1104u);
    const std::vector<std::size_t> kept = survivors(before, cache, 1);
    EXPECT_EQ(kept[3], 3u);
    EXPECT_EQ(kept[4], 300u);
    EXPECT_EQ(kept.back(), 1399u);
  }
}

TEST(Evict, VotesKeepWhatTheQueriesLookAt) {
  const test::Inputs inputs = test::gaussian_inputs(shape(), 2.0);
  const KvCache before = test::filled_cache(inputs);
  KvCache cache = test::filled_cache(inputs);
  const std::vector<float> lost =
      evict_from(cache, inputs, {.policy = EvictPolicy::kVotes, .sinks = 2, .recent = 5, .keep = 60});
  ASSERT_EQ(cache.length(0), 60u);
  expect_loss(inputs, before, cache, lost);
  for (std::size_t g = 0; g < 2; ++g) {
    const std::vector<std::size_t> kept = survivors(before, cache, g);
    EXPECT_EQ(kept[0], 0u);
    EXPECT_EQ(kept[1], 1u);
    EXPECT_EQ(kept[55], 1395u);
    // No token that went has clearly more votes than one that stayed by votes.
    const std::vector<double> votes = votes_of(inputs, g);
    double least = 1e9;
    for (std::size_t i = 2; i < 55; ++i) least = std::min(least, votes[kept[i]]);
    for (std::size_t j = 2; j < 1395; ++j) {
      if (std::find(kept.begin(), kept.end(), j) == kept.end()) {
        EXPECT_LE(votes[j], least * 1.0001);
      }
    }
  }
}

TEST(Evict, LossKeepsAsFewAsTheBudgetAllows) {
  const test::Inputs inputs = test::gaussian_inputs(shape(), 3.0);
  const KvCache before = test::filled_cache(inputs);
  for (const double budget : {0.01, 0.1, 0.5}) {
    KvCache cache = test::filled_cache(inputs);
    const std::vector<float> lost = evict_from(cache, inputs, {.policy = EvictPolicy::kLoss, .loss = budget});
    expect_loss(inputs, before, cache, lost);
    double worst = 0.0, needed = 0.0;
    for (std::size_t g = 0; g < 2; ++g) {
      std::vector<double> votes = votes_of(inputs, g);
      const double all = std::accumulate(votes.begin(), votes.end(), 0.0);
      std::sort(votes.begin(), votes.end(), std::greater<>());
      double kept = 0.0, count = 0.0;
      while (kept < (1.0 - budget) * all - 1e-5) kept += votes[static_cast<std::size_t>(count++)];
      needed = std::max(needed, count);
      double mean = 0.0;
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t h = 2 * g; h < 2 * g + 2; ++h) mean += double{lost[i * 4 + h]} / 6.0;
      worst = std::max(worst, mean);
    }
    EXPECT_LE(worst, budget + 1e-5);
    EXPECT_NEAR(static_cast<double>(cache.length(0)), needed, 1.0);
  }
}

TEST(Evict, PooledVotesKeepNeighbors) {
  test::Inputs inputs = test::gaussian_inputs(shape());
  for (std::size_t c = 0; c < 12; ++c)
    for (std::size_t g = 0; g < 2; ++g) inputs.k[(700 * 2 + g) * 12 + c] = 20.0f * inputs.q[2 * g * 12 + c];
  const KvCache before = test::filled_cache(inputs);
  KvCache cache = test::filled_cache(inputs);
  evict_from(cache, inputs, {.policy = EvictPolicy::kVotes, .keep = 7, .width = 7});
  EXPECT_EQ(survivors(before, cache, 0), (std::vector<std::size_t>{697, 698, 699, 700, 701, 702, 703}));
}

TEST(Evict, DecodingGoesOnWithWhatIsLeft) {
  const test::Inputs inputs = test::gaussian_inputs(shape());
  for (const RowType type : test::kRowTypes) {
    KvCache cache = test::filled_cache(inputs, type), other = test::filled_cache(inputs, type);
    KvCache shared(cache.shape());
    ASSERT_TRUE(shared.fork(cache).ok());
    test::decode_topk(cache, inputs, {.k = 3}, Estimator::kLinear, CacheSearch::kByte);
    evict_from(cache, inputs, {.policy = EvictPolicy::kVotes, .keep = 100});
    test::append(cache, inputs, {0, 10});
    EXPECT_EQ(cache.length(0), 110u);
    test::Inputs few = inputs;
    few.shape.keys = 110;
    const test::Sparse exact = test::decode_topk(cache, few, {.k = 9}, Estimator::kRaw, CacheSearch::kExact);
    const test::Sparse screened = test::decode_topk(cache, few, {.k = 9}, Estimator::kRaw, CacheSearch::kByte);
    EXPECT_EQ(exact.indices, screened.indices);
    EXPECT_TRUE(test::same_bits(test::decode(shared, inputs).out, test::decode(other, inputs).out)) << "the fork";
  }
}

}  // namespace
}  // namespace heed
