// Rows gathered together: each has the bits of its own sum, wherever its keys lie and however many blocks there are.
#include "sparse/gathered_rows.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "simd/gather.hpp"
#include "support/inputs.hpp"

namespace heed {
namespace {

// Family "exact".
TEST(GatheredRows, HaveTheBitsOfRowsAlone) {
  // From a part of a block to several; values that do not lie densely; a row of nothing, of one key, of the last keys.
  for (const std::size_t columns : {std::size_t{1}, std::size_t{13}, std::size_t{64}, std::size_t{300}}) {
    const std::size_t n = 9000, stride = columns + 3;
    const std::vector<float> data = test::gaussian(n * stride, columns);
    const MatrixView<const float> values{data.data(), n, columns, stride};
    std::vector<std::vector<std::uint32_t>> indices = {{}, {0}, {static_cast<std::uint32_t>(n - 1)}};
    std::vector<std::uint32_t> all(n), last, sparse;
    for (std::uint32_t i = 0; i < n; ++i) {
      all[i] = i;
      if (i + 100 >= n) last.push_back(i);
      if (i * 7919u % 83 == 0) sparse.push_back(i);
    }
    indices.push_back(all), indices.push_back(last), indices.push_back(sparse);
    const std::vector<float> weights = test::gaussian(n, 7);
    std::vector<float> sums(indices.size() * columns, NAN);
    std::vector<GatheredRow> rows;
    for (std::size_t r = 0; r < indices.size(); ++r)
      rows.push_back({indices[r].data(), weights.data(), indices[r].size(), sums.data() + r * columns});
    gather_rows(values, rows);
    std::vector<float> alone(columns);
    for (std::size_t r = 0; r < indices.size(); ++r) {
      simd::kernel_gather(values, indices[r].data(), weights.data(), indices[r].size(), alone.data());
      for (std::size_t c = 0; c < columns; ++c)
        ASSERT_EQ(sums[r * columns + c], alone[c]) << "row " << r << ", column " << c << " of " << columns;
    }
  }
}

TEST(GatheredRows, MayBeNoneOrOfNoValues) {
  gather_rows({}, {});
  std::vector<float> sum(4, NAN);
  std::vector<GatheredRow> rows = {{nullptr, nullptr, 0, sum.data()}};
  gather_rows({nullptr, 0, 4, 4}, rows);
  for (const float x : sum) EXPECT_EQ(x, 0.0f);
}

}  // namespace
}  // namespace heed
