#include "simd/pack.hpp"

#include <gtest/gtest.h>

#include "support/compare.hpp"
#include "support/inputs.hpp"
#include "support/shapes.hpp"

namespace heed {
namespace {

TEST(PackedStride, HoldsTheRowAndIsAnOddNumberOfCacheLines) {
  for (std::size_t d = 1; d < 2000; ++d) {
    const std::size_t stride = simd::packed_stride(d);
    ASSERT_GE(stride, d);
    ASSERT_EQ(stride % 16, 0u) << "rows start on a cache line, d = " << d;
    if (d <= 272) {
      ASSERT_EQ(stride / 16 % 2, 1u) << d;
    }
    simd::with_stride(d, [&]<std::size_t kStride>() {
      if (kStride != 0) {
        ASSERT_EQ(kStride, stride) << d;
      }
    });
  }
}

TEST(PackRows, CopiesTheRowsAndPadsWithZeros) {
  for (const std::size_t d : test::head_dims()) {
    const std::size_t padded = round_up(d, 2), stride = simd::packed_stride(padded);
    const test::Guarded<float> rows(test::gaussian(9 * (d + 3), 1));
    test::Guarded<float> block(5 * stride);
    simd::kernel_pack_rows({rows.data(), 9, d, d + 3}, {3, 8}, padded, block.data());
    for (std::size_t i = 0; i < 5; ++i) {
      ASSERT_TRUE(test::same_bits(rows.data() + (i + 3) * (d + 3), block.data() + i * stride, d)) << "d = " << d;
      for (std::size_t c = d; c < padded; ++c) ASSERT_EQ(block[i * stride + c], 0.0f) << "d = " << d;
    }
    ASSERT_TRUE(block.guards_intact()) << "d = " << d;
  }
}

TEST(PackListed, CopiesTheListedRows) {
  const std::vector<std::uint32_t> list{8, 0, 3, 3, 7};
  for (const std::size_t d : test::head_dims()) {
    const std::size_t padded = round_up(d, 2), stride = simd::packed_stride(padded);
    const test::Guarded<float> rows(test::gaussian(9 * (d + 3), 1));
    test::Guarded<float> block(5 * stride);
    simd::kernel_pack_listed({rows.data(), 9, d, d + 3}, list.data(), 5, padded, block.data());
    for (std::size_t i = 0; i < 5; ++i) {
      ASSERT_TRUE(test::same_bits(rows.data() + list[i] * (d + 3), block.data() + i * stride, d)) << "d = " << d;
      for (std::size_t c = d; c < padded; ++c) ASSERT_EQ(block[i * stride + c], 0.0f) << "d = " << d;
    }
    ASSERT_TRUE(block.guards_intact()) << "d = " << d;
  }
}

TEST(PackPanel, TransposesScalesAndZeroesLanesWithoutAQuery) {
  for (const std::size_t n : test::around({simd::kLanes, simd::kPanel, 2 * simd::kPanel}))
    for (const std::size_t d : {1u, 5u, 16u, 27u}) {
      const test::Guarded<float> queries(test::gaussian(n * (d + 2), 2));
      for (std::size_t first = 0; first < n; first += simd::kPanel) {
        test::Guarded<float> panel(d * simd::kPanel);
        simd::kernel_pack_panel({queries.data(), n, d, d + 2}, first, 0.3f, panel.data());
        for (std::size_t lane = 0; lane < simd::kPanel; ++lane)
          for (std::size_t c = 0; c < d; ++c) {
            const float expected = first + lane < n ? queries[(first + lane) * (d + 2) + c] * 0.3f : 0.0f;
            ASSERT_EQ(panel[c * simd::kPanel + lane], expected) << n << " " << d << " " << first << " " << lane;
          }
        ASSERT_TRUE(panel.guards_intact());
      }
    }
}

TEST(UnpackPanel, WritesTheLanesThatAreRowsTimesTheirFactor) {
  for (const std::size_t n : test::around({simd::kLanes, simd::kPanel, 2 * simd::kPanel}))
    for (const std::size_t d : {1u, 5u, 16u, 27u}) {
      const std::size_t stride = d + 3;
      const test::Guarded<float> panel(test::gaussian(d * simd::kPanel, 3)), factors(test::gaussian(simd::kPanel, 4));
      test::Guarded<float> rows(std::vector<float>(n * stride, -7.0f));
      for (std::size_t first = 0; first < n; first += simd::kPanel)
        simd::kernel_unpack_panel(panel.data(), factors.data(), first, {rows.data(), n, d, stride});
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t c = 0; c < stride; ++c) {
          const std::size_t lane = i % simd::kPanel;
          const float expected = c < d ? panel[c * simd::kPanel + lane] * factors[lane] : -7.0f;
          ASSERT_EQ(rows[i * stride + c], expected) << n << " " << d << " " << i << " " << c;
        }
      ASSERT_TRUE(rows.guards_intact());
    }
}

}  // namespace
}  // namespace heed
