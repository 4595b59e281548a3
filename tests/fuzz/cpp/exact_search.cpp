// Target "exact-search": top-k attention by the scan and by strips, under every rule and budget. The kept sets are
// those of a sort, the bounds and certificates hold, and neither threads nor batches change a bit.
#include "checks.hpp"

using namespace heed;

namespace {

void expect_certificates(const test::Inputs& inputs, const test::Sparse& result) {
  fuzz::expect_sound(inputs, result, [&](std::size_t r, const test::SeenRow& seen, const auto& kept) {
    if (seen.p.empty()) return;
    const double tau = std::min(1.0, reference::dropped_mass(seen.p, seen.places(kept)));
    for (const std::vector<float>* bound : {&result.single_gap, &result.head_aware, &result.blockwise}) {
      ASSERT_GE(double{(*bound)[r]}, tau);
      ASSERT_LE((*bound)[r], 1.0f);
    }
  });
}

}  // namespace

HEED_FUZZ_TARGET {
  test::Inputs inputs = fuzz::draw_plain_problem(bytes, 40, 420);
  if (bytes.ConsumeBool()) fuzz::draw_rules(bytes, inputs);
  TopKOptions options{.budget = fuzz::draw_budget(bytes, inputs.shape.keys, false),
                      .estimator = fuzz::draw_estimator(bytes)};
  if (!validate(options, inputs.shape.heads).ok()) return;
  fuzz::note() = fuzz::in_words(inputs, options.budget);
  if (fuzz::below(bytes, 3) == 0) options.denominator = Denominator::kFast;
  const bool certified = fuzz::below(bytes, 3) == 0;
  const test::Sparse result = test::attend_topk(inputs, options, certified);
  test::expect_exact_sets(inputs, options, result);
  if (certified)
    expect_certificates(inputs, result);
  else
    fuzz::expect_sound(inputs, result);
  if (options.denominator == Denominator::kAccurate && fuzz::well_conditioned(inputs, result))
    test::expect_estimate(inputs, options.estimator, result);
  if (fuzz::below(bytes, 4) == 0) {
    const test::Sparse again = test::attend_topk(inputs, options, certified, 3, 1 + fuzz::below(bytes, 3));
    EXPECT_TRUE(test::same_bits(result.out, again.out) && test::same_bits(result.bound, again.bound));
    EXPECT_EQ(result.indices, again.indices);
  }
}
