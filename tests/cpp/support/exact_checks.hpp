// What every result of exact attention must satisfy, row by row.
#pragma once

#include <gtest/gtest.h>

#include "support/compare.hpp"
#include "support/run.hpp"

namespace heed::test {

/// Family "attention": every row and its log-sum-exp; a row without keys is zero and -infinity.
inline void expect_exact(const Inputs& inputs, const Exact& actual) {
  const reference::Tensors tensors = inputs.tensors();
  for (const reference::Row row : inputs.each_row()) {
    const RowError error(tensors, row);
    const float* out = actual.out.data() + inputs.out_at(row);
    const float lse = actual.lse[inputs.shape.row_index(row.batch, row.query, row.head)];
    SCOPED_TRACE(::testing::Message() << "batch " << row.batch << ", query " << row.query << ", head " << row.head);
    ASSERT_LT(error.mean, 0.5) << "the bound says nothing";
    if (error.p.empty()) {
      for (std::size_t c = 0; c < tensors.value_dim; ++c) ASSERT_EQ(out[c], 0.0f);
      ASSERT_EQ(lse, -simd::kInfinity);
      continue;
    }
    const std::vector<double> expected = reference::mix(tensors, row, error.p);
    ASSERT_TRUE(within(error.output(), expected.data(), out, expected.size()));
    const double expected_lse = reference::log_sum_exp(error.scores);
    ASSERT_TRUE(within(error.log_sum(expected_lse), &expected_lse, &lse, 1));
  }
}

}  // namespace heed::test
