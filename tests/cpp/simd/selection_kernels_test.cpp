// The filter, the gathers and the statistics against plain loops.
#include <gtest/gtest.h>

#include <cmath>

#include "simd/candidate_filter.hpp"
#include "simd/gather.hpp"
#include "simd/score_statistics.hpp"
#include "support/compare.hpp"
#include "support/inputs.hpp"
#include "support/shapes.hpp"

namespace heed {
namespace {

using simd::kPanel;

TEST(Filter, AppendsWhatIsAboveTheThresholdInTheOrderOfTheKeys) {
  for (std::size_t count = 0; count <= 13; ++count) {
    std::vector<float> scores = test::whole_numbers(count * kPanel, count, 2);  // many are equal to the threshold
    if (count > 4) scores[4 * kPanel + 1] = NAN;
    if (count > 5) scores[5 * kPanel + 1] = simd::kInfinity;
    if (count > 6) scores[6 * kPanel + 1] = -simd::kInfinity;
    alignas(64) float threshold[kPanel];
    for (std::size_t lane = 0; lane < kPanel; ++lane) threshold[lane] = static_cast<float>(lane % 4) - 2.0f;
    threshold[1] = -simd::kInfinity;
    threshold[5] = simd::kInfinity;
    const std::size_t capacity = 20;
    test::Guarded<float> kept(kPanel * capacity);
    const std::vector<std::uint32_t> untouched(kPanel * capacity, 77u);
    test::Guarded<std::uint32_t> indices(untouched);
    std::vector<std::uint32_t> filled(kPanel, 2u);  // two candidates are there already
    std::vector<std::uint32_t> keys(count);
    for (std::uint32_t j = 0; j < count; ++j) keys[j] = 1000 + 3 * j;
    simd::kernel_filter(scores.data(), count, keys.data(), threshold,
                        {kept.data(), indices.data(), filled.data(), capacity});
    for (std::size_t lane = 0; lane < kPanel; ++lane) {
      std::size_t slot = lane * capacity + 2;
      for (std::size_t j = 0; j < count; ++j) {
        if (!(scores[j * kPanel + lane] > threshold[lane])) continue;
        ASSERT_EQ(indices[slot], keys[j]) << "lane " << lane << " of " << count << " keys";
        ASSERT_EQ(kept[slot++], scores[j * kPanel + lane]);
      }
      ASSERT_EQ(filled[lane], slot - lane * capacity) << "lane " << lane;
      for (; slot < (lane + 1) * capacity; ++slot) ASSERT_EQ(indices[slot], 77u) << "nothing else is written";
    }
    ASSERT_TRUE(kept.guards_intact());
    ASSERT_TRUE(indices.guards_intact());
  }
}

// Family "reduction".
TEST(Gather, SumsTheChosenRows) {
  for (const std::size_t d : test::head_dims()) {
    const std::size_t stride = d + 5, n = 50, count = 23;
    const test::Guarded<float> values(test::gaussian(n * stride, d));
    const std::vector<float> weights = test::gaussian(count, 2);
    std::vector<std::uint32_t> indices(count);
    for (std::size_t i = 0; i < count; ++i) indices[i] = static_cast<std::uint32_t>(2 * i);
    test::Guarded<float> out(d);
    simd::kernel_gather({values.data(), n, d, stride}, indices.data(), weights.data(), count, out.data());
    for (std::size_t c = 0; c < d; ++c) {
      double sum = 0.0, magnitude = 0.0;
      for (std::size_t i = 0; i < count; ++i) {
        const double x = static_cast<double>(values[indices[i] * stride + c]), w = static_cast<double>(weights[i]);
        sum += w * x, magnitude += std::abs(w * x);
      }
      ASSERT_TRUE(test::within(test::gamma(count) * magnitude, &sum, &out[c], 1)) << "d " << d << ", column " << c;
    }
    EXPECT_TRUE(out.guards_intact()) << "d " << d;
  }
}

// Family "exact".
TEST(Gather, CutIntoCallsHasTheBitsOfOne) {
  for (const std::size_t d : test::head_dims()) {
    const std::size_t n = 40, count = 21;
    const std::vector<float> values = test::gaussian(n * d, d), weights = test::gaussian(count, 3);
    std::vector<std::uint32_t> indices(count);
    for (std::size_t i = 0; i < count; ++i) indices[i] = static_cast<std::uint32_t>(n - 1 - i);
    test::Guarded<float> whole(d), cut(d);
    simd::kernel_gather({values.data(), n, d, d}, indices.data(), weights.data(), count, whole.data());
    simd::kernel_gather({values.data(), n, d, d}, indices.data(), weights.data(), 8, cut.data());
    for (const Range part : {Range{8, 8}, Range{8, 9}, Range{9, count}})
      simd::kernel_gather_more({values.data(), n, d, d}, indices.data() + part.begin, weights.data() + part.begin,
                               part.size(), cut.data());
    for (std::size_t c = 0; c < d; ++c) ASSERT_EQ(cut[c], whole[c]) << "d " << d << ", column " << c;
    EXPECT_TRUE(cut.guards_intact()) << "d " << d;
  }
}

// Family "exact".
TEST(Gather, OfRowsAnywhereHasTheBitsOfThoseOfAMatrix) {
  for (const std::size_t d : test::head_dims()) {
    const std::size_t n = 200, count = 150;
    const std::vector<float> values = test::gaussian(n * d, d), weights = test::gaussian(count, 4);
    std::vector<std::uint32_t> indices(count);
    std::vector<const float*> rows(count);
    for (std::size_t i = 0; i < count; ++i) {
      indices[i] = static_cast<std::uint32_t>(i * 7 % n);
      rows[i] = values.data() + indices[i] * d;
    }
    test::Guarded<float> matrix(d), anywhere(d);
    simd::kernel_gather({values.data(), n, d, d}, indices.data(), weights.data(), count, matrix.data());
    simd::kernel_gather_rows(rows.data(), weights.data(), count, d, anywhere.data());
    for (std::size_t c = 0; c < d; ++c) ASSERT_EQ(anywhere[c], matrix[c]) << "d " << d << ", column " << c;
    EXPECT_TRUE(anywhere.guards_intact()) << "d " << d;
  }
}

TEST(Gather, OfNothingIsZero) {
  const std::vector<float> values(16, NAN);
  test::Guarded<float> out(13);
  simd::kernel_gather({values.data(), 1, 13, 13}, nullptr, nullptr, 0, out.data());
  for (std::size_t c = 0; c < 13; ++c) EXPECT_EQ(out[c], 0.0f);
  EXPECT_TRUE(out.guards_intact());
}

TEST(AddRows, AddsARangeInDouble) {
  const std::vector<float> values = test::gaussian(20 * 9, 5);
  std::vector<double> sum(7, 1.0), expected(7, 1.0);
  simd::kernel_add_rows({values.data(), 20, 7, 9}, {3, 17}, sum.data());
  for (std::size_t i = 3; i < 17; ++i)
    for (std::size_t c = 0; c < 7; ++c) expected[c] += static_cast<double>(values[i * 9 + c]);
  for (std::size_t c = 0; c < 7; ++c) EXPECT_EQ(sum[c], expected[c]);
  simd::kernel_add_rows({values.data(), 20, 7, 9}, {5, 5}, sum.data());
  EXPECT_EQ(sum[0], expected[0]);
}

// Family "reduction".
TEST(Moments, AreTheSumsOfScoresAndSquares) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{7}, simd::kKeyBlock}) {
    const std::vector<float> scores = test::gaussian(count * kPanel, 6);
    std::vector<double> sum(kPanel, 10.0), squares(kPanel, 20.0);
    simd::kernel_moments(scores.data(), count, sum.data(), squares.data());
    for (std::size_t lane = 0; lane < kPanel; ++lane) {
      double s = 10.0, s2 = 20.0, magnitude = 0.0;
      for (std::size_t j = 0; j < count; ++j) {
        const double x = static_cast<double>(scores[j * kPanel + lane]);
        s += x, s2 += x * x, magnitude += std::abs(x);
      }
      EXPECT_NEAR(sum[lane], s, test::gamma(count + 1) * magnitude);
      EXPECT_NEAR(squares[lane], s2, test::gamma(count + 1) * s2);
    }
  }
}

TEST(CountAbove, IsStrictAndAdds) {
  const std::size_t count = simd::kKeyBlock;
  std::vector<float> scores = test::whole_numbers(count * kPanel, 7, 2);
  scores[3] = NAN;
  alignas(64) float threshold[kPanel];
  for (std::size_t lane = 0; lane < kPanel; ++lane) threshold[lane] = static_cast<float>(lane % 5) - 2.0f;
  threshold[2] = simd::kInfinity;
  std::vector<std::uint64_t> counts(kPanel, std::uint64_t{1} << 40);
  simd::kernel_count_above(scores.data(), count, threshold, counts.data());
  for (std::size_t lane = 0; lane < kPanel; ++lane) {
    std::uint64_t expected = std::uint64_t{1} << 40;
    for (std::size_t j = 0; j < count; ++j) expected += scores[j * kPanel + lane] > threshold[lane] ? 1 : 0;
    EXPECT_EQ(counts[lane], expected) << "lane " << lane;
  }
}

}  // namespace
}  // namespace heed
