// What tokens received over many steps, beside a plain sum of the oracle's probabilities that goes through the same
// appends, rewinds, forks, evictions and savings.
#include "cache/recorded_attention.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "cache/evict.hpp"
#include "cache/saved_cache.hpp"
#include "support/cached.hpp"
#include "support/compare.hpp"

namespace heed {
namespace {

using simd::RowType;

AttentionShape shape_of(std::size_t queries, std::size_t tokens) {
  AttentionShape s = test::newest(queries, tokens, 12);
  s.heads = 4;
  s.kv_heads = 2;
  s.value_dim = 5;
  return s;
}

/// A cache, and head by head the sums that its tokens should have.
struct Recorded {
  KvCache cache;
  std::vector<std::vector<double>> sums{2};
  std::uint64_t stream = 100;

  explicit Recorded(RowType type) : cache(test::empty_cache(shape_of(1, 0), type)) {}

  std::size_t length() const { return cache.length(0); }

  void append(std::size_t tokens) {
    const AttentionShape s = shape_of(1, tokens);
    stream += 2;
    const test::Inputs fresh(s, {}, test::gaussian(test::key_size(s), stream),
                             test::gaussian(test::value_size(s), stream + 1));
    test::append(cache, fresh, {0, tokens});
    for (std::vector<double>& one : sums) one.resize(length(), 0.0);
  }

  test::Inputs queries(std::size_t count, double sigma = 2.0) {
    const AttentionShape s = shape_of(count, length());
    test::Inputs inputs(s, test::gaussian(test::query_size(s), ++stream, sigma), std::vector<float>(test::key_size(s)),
                        std::vector<float>(test::value_size(s)));
    return test::as_held(cache, inputs);
  }

  /// A step whose attention is recorded.
  void attend(std::size_t count, Accumulate accumulate = Accumulate::kFloat, std::size_t window = 0) {
    test::Inputs inputs = queries(count);
    inputs.accumulate = accumulate;
    inputs.shape.window = window;
    std::vector<double> received(2 * length(), NAN);
    std::vector<float> out(inputs.out_size());
    MonitorOptions monitor;
    monitor.received = received.data();
    TaskPool pool;
    test::run_decode(cache, test::decode_problem(inputs, out.data(), nullptr), monitor, 2);
    ASSERT_TRUE(cache.record(0, received.data(), length(), pool).ok());
    // From scores in float, whatever the output comes from.
    inputs.accumulate = Accumulate::kFloat;
    const test::Inputs seen = test::as_cached(cache, inputs);
    for (const reference::Row row : seen.each_row()) {
      const std::vector<double> p = reference::softmax(reference::scores(seen.tensors(), row));
      for (std::size_t j = 0; j < p.size(); ++j) sums[row.head / 2][j] += p[j];
    }
  }

  void rewind(std::size_t to) {
    ASSERT_TRUE(cache.rewind(to).ok());
    for (std::vector<double>& one : sums) one.resize(to);
  }

  /// Float scores move a probability by a few millionths of itself.
  void expect_sums(const KvCache& of) const {
    for (std::size_t g = 0; g < 2; ++g)
      for (std::size_t t = 0; t < length(); ++t)
        ASSERT_NEAR(of.recorded().sum(0, g, t), sums[g][t], 2e-5 * sums[g][t] + 1e-9)
            << "head " << g << ", token " << t;
  }
};

TEST(RecordedAttention, IsTheSumOfTheProbabilitiesOfAllSteps) {
  for (const RowType type : test::kRowTypes) {
    SCOPED_TRACE(test::name_of(type));
    Recorded one(type);
    one.append(40);
    one.attend(12);
    for (std::size_t step = 0; step < 60; ++step) {
      one.append(1 + step % 3);
      // Not every step is recorded.
      if (step % 4 != 3) one.attend(1, step % 2 == 0 ? Accumulate::kFloat : Accumulate::kDouble, step == 8 ? 9 : 0);
    }
    one.expect_sums(one.cache);
    // Every row of the 4 heads gave 1.
    const double all = std::accumulate(one.sums[0].begin(), one.sums[0].end(), 0.0);
    EXPECT_NEAR(all, 2.0 * (12 + 45), 1e-9);
  }
}

TEST(RecordedAttention, FollowsItsTokens) {
  Recorded one(RowType::kHalf);
  one.append(3000);
  one.attend(3);
  one.append(2000);
  one.attend(2);
  one.expect_sums(one.cache);
  // A fork keeps what was recorded before it, and what either records afterwards is its own.
  KvCache fork(one.cache.shape());
  ASSERT_TRUE(fork.fork(one.cache).ok());
  const std::vector<std::vector<double>> before = one.sums;
  one.rewind(4500);
  one.append(10);
  one.attend(1);
  one.expect_sums(one.cache);
  for (std::size_t g = 0; g < 2; ++g)
    for (std::size_t t = 0; t < 5000; ++t) ASSERT_NEAR(fork.recorded().sum(0, g, t), before[g][t], 1e-6);
  fork.clear();
  EXPECT_EQ(fork.recorded().sum(0, 0, 0), 0.0);
}

TEST(RecordedAttention, CostsNothingBeforeItIsAsked) {
  Recorded one(RowType::kFloat);
  one.append(10);
  const std::size_t before = one.cache.bytes();
  EXPECT_FALSE(one.cache.recorded().started());
  one.attend(1);
  EXPECT_GE(one.cache.bytes(), before + 2 * 10 * sizeof(double));
}

TEST(RecordedAttention, IsSavedAndRestored) {
  Recorded one(RowType::kFloat);
  one.append(1300);
  one.attend(2);
  one.append(20);
  std::vector<std::byte> bytes(saved_bytes(one.cache));
  save_cache(one.cache, bytes.data());
  KvCache other = test::empty_cache(shape_of(1, 0));
  ASSERT_TRUE(restore_cache(bytes.data(), bytes.size(), other).ok());
  one.expect_sums(other);
  std::vector<std::byte> again(saved_bytes(other));
  save_cache(other, again.data());
  EXPECT_EQ(again, bytes);
  // What is no sum of probabilities is refused, and changes nothing.
  for (const double spoiler : {double{NAN}, -1.0, double{INFINITY}, -0.0}) {
    std::vector<std::byte> spoiled = bytes;
    std::memcpy(spoiled.data() + spoiled.size() - sizeof(double), &spoiler, sizeof(double));
    EXPECT_EQ(restore_cache(spoiled.data(), spoiled.size(), other).code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(restore_cache(bytes.data(), bytes.size() - 1, other).code, ErrorCode::kInvalidArgument);
    one.expect_sums(other);
  }
}

// Found by fuzzing: nothing was copied from nowhere.
TEST(RecordedAttention, IsSavedAndRestoredWithoutTokens) {
  Recorded one(RowType::kFloat);
  one.append(3);
  one.attend(1);
  ASSERT_TRUE(one.cache.rewind(0, 0).ok());
  std::vector<std::byte> bytes(saved_bytes(one.cache));
  save_cache(one.cache, bytes.data());
  KvCache other = test::empty_cache(shape_of(1, 0));
  ASSERT_TRUE(restore_cache(bytes.data(), bytes.size(), other).ok());
  EXPECT_EQ(other.length(0), 0u);
}

TEST(RecordedAttention, DecidesWhichTokensStay) {
  for (const EvictPolicy policy : {EvictPolicy::kVotes, EvictPolicy::kLoss}) {
    Recorded one(RowType::kByte);
    one.append(500);
    for (std::size_t step = 0; step < 30; ++step) {
      one.append(1);
      one.attend(1);
    }
    const test::Inputs inputs = one.queries(2);
    KvCache before(one.cache.shape());
    ASSERT_TRUE(before.fork(one.cache).ok());
    std::vector<float> lost(inputs.rows(), NAN);
    TaskPool pool;
    const EvictOptions options{
        .policy = policy, .sinks = 1, .recent = 20, .keep = 60, .loss = 0.4, .recorded = true, .lost = lost.data()};
    ASSERT_TRUE(evict(one.cache, test::decode_problem(inputs, nullptr, nullptr), options, pool).ok());
    const std::size_t count = one.length();
    ASSERT_GT(count, 21u);
    if (policy == EvictPolicy::kVotes) ASSERT_EQ(count, 60u);
    // Each head keeps the forced ones and the largest sums, and the sums go with them.
    std::vector<std::vector<std::size_t>> kept(2);
    for (std::size_t g = 0; g < 2; ++g) {
      std::vector<std::size_t> order(530);
      std::iota(order.begin(), order.end(), 0u);
      const auto rank = [&](std::size_t t) { return t < 1 || t >= 510 ? 1e9 : one.sums[g][t]; };
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rank(a) > rank(b); });
      order.resize(count);
      std::sort(order.begin(), order.end());
      kept[g] = order;
      std::vector<double> sums(count);
      for (std::size_t i = 0; i < count; ++i) {
        sums[i] = one.sums[g][order[i]];
        std::vector<float> was(12), is(12);
        before.read(0, g, order[i], was.data(), nullptr);
        one.cache.read(0, g, i, is.data(), nullptr);
        ASSERT_TRUE(test::same_bits(was, is)) << "head " << g << ", token " << i;
      }
      one.sums[g] = sums;
    }
    one.expect_sums(one.cache);
    // The loss is that of the queries of the call.
    const test::Inputs seen = test::as_cached(before, inputs);
    for (const reference::Row row : seen.each_row()) {
      const std::vector<double> p = reference::softmax(reference::scores(seen.tensors(), row));
      double rest = 1.0;
      for (const std::size_t t : kept[row.head / 2]) rest -= t < p.size() ? p[t] : 0.0;
      EXPECT_NEAR(lost[row.query * 4 + row.head], rest, 1e-5);
    }
    one.append(2);
    one.attend(1);
    one.expect_sums(one.cache);
  }
}

TEST(RecordedAttention, MustBeRecordedBeforeItDecides) {
  Recorded one(RowType::kFloat);
  one.append(20);
  const test::Inputs inputs = one.queries(1);
  TaskPool pool;
  const EvictOptions options{.policy = EvictPolicy::kVotes, .keep = 5, .recorded = true};
  const Status status = evict(one.cache, test::decode_problem(inputs, nullptr, nullptr), options, pool);
  EXPECT_EQ(status.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(one.length(), 20u);
}

TEST(RecordedAttention, SpoiledRowsAndRowsThatSeeNothingGiveNothing) {
  Recorded one(RowType::kFloat);
  one.append(5);
  test::Inputs inputs = one.queries(7);
  for (std::size_t c = 0; c < 12; ++c) inputs.q[(6 * 4 + 1) * 12 + c] = NAN;
  std::vector<double> received(10, NAN);
  MonitorOptions monitor;
  monitor.received = received.data();
  test::run_decode(one.cache, test::decode_problem(inputs, nullptr, nullptr), monitor);
  // Queries 0 and 1 see nothing; of the last, head 1 is spoiled.
  EXPECT_NEAR(std::accumulate(received.begin(), received.begin() + 5, 0.0), 9.0, 1e-9);
  EXPECT_NEAR(std::accumulate(received.begin() + 5, received.end(), 0.0), 10.0, 1e-9);
}

}  // namespace
}  // namespace heed
