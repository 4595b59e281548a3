#include "sparse/key_order.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "sparse/candidates.hpp"

namespace heed {
namespace {

TEST(KeyOrder, ListsEveryKeyOnce) {
  for (const auto& [by_all, by_any] : {std::pair<std::size_t, std::size_t>{0, 0},
                                       {0, 100},
                                       {383, 400},
                                       {384, 384},
                                       {500, 627},
                                       {2000, 2127},
                                       {5000, 5000}})
    for (const std::size_t k : {1u, 64u, 1000u}) {
      KeyOrder order(by_all, by_any, k);
      std::vector<std::uint32_t> sample(KeyOrder::kMostSampled), listed(simd::kKeyBlock);
      std::vector<int> seen(by_any, 0);
      order.list_sample(sample.data());
      for (std::size_t i = 0; i < order.sample(); ++i) {
        ASSERT_LT(sample[i], by_all) << "every row sees the sample";
        if (i > 0) {
          ASSERT_LT(sample[i - 1], sample[i]);
        }
        ++seen[sample[i]];
      }
      std::uint32_t before = 0;
      while (const std::size_t count = order.list_next(simd::kKeyBlock, listed.data())) {
        for (std::size_t i = 0; i < count; ++i) {
          ASSERT_LT(listed[i], by_any);
          if (before != 0) {
            ASSERT_LT(before, listed[i]);
          }
          before = listed[i];
          ++seen[listed[i]];
        }
      }
      for (const int times : seen) ASSERT_EQ(times, 1) << by_all << ", " << by_any << ", k " << k;
    }
}

TEST(KeyOrder, TakesNoSampleWhereItCannotPay) {
  EXPECT_EQ(KeyOrder(383, 383, 1).sample(), 0u);
  EXPECT_EQ(KeyOrder(384, 384, 1).sample(), simd::kKeyBlock);
  EXPECT_EQ(KeyOrder(100000, 100000, 1).sample(), KeyOrder::kMostSampled);
  EXPECT_EQ(KeyOrder(1000, 1000, 500).sample(), 0u);
}

// Two runs as a scan leaves them: merged by key, cut to the best, and the threshold for what comes later.
TEST(Candidates, AreMergedAndCutInTheOrderOfTheKeys) {
  std::vector<float> scores{5, 1, 3, 3, 4, 3, 2}, spare(32);
  std::vector<std::uint32_t> indices{2, 10, 40, 90, 0, 11, 50}, spare_indices(32);
  scores.resize(32), indices.resize(32);
  Candidates row{scores.data(), indices.data(), 7, 4, spare.data(), spare_indices.data()};
  order_by_key(row);
  EXPECT_EQ(std::vector<std::uint32_t>(indices.begin(), indices.begin() + 7),
            (std::vector<std::uint32_t>{0, 2, 10, 11, 40, 50, 90}));
  EXPECT_EQ(std::vector<float>(scores.begin(), scores.begin() + 7), (std::vector<float>{4, 5, 1, 3, 3, 2, 3}));
  EXPECT_EQ(row.first_run, 7u);
  // The best four are 5, 4 and the first two of the threes: keys 11 and 40. Key 40 is beyond 30, so that a later key
  // between 30 and 40 with the score 3 would have to replace it.
  const float threshold = cut_to_best(row, 4, 30);
  EXPECT_EQ(row.count, 4u);
  EXPECT_EQ(std::vector<std::uint32_t>(indices.begin(), indices.begin() + 4),
            (std::vector<std::uint32_t>{0, 2, 11, 40}));
  EXPECT_LT(threshold, 3.0f);
  EXPECT_GT(threshold, 2.999f);
  EXPECT_EQ(cut_to_best(row, 4, 40), 3.0f) << "no later key can be below 40: equal scores lose";
}

}  // namespace
}  // namespace heed
