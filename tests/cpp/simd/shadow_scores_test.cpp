// Family "exact".
#include "simd/shadow_scores.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/inputs.hpp"

namespace heed {
namespace {

TEST(ShadowScores, AreSumsOfWholeNumbersTimesTheScales) {
  for (const std::size_t columns : {16u, 64u, 80u, 256u, 272u}) {
    for (const std::size_t count : {1u, 4u, 63u, 200u}) {
      const std::size_t rows = round_up(count, simd::kLanes);
      const std::vector<float> query = test::gaussian(columns, columns), random = test::gaussian(rows * columns, count);
      std::vector<std::int16_t> whole(columns);
      float scale = 0.0f;
      simd::kernel_round_query(query.data(), columns, simd::kLargestShadowed, whole.data(), &scale);
      EXPECT_EQ(std::abs(*std::max_element(whole.begin(), whole.end(),
                                           [](int a, int b) { return std::abs(a) < std::abs(b); })),
                simd::kLargestShadowed);
      std::vector<std::int8_t> bytes(rows * columns);
      for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::int8_t>(std::clamp(50.0f * random[i], -127.0f, 127.0f));
      std::vector<std::int32_t> sums(rows);
      std::vector<float> scales(rows), expected(rows);
      for (std::size_t j = 0; j < rows; ++j) {
        const std::int8_t* const row = bytes.data() + j * columns;
        sums[j] = std::accumulate(row, row + columns, 0);
        scales[j] = 0.01f * static_cast<float>(j + 1);
        expected[j] = static_cast<float>(std::inner_product(row, row + columns, whole.begin(), 0)) * scales[j] * scale;
      }
      test::Guarded<float> scores(rows);
      const float highest = simd::kernel_shadow_scores(
          {nullptr, whole.data(), &scale, 3}, {reinterpret_cast<const std::byte*>(bytes.data()), scales.data()},
          sums.data(), count, columns, scores.data());
      for (std::size_t j = 0; j < rows; ++j) ASSERT_EQ(scores[j], expected[j]) << columns << " columns, row " << j;
      EXPECT_EQ(highest, *std::max_element(expected.begin(), expected.end()));
      EXPECT_TRUE(scores.guards_intact());
    }
  }
}

}  // namespace
}  // namespace heed
