// Coarse denominators: the same sets, a dropped mass that is off by no more than stated, a bound that still holds.
#include <gtest/gtest.h>

#include "simd/fast_exp.hpp"
#include "support/qkv.hpp"
#include "support/topk_checks.hpp"

namespace heed {
namespace {

constexpr Estimator kUnfitted[] = {Estimator::kRenormalized, Estimator::kRaw, Estimator::kCompensated};

test::Sparse attend(const test::Inputs& inputs, std::size_t k, Estimator estimator, Denominator denominator) {
  TopKOptions options{.budget = {.k = k}, .estimator = estimator};
  options.denominator = denominator;
  return test::attend_topk(inputs, options, false);
}

void expect_same(const test::Sparse& a, const test::Sparse& b) {
  EXPECT_TRUE(test::same_bits(a.out, b.out));
  EXPECT_TRUE(test::same_bits(a.dropped, b.dropped));
  EXPECT_TRUE(test::same_bits(a.bound, b.bound));
  EXPECT_EQ(a.indices, b.indices);
}

// More rows than a unit has, so that the keys are packed once for all where nothing is causal.
TEST(FastDenominator, KeepsTheSetsAndTheStatedErrors) {
  for (const bool causal : {false, true}) {
    for (const double spread : {0.3, 1.0, 4.0}) {
      const test::Inputs inputs = test::gaussian_inputs(
          {.queries = 300, .keys = 420, .heads = 2, .kv_heads = 1, .head_dim = 8, .value_dim = 6, .causal = causal},
          spread);
      for (const Estimator estimator : kUnfitted) {
        SCOPED_TRACE(::testing::Message()
                     << "causal " << causal << ", spread " << spread << ", estimator " << static_cast<int>(estimator));
        const test::Sparse coarse = attend(inputs, 16, estimator, Denominator::kFast);
        const test::Sparse accurate = attend(inputs, 16, estimator, Denominator::kAccurate);
        EXPECT_EQ(coarse.indices, accurate.indices);
        EXPECT_FALSE(test::same_bits(coarse.dropped, accurate.dropped)) << "the coarse terms were not used";
        test::expect_exact_sets(inputs, {.k = 16}, coarse);
        test::expect_estimate(inputs, estimator, coarse, static_cast<double>(simd::kFastExpError));
      }
    }
  }
}

// Keys around a few centers, one key that takes nearly all, ties, and what a trained model looks at.
TEST(FastDenominator, KeepsThemOnOtherInputs) {
  std::vector<test::Inputs> all{test::tied_inputs(test::square(150, 3, true)), test::real_inputs(0),
                                test::real_inputs(3), test::real_inputs(6)};
  const std::size_t n = 200, d = 8;
  const std::vector<float> centers = test::gaussian(5 * d, 20);
  std::vector<float> keys = test::gaussian(n * d, 21, 0.1);
  for (std::size_t i = 0; i < n * d; ++i) keys[i] += centers[i / (40 * d) * d + i % d];
  all.emplace_back(test::square(n, d), test::gaussian(n * d, 22), keys, test::gaussian(n * d, 23));
  test::Inputs dominant = test::gaussian_inputs(test::square(150, 4), 0.3);
  for (std::size_t i = 0; i < 150; ++i) dominant.q[i * 4] = 5.0f;
  dominant.k[70 * 4] = 7.0f;
  all.push_back(dominant);
  for (const test::Inputs& inputs : all)
    for (const Estimator estimator : kUnfitted)
      for (const std::size_t k : {std::size_t{1}, std::size_t{24}}) {
        const test::Sparse coarse = attend(inputs, k, estimator, Denominator::kFast);
        test::expect_exact_sets(inputs, {.k = k}, coarse);
        test::expect_estimate(inputs, estimator, coarse, static_cast<double>(simd::kFastExpError));
        if (::testing::Test::HasFailure()) FAIL() << "problem " << &inputs - all.data() << ", k " << k;
      }
}

TEST(FastDenominator, IsAccurateWhereTheCoarseTermsWouldNotDo) {
  test::Inputs large = test::gaussian_inputs(test::square(120, 8), 200.0);
  expect_same(attend(large, 9, Estimator::kRaw, Denominator::kFast),
              attend(large, 9, Estimator::kRaw, Denominator::kAccurate));
  const test::Inputs inputs = test::gaussian_inputs(test::square(120, 8));
  expect_same(attend(inputs, 9, Estimator::kLinear, Denominator::kFast),
              attend(inputs, 9, Estimator::kLinear, Denominator::kAccurate));
}

TEST(FastDenominator, ARowThatKeepsAllDropsNothing) {
  const test::Inputs inputs = test::gaussian_inputs(test::square(50, 8));
  const test::Sparse all = attend(inputs, 50, Estimator::kRaw, Denominator::kFast);
  for (const float dropped : all.dropped) EXPECT_EQ(dropped, 0.0f);
  test::expect_estimate(inputs, Estimator::kRaw, all);
}

TEST(FastDenominator, ANumberThatIsNotFiniteIsSeenAsBefore) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    test::Inputs inputs = test::gaussian_inputs(test::square(60, 8, true));
    inputs.k[40 * 8 + 3] = bad;
    const test::Sparse coarse = attend(inputs, 7, Estimator::kRaw, Denominator::kFast);
    const test::Sparse accurate = attend(inputs, 7, Estimator::kRaw, Denominator::kAccurate);
    EXPECT_EQ(coarse.indices, accurate.indices);
    for (std::size_t r = 0; r < 60; ++r) EXPECT_EQ(std::isnan(coarse.dropped[r]), std::isnan(accurate.dropped[r])) << r;
  }
}

}  // namespace
}  // namespace heed
