// Saved and restored caches, and bytes that are none.
#include "cache/saved_cache.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "support/cached.hpp"
#include "support/compare.hpp"

namespace heed {
namespace {

using simd::RowType;

std::vector<std::byte> save(const KvCache& cache) {
  std::vector<std::byte> bytes(saved_bytes(cache));
  save_cache(cache, bytes.data());
  return bytes;
}

Status restore(const std::vector<std::byte>& bytes, KvCache& cache) {
  // A copy of exactly the size, so that a sanitizer sees every read behind it.
  const std::vector<std::byte> exact(bytes);
  return restore_cache(exact.data(), exact.size(), cache);
}

AttentionShape shape() {
  AttentionShape s = test::newest(2, 1300, 20);
  s.heads = 4;
  s.kv_heads = 2;
  s.value_dim = 7;
  return s;
}

TEST(SavedCache, GivesTheSameBitsWhenItIsRestored) {
  test::Inputs inputs = test::gaussian_inputs(shape());
  inputs.v[5] = NAN;
  for (const RowType type : test::kRowTypes) {
    KvCache cache = test::filled_cache(inputs, type), other = test::empty_cache(inputs.shape, type);
    test::append(other, inputs, {0, 3});
    const Status status = restore(save(cache), other);
    ASSERT_TRUE(status.ok()) << status.detail;
    EXPECT_EQ(other.length(0), 1300u);
    EXPECT_EQ(save(other), save(cache));
    EXPECT_TRUE(test::same_bits(test::decode(cache, inputs).out, test::decode(other, inputs).out));
    const auto topk = [&](KvCache& one) {
      return test::decode_topk(one, inputs, {.k = 9}, Estimator::kLinear, CacheSearch::kByte);
    };
    const test::Sparse a = topk(cache), b = topk(other);
    EXPECT_TRUE(test::same_bits(a.out, b.out));
    EXPECT_TRUE(test::same_bits(a.bound, b.bound));
    test::append(other, inputs, {0, 10});
    EXPECT_EQ(other.length(0), 1310u);
  }
}

TEST(SavedCache, RefusesOtherShapesAndLeavesTheCacheAsItWas) {
  const test::Inputs inputs = test::gaussian_inputs(shape());
  const std::vector<std::byte> bytes = save(test::filled_cache(inputs));
  for (int change = 0; change < 5; ++change) {
    CacheShape other{.layers = 1, .kv_heads = 2, .head_dim = 20, .value_dim = 7, .capacity = 5000};
    if (change == 0) other.layers = 2;
    if (change == 1) other.kv_heads = 1;
    if (change == 2) other.head_dim = 21;
    if (change == 3) other.value_dim = 8;
    if (change == 4) other.type = RowType::kHalf;
    KvCache cache(other);
    EXPECT_EQ(restore(bytes, cache).code, ErrorCode::kShapeMismatch);
    EXPECT_EQ(cache.length(0), 0u);
  }
  KvCache small({.layers = 1, .kv_heads = 2, .head_dim = 20, .value_dim = 7, .capacity = 1299});
  EXPECT_EQ(restore(bytes, small).code, ErrorCode::kInvalidArgument);
}

TEST(SavedCache, SurvivesAnyBytes) {
  AttentionShape s = shape();
  s.keys = 5;
  const test::Inputs inputs = test::gaussian_inputs(s);
  const CounterRandom random(test::seed(), 77);
  std::uint64_t count = 0;
  for (const RowType type : test::kRowTypes) {
    const std::vector<std::byte> good = save(test::filled_cache(inputs, type));
    KvCache cache = test::filled_cache(inputs, type);
    for (std::size_t size = 0; size < good.size(); ++size) {
      std::vector<std::byte> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
      ASSERT_FALSE(restore(cut, cache).ok()) << "cut to " << size;
    }
    std::vector<std::byte> longer(good);
    longer.push_back(std::byte{0});
    ASSERT_FALSE(restore(longer, cache).ok());
    ASSERT_EQ(save(cache), good) << "a failure changes nothing";
    for (int i = 0; i < 2000; ++i) {
      std::vector<std::byte> changed(good);
      const std::size_t reach = i % 2 == 0 ? 40 : changed.size();
      const auto at = static_cast<std::size_t>(random.uniform(count++) * static_cast<double>(reach));
      changed[at] = static_cast<std::byte>(random.bits(count++) & 255);
      if (restore(changed, cache).ok()) test::decode(cache, inputs);
    }
  }
}

}  // namespace
}  // namespace heed
