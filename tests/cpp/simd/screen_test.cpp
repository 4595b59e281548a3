// The kernels of a screen against plain loops: sums of levels are exact, gathered scores have the bits of the tile.
#include <gtest/gtest.h>

#include "simd/gathered_scores.hpp"
#include "simd/pack.hpp"
#include "simd/score_tile.hpp"
#include "simd/screen_tile.hpp"
#include "support/compare.hpp"
#include "support/inputs.hpp"
#include "support/shapes.hpp"

namespace heed {
namespace {

using simd::kPanel;

// Halves of a chunk as large as they may be: prescores come out right although sums wrap on the way.
TEST(Screen, PrescoresAreTheExactSumsTimesTheScale) {
  for (const std::size_t d : test::head_dims())
    for (const std::size_t count : {std::size_t{1}, std::size_t{4}, std::size_t{7}, std::size_t{96}}) {
      const std::size_t stride = simd::screen_stride(d), chunks = simd::screen_chunks(d), room = round_up(count, 4);
      std::vector<std::int8_t> keys(room * stride);
      std::vector<std::int32_t> starts(room * chunks);
      std::vector<float> scales(room), levels(kPanel * d);
      std::vector<simd::ScreenLevel> panel(simd::screen_panel_size(d)), widened(room * stride);
      // Within the norms of a half, 32 columns: 41 sqrt(32) < 236 and 23 sqrt(32) < 134. Every other key is constant,
      // the worst case of the wrap.
      const std::vector<float> key_levels = test::whole_numbers(room * d, 1, 41);
      const std::vector<float> query_levels = test::whole_numbers(kPanel * d, 2, 23);
      for (std::size_t j = 0; j < room; ++j) {
        for (std::size_t c = 0; c < d; ++c)
          keys[j * stride + c] = static_cast<std::int8_t>(j % 2 == 0 ? key_levels[j * d + c] : j % 4 == 1 ? 41 : -41);
        simd::write_screen_starts(keys.data() + j * stride, d, starts.data() + j * chunks);
        scales[j] = 0.25f * static_cast<float>(j + 1);
      }
      for (std::size_t lane = 0; lane < kPanel; ++lane) {
        for (std::size_t c = 0; c < d; ++c) levels[lane * d + c] = lane % 3 == 0 ? 23.0f : query_levels[lane * d + c];
        simd::write_screen_lane(levels.data() + lane * d, d, lane, panel.data());
      }
      std::vector<float> prescores(room * kPanel);
      simd::screen(panel.data(), simd::screen_keys(keys.data(), keys.size(), widened.data()), starts.data(),
                   scales.data(), count, d, prescores.data());
      for (std::size_t j = 0; j < count; ++j)
        for (std::size_t lane = 0; lane < kPanel; ++lane) {
          // Scales are multiples of 1/4 and sums below 2^20: no product and no sum over chunks is rounded.
          double sum = 0.0;
          for (std::size_t c = 0; c < d; ++c) sum += double{levels[lane * d + c]} * keys[j * stride + c];
          ASSERT_EQ(double{prescores[j * kPanel + lane]}, sum * double{scales[j]})
              << "d " << d << ", key " << j << ", lane " << lane;
        }
    }
}

TEST(GatheredScores, HaveTheBitsOfTheTile) {
  for (const std::size_t d : test::head_dims())
    for (const std::size_t count : {std::size_t{1}, std::size_t{5}, std::size_t{17}, std::size_t{60}}) {
      const std::size_t n = 60, stride = simd::packed_stride(d);
      const std::vector<float> keys = test::gaussian(n * d, 1), queries = test::gaussian(kPanel * d, 2);
      std::vector<float> packed(round_up(n, simd::kKeyTile) * stride), panel(d * kPanel), tile(packed.size() * kPanel);
      simd::kernel_pack_rows({keys.data(), n, d, d}, {0, n}, d, packed.data());
      simd::kernel_pack_panel({queries.data(), kPanel, d, d}, 0, 0.3f, panel.data());
      simd::scores(panel.data(), packed.data(), n, d, tile.data());
      std::vector<std::uint32_t> listed(count);
      for (std::size_t i = 0; i < count; ++i) listed[i] = static_cast<std::uint32_t>(i * 37 % n);
      for (std::size_t lane = 0; lane < kPanel; ++lane) {
        std::vector<float> query(d), scores(round_up(count, simd::kLanes)), expected(count);
        for (std::size_t c = 0; c < d; ++c) query[c] = queries[lane * d + c] * 0.3f;
        simd::kernel_gathered_scores(query.data(), {keys.data(), n, d, d}, listed.data(), count, scores.data());
        for (std::size_t i = 0; i < count; ++i) expected[i] = tile[listed[i] * kPanel + lane];
        ASSERT_TRUE(test::same_bits(expected.data(), scores.data(), count)) << "d " << d << ", lane " << lane;
      }
    }
}

}  // namespace
}  // namespace heed
