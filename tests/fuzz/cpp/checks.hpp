// What a result must satisfy whatever the input was. Sets and bounds of rows whose scores are numbers have no
// tolerance.
#pragma once

#include "problems.hpp"
#include "support/retrieve.hpp"
#include "support/topk_checks.hpp"

namespace heed::fuzz {

/// Whether a row's scores are ordinary numbers, with all that is summed on the way to them: no infinity in float, nor
/// where halves are multiplied by a power of two (simd/row_scores.hpp).
inline constexpr double kOrdinary = 1e18;

inline bool ordinary(const reference::Tensors& t, reference::Row row) {
  const std::size_t end = reference::visible(t, row.query);
  const float* q = reference::query_at(t, row);
  for (std::size_t j = 0; j < end; ++j) {
    const float* k = reference::key_at(t, row, j);
    double products = 0.0;
    for (std::size_t c = 0; c < t.head_dim; ++c)
      products += std::max(1.0, std::abs(t.scale)) * (std::abs(double{q[c]} * double{k[c]}) + std::abs(double{q[c]}));
    if (t.bias != nullptr) {
      const double bias = t.bias[((t.mask_per_head ? row.head * t.queries : 0) + row.query) * t.keys + j];
      if (!(bias == -HUGE_VAL)) products += std::abs(bias);
    }
    if (!(products < kOrdinary)) return false;
  }
  return true;
}

inline bool ordinary_values(const test::Inputs& inputs) {
  for (std::size_t i = 0; i < inputs.v.size(); ++i)
    if (!(std::abs(inputs.v[i]) < 1e30f)) return false;
  return true;
}

/// Of every ordinary row: the bound is at or above the dropped mass of the set that was kept, both are shares, and the
/// output is made of numbers. `look(r, seen, kept)` may say more of each.
template <class Look>
void expect_sound(const test::Inputs& inputs, const test::Sparse& result, Look&& look) {
  const reference::Tensors tensors = inputs.tensors();
  const bool values = ordinary_values(inputs);
  for (const reference::Row row : inputs.each_row()) {
    if (!ordinary(tensors, row)) continue;
    SCOPED_TRACE(::testing::Message() << "batch " << row.batch << ", query " << row.query << ", head " << row.head);
    const std::size_t r = inputs.shape.row_index(row.batch, row.query, row.head);
    const test::SeenRow seen(tensors, row);
    const std::vector<std::uint32_t> kept = result.keys_of(r);
    // A sum of probabilities may round to more than 1.
    const double tau = seen.p.empty() ? 0.0 : std::min(1.0, reference::dropped_mass(seen.p, seen.places(kept)));
    ASSERT_GE(double{result.bound[r]}, tau) << "the certificate is wrong";
    ASSERT_LE(result.bound[r], 1.0f);
    ASSERT_GE(result.dropped[r], 0.0f);
    ASSERT_LE(result.dropped[r], result.bound[r]);
    if (values)
      ASSERT_TRUE(test::none_nan(result.out.data() + inputs.out_at(row), inputs.shape.value_dim)) << "not a number";
    look(r, seen, kept);
  }
}

inline void expect_sound(const test::Inputs& inputs, const test::Sparse& result) {
  expect_sound(inputs, result, [](std::size_t, const test::SeenRow&, const std::vector<std::uint32_t>&) {});
}

/// Whether family "attention" says something of every row: weights known to a hundredth, and not next to nothing kept.
inline bool well_conditioned(const test::Inputs& inputs, const test::Sparse& result) {
  const reference::Tensors tensors = inputs.tensors();
  if (!ordinary_values(inputs)) return false;
  for (const reference::Row row : inputs.each_row()) {
    if (!ordinary(tensors, row)) return false;
    const test::RowError error(tensors, row);
    double kept = 0.0;
    for (const std::uint32_t j : result.keys_of(inputs.shape.row_index(row.batch, row.query, row.head)))
      kept += error.p[j];
    if (!error.p.empty() && !(error.mean < 0.01 && kept > 0.1)) return false;
  }
  return true;
}

}  // namespace heed::fuzz
