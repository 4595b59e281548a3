// The store: what is appended can be read again, through any sequence of calls, and failures change nothing.
#include <gtest/gtest.h>

#include <memory>

#include "base/half.hpp"
#include "base/random.hpp"
#include "support/cached.hpp"

namespace heed {
namespace {

using simd::RowType;

constexpr CacheShape kShape{.layers = 2, .kv_heads = 2, .head_dim = 5, .value_dim = 3, .capacity = 5000};

/// A cache as nested vectors.
struct PlainCache {
  std::vector<std::vector<float>> keys, values;  // per layer, token-major
  explicit PlainCache(const CacheShape& s) : keys(s.layers), values(s.layers) {}
};

float as_stored(RowType type, float x) { return type == RowType::kHalf ? widen_half(narrow_half(x)) : x; }

void expect_same(const KvCache& cache, const PlainCache& plain) {
  const CacheShape& s = cache.shape();
  for (std::size_t layer = 0; layer < s.layers; ++layer) {
    const std::size_t key_row = s.kv_heads * s.head_dim, value_row = s.kv_heads * s.value_dim;
    ASSERT_EQ(cache.length(layer), plain.keys[layer].size() / key_row);
    ASSERT_EQ(cache.pages(layer), (cache.length(layer) + kPageTokens - 1) / kPageTokens) << "unused pages are kept";
    for (std::size_t t = 0; t < cache.length(layer); ++t) {
      for (std::size_t g = 0; g < s.kv_heads; ++g) {
        std::vector<float> key(s.head_dim), value(s.value_dim);
        cache.read(layer, g, t, key.data(), value.data());
        const auto check = [&](const std::vector<float>& read, const float* from) {
          float largest = 0.0f;
          for (std::size_t c = 0; c < read.size(); ++c) largest = std::max(largest, std::abs(from[c]));
          for (std::size_t c = 0; c < read.size(); ++c) {
            // Half a step of the row's scale, and the rounding of the scale and of the product.
            const float tolerance = s.type == RowType::kByte ? largest / 127.0f * 0.50001f : 0.0f;
            ASSERT_NEAR(read[c], as_stored(s.type, from[c]), tolerance) << "layer " << layer << ", token " << t;
          }
        };
        check(key, plain.keys[layer].data() + t * key_row + g * s.head_dim);
        check(value, plain.values[layer].data() + t * value_row + g * s.value_dim);
      }
    }
  }
}

struct Pair {
  KvCache cache;
  PlainCache plain;
};

class Sequence {
 public:
  Sequence(RowType type, std::uint64_t stream) : random_(test::seed(), stream) {
    CacheShape shape = kShape;
    shape.type = type;
    pairs_.push_back(std::make_unique<Pair>(Pair{KvCache(shape), PlainCache(shape)}));
  }

  void step() {
    Pair& pair = *pairs_[below(pairs_.size())];
    const std::size_t choice = below(10);
    if (choice < 5) return append(pair);
    if (choice < 7) return rewind(pair);
    if (choice == 7) return fork(pair);
    if (choice == 8 && pairs_.size() > 1) return drop();
    if (below(4) == 0) clear(pair);
  }

  void check() {
    for (const auto& pair : pairs_) expect_same(pair->cache, pair->plain);
  }

 private:
  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(random_.uniform(count_++) * static_cast<double>(n));
  }

  void append(Pair& pair) {
    const std::size_t layer = below(2), tokens = below(3) == 0 ? below(1500) : below(4);
    const std::vector<float> k = test::gaussian(tokens * 10, 1000 + count_), v = test::gaussian(tokens * 6, count_);
    TaskPool pool;
    const bool fits = pair.cache.length(layer) + tokens <= kShape.capacity;
    const Status status = pair.cache.append(layer, k.data(), v.data(), tokens, pool);
    ASSERT_EQ(status.ok(), fits);
    if (!fits) return;
    pair.plain.keys[layer].insert(pair.plain.keys[layer].end(), k.begin(), k.end());
    pair.plain.values[layer].insert(pair.plain.values[layer].end(), v.begin(), v.end());
  }

  void rewind(Pair& pair) {
    const std::size_t longest = std::max(pair.cache.length(0), pair.cache.length(1));
    const std::size_t length = below(3) == 0 ? below(longest + 2) : longest - std::min(longest, below(5));
    const Status status = pair.cache.rewind(length);
    ASSERT_EQ(status.ok(), length <= longest);
    if (!status.ok()) return;
    for (std::size_t layer = 0; layer < 2; ++layer) {
      pair.plain.keys[layer].resize(std::min(pair.plain.keys[layer].size(), length * 10));
      pair.plain.values[layer].resize(std::min(pair.plain.values[layer].size(), length * 6));
    }
  }

  void fork(Pair& pair) {
    if (pairs_.size() >= 4) return;
    KvCache copy(pair.cache.shape());
    ASSERT_TRUE(copy.fork(pair.cache).ok());
    pairs_.push_back(std::make_unique<Pair>(Pair{std::move(copy), pair.plain}));
  }

  void drop() { pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(below(pairs_.size()))); }

  void clear(Pair& pair) {
    pair.cache.clear();
    pair.plain = PlainCache(kShape);
  }

  CounterRandom random_;
  std::uint64_t count_ = 0;
  std::vector<std::unique_ptr<Pair>> pairs_;
};

TEST(KvCache, HoldsWhatAPlainModelHoldsThroughAnySequenceOfCalls) {
  const std::size_t before = live_bytes();
  for (const RowType type : test::kRowTypes) {
    for (std::uint64_t stream = 0; stream < 6; ++stream) {
      SCOPED_TRACE(::testing::Message() << test::name_of(type) << ", sequence " << stream);
      Sequence sequence(type, stream);
      for (int i = 0; i < 40; ++i) {
        sequence.step();
        if (i % 8 == 7) sequence.check();
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
  EXPECT_EQ(live_bytes(), before) << "pages are lost";
}

TEST(KvCache, AForkCostsNothingUntilItIsWrittenTo) {
  TaskPool pool;
  KvCache cache(kShape);
  const std::vector<float> k = test::gaussian(3000 * 10, 1), v = test::gaussian(3000 * 6, 2);
  for (std::size_t layer = 0; layer < 2; ++layer) ASSERT_TRUE(cache.append(layer, k.data(), v.data(), 3000, pool).ok());
  const std::size_t before = live_bytes(), page = cache.layout().page_bytes();
  KvCache copy(kShape);
  ASSERT_TRUE(copy.fork(cache).ok());
  EXPECT_LT(live_bytes() - before, page);
  ASSERT_TRUE(copy.append(0, k.data(), v.data(), 1, pool).ok());
  EXPECT_LT(live_bytes() - before, 2 * page);
  EXPECT_EQ(cache.length(0), 3000u);
}

TEST(KvCache, ForksGrowApart) {
  TaskPool pool;
  for (const RowType type : test::kRowTypes) {
    CacheShape shape = kShape;
    shape.type = type;
    Pair one{KvCache(shape), PlainCache(shape)};
    const auto add = [&](Pair& pair, std::uint64_t stream) {
      const std::vector<float> k = test::gaussian(30 * 10, stream), v = test::gaussian(30 * 6, stream + 1);
      ASSERT_TRUE(pair.cache.append(1, k.data(), v.data(), 30, pool).ok());
      pair.plain.keys[1].insert(pair.plain.keys[1].end(), k.begin(), k.end());
      pair.plain.values[1].insert(pair.plain.values[1].end(), v.begin(), v.end());
    };
    add(one, 1);
    Pair two{KvCache(shape), one.plain};
    ASSERT_TRUE(two.cache.fork(one.cache).ok());
    add(one, 3);
    add(two, 5);
    add(one, 7);
    expect_same(one.cache, one.plain);
    expect_same(two.cache, two.plain);
  }
}

TEST(KvCache, KnowsTheLargestNormOfItsKeys) {
  for (const RowType type : test::kRowTypes) {
    const test::Inputs inputs = test::gaussian_inputs(test::newest(1, 2100, 9));
    const KvCache cache = test::filled_cache(inputs, type);
    double largest = 0.0;
    for (std::size_t t = 0; t < 2100; ++t) {
      float key[9];
      cache.read(0, 0, t, key, nullptr);
      double squares = 0.0;
      for (const float x : key) squares += double{x} * double{x};
      largest = std::max(largest, std::sqrt(squares));
      const double known = cache.key_norm(0, 0, t + 1);
      ASSERT_GE(known, largest) << "the norm is that of too few keys";
      ASSERT_LE(known, largest * (1.0 + 1e-6));
    }
  }
}

TEST(KvCache, NeverMovesWhatItHolds) {
  TaskPool pool;
  KvCache cache(kShape);
  const std::vector<float> k = test::gaussian(1024 * 10, 1), v = test::gaussian(1024 * 6, 2);
  ASSERT_TRUE(cache.append(0, k.data(), v.data(), 1024, pool).ok());
  const std::byte* const first = cache.page(0, 0);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(cache.append(0, k.data(), v.data(), 1024, pool).ok());
  EXPECT_EQ(cache.page(0, 0), first);
}

TEST(KvCache, RefusesWhatCannotBe) {
  for (auto change : {+[](CacheShape& s) { s.layers = 0; }, +[](CacheShape& s) { s.kv_heads = 0; },
                      +[](CacheShape& s) { s.head_dim = 0; }, +[](CacheShape& s) { s.value_dim = 0; },
                      +[](CacheShape& s) { s.capacity = 0; }, +[](CacheShape& s) { s.capacity = (1u << 24) + 1; },
                      +[](CacheShape& s) { s.head_dim = SIZE_MAX / 2; }}) {
    CacheShape shape = kShape;
    change(shape);
    EXPECT_FALSE(KvCache(shape).status().ok());
  }
  TaskPool pool;
  KvCache cache(kShape);
  EXPECT_EQ(cache.append(2, nullptr, nullptr, 0, pool).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(cache.append(0, nullptr, nullptr, 5001, pool).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(cache.rewind(1).code, ErrorCode::kInvalidArgument);
}

TEST(NarrowHalf, RoundsToTheNearestHalf) {
  // Every half comes back, and a float between two neighbors goes to the nearer one, to the even one from the middle.
  for (std::uint32_t bits = 0; bits < 0x7C00u; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float x = widen_half(half);
    ASSERT_EQ(narrow_half(x), half);
    ASSERT_EQ(narrow_half(-x), half | 0x8000u);
    if (bits + 1 == 0x7C00u) continue;
    const float next = widen_half(static_cast<std::uint16_t>(bits + 1)), middle = 0.5f * (x + next);
    ASSERT_EQ(narrow_half(middle), bits % 2 == 0 ? half : half + 1);
    ASSERT_EQ(narrow_half(std::nextafter(middle, 0.0f)), half);
    ASSERT_EQ(narrow_half(std::nextafter(middle, 1e6f)), half + 1);
  }
  EXPECT_EQ(narrow_half(65519.9f), 0x7BFFu);
  EXPECT_EQ(narrow_half(65520.0f), 0x7C00u);
  EXPECT_EQ(narrow_half(INFINITY), 0x7C00u);
  EXPECT_TRUE(std::isnan(widen_half(narrow_half(NAN))));
}

}  // namespace
}  // namespace heed
