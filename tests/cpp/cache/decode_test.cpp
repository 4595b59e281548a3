// Exact decoding over a cache against the oracle, on what the cache holds after rounding, however sums are kept.
#include <gtest/gtest.h>

#include "support/cached.hpp"
#include "support/exact_checks.hpp"
#include "support/shapes.hpp"

namespace heed {
namespace {

using simd::RowType;

constexpr Accumulate kAll[] = {Accumulate::kFloat, Accumulate::kCompensated, Accumulate::kDouble};

void expect_decode(test::Inputs inputs) {
  for (const RowType type : test::kRowTypes) {
    const KvCache cache = test::filled_cache(inputs, type);
    for (const Accumulate accumulate : kAll) {
      SCOPED_TRACE(::testing::Message() << test::name_of(type) << ", accumulate " << static_cast<int>(accumulate));
      inputs.accumulate = accumulate;
      test::expect_exact(test::as_cached(cache, inputs), test::decode(cache, inputs));
    }
  }
}

TEST(Decode, IsExactAtEveryLength) {
  for (const std::size_t n : test::around({1, 2, simd::kLanes, kPageTokens, 2 * kPageTokens, kDecodeChunk})) {
    SCOPED_TRACE(n);
    expect_decode(test::gaussian_inputs(test::newest(1, n, 16)));
  }
}

TEST(Decode, IsExactForEveryHeadSize) {
  for (const std::size_t d : test::head_dims()) {
    SCOPED_TRACE(d);
    AttentionShape shape = test::newest(1, 70, d);
    shape.value_dim = d + 3;
    expect_decode(test::gaussian_inputs(shape));
  }
}

TEST(Decode, SharesKeysAmongTheHeadsOfAGroup) {
  for (const std::size_t group : {1u, 2u, 3u, 4u, 5u, 8u}) {
    for (const std::size_t queries : {1u, 2u, 7u, 8u, 9u, 20u}) {
      SCOPED_TRACE(::testing::Message() << group << " heads a group, " << queries << " queries");
      AttentionShape shape = test::newest(queries, 300, 20);
      shape.heads = 2 * group;
      shape.kv_heads = 2;
      expect_decode(test::gaussian_inputs(shape));
    }
  }
}

TEST(Decode, MoreQueriesThanTokensSeeNothingAtFirst) { expect_decode(test::gaussian_inputs(test::newest(7, 3, 8))); }

TEST(Decode, OfNothingIsZero) {
  test::Inputs inputs = test::gaussian_inputs(test::newest(2, 0, 8));
  for (const Accumulate accumulate : kAll) {
    inputs.accumulate = accumulate;
    const test::Exact result = test::decode(test::empty_cache(inputs.shape), inputs);
    for (const float x : result.out) EXPECT_EQ(x, 0.0f);
    for (const float x : result.lse) EXPECT_EQ(x, -simd::kInfinity);
  }
}

TEST(Decode, FollowsEveryRule) {
  for (int rule = 0; rule < 6; ++rule) {
    SCOPED_TRACE(rule);
    AttentionShape shape = test::newest(5, 1100, 12);
    shape.heads = 4;
    shape.kv_heads = 2;
    if (rule == 0) shape.window = 30;
    if (rule == 1) shape.window = 300, shape.sinks = 5;
    test::Inputs inputs = test::gaussian_inputs(shape, 2.0);
    if (rule == 2) inputs.softcap = 3.0f;
    if (rule == 3) inputs.bias = test::gaussian(shape.queries * shape.keys, 9);
    if (rule == 4) inputs.bias = test::gaussian(shape.heads * shape.queries * shape.keys, 10);
    if (rule == 5) {
      for (std::size_t i = 0; i < shape.queries * shape.keys; ++i)
        inputs.allowed.push_back(i % 3 == 0 || i < shape.keys ? 0 : 1);  // the first query sees nothing
    }
    expect_decode(inputs);
  }
}

TEST(Decode, SurvivesLargeScores) { expect_decode(test::gaussian_inputs(test::newest(2, 1500, 16), 30.0)); }

TEST(Decode, GivesTheSameBitsForAnyNumberOfThreads) {
  AttentionShape shape = test::newest(3, 5000, 64);
  shape.heads = 4;
  shape.kv_heads = 2;
  test::Inputs inputs = test::gaussian_inputs(shape);
  for (const RowType type : test::kRowTypes) {
    const KvCache cache = test::filled_cache(inputs, type);
    for (const Accumulate accumulate : kAll) {
      inputs.accumulate = accumulate;
      const test::Exact one = test::decode(cache, inputs, 1);
      for (const std::size_t threads : {2u, 3u}) {
        const test::Exact more = test::decode(cache, inputs, threads);
        EXPECT_TRUE(test::same_bits(one.out, more.out)) << test::name_of(type);
        EXPECT_TRUE(test::same_bits(one.lse, more.lse)) << test::name_of(type);
      }
    }
  }
}

// The largest distance of an output from the oracle's, relative to it.
double off(const KvCache& cache, test::Inputs inputs, Accumulate accumulate) {
  inputs.accumulate = accumulate;
  const test::Exact result = test::decode(cache, inputs);
  const test::Inputs held = test::as_held(cache, inputs);
  double largest = 0.0;
  for (const reference::Row row : held.each_row()) {
    const std::vector<double> p = reference::softmax(reference::scores(held.tensors(), row));
    const std::vector<double> expected = reference::mix(held.tensors(), row, p);
    for (std::size_t c = 0; c < expected.size(); ++c)
      largest = std::max(largest, std::abs(double{result.out[held.out_at(row) + c]} / expected[c] - 1.0));
  }
  return largest;
}

// One token, and many after it whose weights are each half of what a float near 1 can tell apart: a float sum sees none
// of those that come after the first in its chunk.
TEST(Decode, CollapsedAttentionLosesNothingInDouble) {
  AttentionShape shape = test::newest(1, 65536, 1);
  shape.value_dim = 3;
  std::vector<float> keys(shape.keys, -18.1f), values(3 * shape.keys, 1.0f);
  keys[0] = 0.0f;
  test::Inputs inputs(shape, {1.0f}, keys, values);
  for (const RowType type : test::kRowTypes) {
    SCOPED_TRACE(test::name_of(type));
    const KvCache cache = test::filled_cache(inputs, type);
    EXPECT_GT(off(cache, inputs, Accumulate::kFloat), 1e-5);
    EXPECT_LT(off(cache, inputs, Accumulate::kCompensated), 2e-6);
    EXPECT_LE(off(cache, inputs, Accumulate::kDouble), 0x1.001p-24);
  }
}

// Uniform weights over many tokens; whole numbers in 127ths, so that every type holds the same values.
TEST(Decode, EvenAttentionIsRoundedOnceInDouble) {
  AttentionShape shape = test::newest(2, 40000, 4);
  shape.value_dim = 5;
  std::vector<float> values = test::whole_numbers(5 * shape.keys, 7, 126);
  for (std::size_t t = 0; t < shape.keys; ++t) values[5 * t] = 127.0f;
  for (float& x : values) x = x / 128.0f + 1.0f;
  for (std::size_t t = 0; t < shape.keys; ++t) values[5 * t] = 1.984375f;
  const test::Inputs inputs(shape, std::vector<float>(8, 0.0f), test::gaussian(4 * shape.keys, 8), values);
  for (const RowType type : test::kRowTypes) {
    SCOPED_TRACE(test::name_of(type));
    const KvCache cache = test::filled_cache(inputs, type);
    EXPECT_LE(off(cache, inputs, Accumulate::kCompensated), 0x1p-22);
    EXPECT_LE(off(cache, inputs, Accumulate::kDouble), 0x1.001p-24);
  }
}

TEST(Decode, WhatARowDoesNotSeeCannotChangeIt) {
  for (const RowType type : test::kRowTypes) {
    for (const float spoiler : {NAN, INFINITY}) {
      for (const Accumulate accumulate : kAll) {
        SCOPED_TRACE(::testing::Message() << test::name_of(type) << ", " << spoiler);
        AttentionShape shape = test::newest(4, 600, 16);
        shape.window = 100;
        test::Inputs inputs = test::gaussian_inputs(shape);
        inputs.accumulate = accumulate;
        const test::Exact clean = test::decode(test::filled_cache(inputs, type), inputs);
        // Before every window, and the last token, which only the last query sees.
        for (const std::size_t t : {20u, 400u, 599u}) {
          inputs.k[t * 16 + 3] = spoiler;
          inputs.v[t * 16 + 5] = spoiler;
        }
        const test::Exact spoiled = test::decode(test::filled_cache(inputs, type), inputs);
        EXPECT_TRUE(test::same_bits(clean.out.data(), spoiled.out.data(), 3 * 16));
        EXPECT_TRUE(std::isnan(spoiled.out[3 * 16 + 5]));
      }
    }
  }
}

// From the products on: f32 and f16 hold numbers that the oracle has, too.
TEST(Decode, DoubleRoundsNothingButTheResult) {
  const test::Inputs inputs = test::gaussian_inputs(test::newest(3, 1500, 37), 3.0);
  for (const RowType type : {RowType::kFloat, RowType::kHalf})
    EXPECT_LE(off(test::filled_cache(inputs, type), inputs, Accumulate::kDouble), 0x1.001p-24) << test::name_of(type);
}

// A half float's product needs 2^112 more than it has; a query with so large a number takes none of it.
TEST(Decode, HalfFloatsTakeQueriesAsLargeAsFloatsDo) {
  for (const float largest : {1e18f, 2.3e21f, 2.4e21f, 5e21f, 1e28f, 3e33f}) {
    SCOPED_TRACE(largest);
    AttentionShape shape = test::newest(3, 1500, 20);
    shape.heads = 2;
    test::Inputs inputs = test::tied_inputs(shape, 3);
    // One row of the block alone, so that the others must not feel it.
    for (std::size_t c = 0; c < 20; ++c) inputs.q[(2 + 1) * 20 + c] *= largest;
    const KvCache floats = test::filled_cache(inputs), halves = test::filled_cache(inputs, RowType::kHalf);
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t h = 0; h < 2; ++h)
        ASSERT_TRUE(
            test::same_bits(test::cached_scores(floats, inputs, i, h), test::cached_scores(halves, inputs, i, h)));
    for (const float x : test::decode(halves, inputs).out) ASSERT_TRUE(std::isfinite(x));
  }
}

TEST(Decode, RefusesWhatCannotBe) {
  const test::Inputs inputs = test::gaussian_inputs(test::newest(1, 4, 8));
  const KvCache cache = test::filled_cache(inputs);
  TaskPool pool;
  DecodeProblem problem = test::decode_problem(inputs, nullptr, nullptr);
  problem.layer = 1;
  EXPECT_EQ(CacheAttention(cache, problem, pool).status().code, ErrorCode::kInvalidArgument);
  problem.layer = 0;
  problem.heads = 0;
  EXPECT_EQ(CacheAttention(cache, problem, pool).status().code, ErrorCode::kInvalidArgument);
  problem.heads = 1;
  problem.scale = NAN;
  EXPECT_EQ(CacheAttention(cache, problem, pool).status().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(PreciseCacheAttention(cache, problem, pool).status().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace heed
