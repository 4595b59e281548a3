// Exact decoding over a cache against the oracle, on what the cache holds after rounding.
#include <gtest/gtest.h>

#include "support/cached.hpp"
#include "support/exact_checks.hpp"
#include "support/shapes.hpp"

namespace heed {
namespace {

using simd::RowType;

void expect_decode(const test::Inputs& inputs) {
  for (const RowType type : test::kRowTypes) {
    SCOPED_TRACE(test::name_of(type));
    const KvCache cache = test::filled_cache(inputs, type);
    test::expect_exact(test::as_cached(cache, inputs), test::decode(cache, inputs));
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
  const test::Inputs inputs = test::gaussian_inputs(test::newest(2, 0, 8));
  const test::Exact result = test::decode(test::empty_cache(inputs.shape), inputs);
  for (const float x : result.out) EXPECT_EQ(x, 0.0f);
  for (const float x : result.lse) EXPECT_EQ(x, -simd::kInfinity);
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
  const test::Inputs inputs = test::gaussian_inputs(shape);
  for (const RowType type : test::kRowTypes) {
    const KvCache cache = test::filled_cache(inputs, type);
    const test::Exact one = test::decode(cache, inputs, 1);
    for (const std::size_t threads : {2u, 3u}) {
      const test::Exact more = test::decode(cache, inputs, threads);
      EXPECT_TRUE(test::same_bits(one.out, more.out)) << test::name_of(type);
      EXPECT_TRUE(test::same_bits(one.lse, more.lse)) << test::name_of(type);
    }
  }
}

TEST(Decode, WhatARowDoesNotSeeCannotChangeIt) {
  for (const RowType type : test::kRowTypes) {
    for (const float spoiler : {NAN, INFINITY}) {
      SCOPED_TRACE(::testing::Message() << test::name_of(type) << ", " << spoiler);
      AttentionShape shape = test::newest(4, 600, 16);
      shape.window = 100;
      test::Inputs inputs = test::gaussian_inputs(shape);
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
}

}  // namespace
}  // namespace heed
