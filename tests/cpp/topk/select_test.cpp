#include "topk/select.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.hpp"
#include "reference/selection.hpp"
#include "simd/block.hpp"
#include "support/compare.hpp"
#include "support/guarded.hpp"
#include "support/seed.hpp"
#include "topk/order.hpp"

namespace heed {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const float kSpecial[] = {NAN,
                          -NAN,
                          0.0f,
                          -0.0f,
                          kInfinity,
                          -kInfinity,
                          std::numeric_limits<float>::max(),
                          -std::numeric_limits<float>::max(),
                          std::numeric_limits<float>::denorm_min(),
                          -std::numeric_limits<float>::denorm_min(),
                          std::numeric_limits<float>::min(),
                          1.0f};

// Few different values, so that most are tied; every third case has specials among them.
std::vector<float> random_scores(std::uint64_t number) {
  const CounterRandom random(test::seed(), 100 + number);
  std::vector<float> scores(1 + random.bits(0) % 40);
  const std::uint64_t kinds = 1 + random.bits(1) % 7;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const std::uint64_t draw = random.bits(2 + i);
    scores[i] = static_cast<float>(draw % kinds) - 3.0f;
    if (number % 3 == 0 && draw % 5 == 0) scores[i] = kSpecial[draw / 5 % std::size(kSpecial)];
    if (number % 3 == 1)
      scores[i] = static_cast<float>(random.uniform(1000 + i) - 0.5) * (draw % 2 == 0 ? 1e-3f : 1e3f);
  }
  return scores;
}

TEST(Order, IsTotalAndAgreesWithTheKey) {
  std::vector<float> all(std::begin(kSpecial), std::end(kSpecial));
  for (const float a : all)
    for (const float b : all) {
      const bool before = ranks_before({a, 1}, {b, 2}), after = ranks_before({b, 2}, {a, 1});
      ASSERT_NE(before, after) << a << " " << b;
      const bool tied = rank_key(a) == rank_key(b);
      ASSERT_EQ(tied, before && ranks_before({a, 2}, {b, 3}) && ranks_before({b, 2}, {a, 3})) << a << " " << b;
      if (!tied) ASSERT_EQ(rank_key(a) > rank_key(b), before) << a << " " << b;
    }
}

TEST(SelectTopK, IsTheSortedBeginningOnTenThousandCases) {
  for (std::uint64_t number = 0; number < 10000; ++number) {
    const std::vector<float> scores = random_scores(number);
    const std::size_t k = number % (scores.size() + 3);
    std::vector<std::uint32_t> sorted(scores.size());
    for (std::uint32_t i = 0; i < sorted.size(); ++i) sorted[i] = i;
    std::sort(sorted.begin(), sorted.end(),
              [&](std::uint32_t a, std::uint32_t b) { return ranks_before({scores[a], a}, {scores[b], b}); });
    sorted.resize(std::min(k, sorted.size()));
    ASSERT_EQ(sorted, reference::first_k(scores, k)) << "case " << number << ": the order is not the oracle's";

    test::Guarded<std::uint32_t> indices(sorted.size());
    test::Guarded<float> values(sorted.size());
    ASSERT_EQ(select_top_k(scores.data(), scores.size(), k, indices.data(), values.data()), sorted.size());
    ASSERT_EQ(indices.values(), sorted) << "case " << number << ", k " << k;
    for (std::size_t i = 0; i < sorted.size(); ++i)
      ASSERT_TRUE(test::same_bits(&scores[sorted[i]], &values[i], 1)) << "case " << number;
    ASSERT_TRUE(indices.guards_intact() && values.guards_intact()) << "case " << number;
  }
}

TEST(KthBest, IsTheScoreOfRankKAndCountsItsTies) {
  for (std::uint64_t number = 0; number < 10000; ++number) {
    const std::vector<float> scores = random_scores(number);
    const std::size_t k = 1 + number % scores.size();
    const std::vector<std::uint32_t> sorted = reference::first_k(scores, k);
    const Cut cut = kth_best(scores.data(), scores.size(), k);
    const float last = scores[sorted.back()];
    ASSERT_TRUE(cut.score == last || (std::isnan(cut.score) && std::isnan(last))) << "case " << number;
    std::size_t ties = 0;
    for (const std::uint32_t i : sorted) ties += rank_key(scores[i]) == rank_key(last) ? 1 : 0;
    ASSERT_EQ(cut.ties_kept, ties) << "case " << number;
  }
}

TEST(KeepBest, KeepsTheFirstKInTheOrderOfTheirIndices) {
  for (std::uint64_t number = 0; number < 10000; ++number) {
    std::vector<float> scores = random_scores(number);
    for (float& score : scores) score = std::isnan(score) ? 0.5f : score;  // the caller promises that there is none
    const std::size_t k = number % (scores.size() + 1);
    std::vector<std::uint32_t> expected = reference::first_k(scores, k);
    const float last = k == 0 ? kInfinity : scores[expected.back()];
    std::sort(expected.begin(), expected.end());
    std::vector<float> padded = scores;
    padded.resize(round_up(scores.size(), simd::kLanes), NAN);
    test::Guarded<float> kept(padded);
    test::Guarded<std::uint32_t> indices(scores.size());
    for (std::uint32_t i = 0; i < scores.size(); ++i) indices[i] = 3 * i + 7;
    const float cut = keep_best(kept.data(), indices.data(), scores.size(), k);
    ASSERT_EQ(cut, last) << "case " << number;
    for (std::size_t i = 0; i < k; ++i) {
      ASSERT_EQ(indices[i], 3 * expected[i] + 7) << "case " << number << ", k " << k;
      ASSERT_TRUE(test::same_bits(&scores[expected[i]], &kept[i], 1)) << "case " << number;
    }
    ASSERT_TRUE(kept.guards_intact() && indices.guards_intact());
  }
}

TEST(SelectTopK, HandlesManyScoresOfEveryDistribution) {
  constexpr std::size_t kCount = 5000;
  for (int kind = 0; kind < 5; ++kind) {
    std::vector<float> scores(kCount);
    CounterRandom(test::seed(), 50).fill_normal(0, kCount, scores.data());
    for (std::size_t i = 0; i < kCount; ++i) {
      if (kind == 1) scores[i] = static_cast<float>(i);        // ascending
      if (kind == 2) scores[i] = -static_cast<float>(i);       // descending
      if (kind == 3) scores[i] = 1.0f;                         // one value
      if (kind == 4) scores[i] = 1.0f + scores[i] * 0x1p-22f;  // the lowest byte decides
    }
    for (const std::size_t k : {std::size_t{1}, std::size_t{64}, std::size_t{2500}, kCount}) {
      std::vector<std::uint32_t> indices(k);
      std::vector<float> values(k);
      ASSERT_EQ(select_top_k(scores.data(), kCount, k, indices.data(), values.data()), k);
      ASSERT_EQ(indices, reference::first_k(scores, k)) << "kind " << kind << ", k " << k;
    }
  }
}

TEST(SelectTopK, OfNothingIsNothing) {
  EXPECT_EQ(select_top_k(nullptr, 0, 5, nullptr, nullptr), 0u);
  const float one = 1.0f;
  EXPECT_EQ(select_top_k(&one, 1, 0, nullptr, nullptr), 0u);
}

}  // namespace
}  // namespace heed
