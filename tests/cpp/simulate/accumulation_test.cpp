// Emulated formats against the formats themselves, sums whose result can be told without them, and protocol E12.
#include "simulate/accumulation.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/half.hpp"
#include "simulate/protocol_run.hpp"

namespace heed::test {
namespace {

// Family "exact": another way to the same rounding.
TEST(Rounding, IsThatOfTheFormats) {
  const Rounding half(NumberFormat::kF16), single(NumberFormat::kF32), brain(NumberFormat::kBf16);
  const CounterRandom random(5, 0);
  for (std::uint64_t i = 0; i < 20000; ++i) {
    // Over all exponents of half floats, their subnormal numbers among them.
    const double x = (random.uniform(3 * i) - 0.5) * std::exp2(42.0 * random.uniform(3 * i + 1) - 26.0);
    const auto f = static_cast<float>(x);
    EXPECT_EQ(single(x), double{f});
    if (std::abs(x) < 65504.0) EXPECT_EQ(half(double{f}), double{widen_half(narrow_half(f))}) << f;
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(f), even = (bits >> 16) & 1u;
    EXPECT_EQ(brain(double{f}), double{std::bit_cast<float>((bits + 0x7FFFu + even) & 0xFFFF0000u)}) << f;
  }
}

TEST(Rounding, OfEightBits) {
  const Rounding e4m3(NumberFormat::kE4m3), e5m2(NumberFormat::kE5m2);
  const struct {
    double x, e4m3, e5m2;
  } all[] = {{0.0, 0.0, 0.0},          {17.0, 16.0, 16.0},       {19.0, 20.0, 20.0},
             {-18.0, -18.0, -16.0},    {1000.0, 448.0, 1024.0},  {1e6, 448.0, 57344.0},
             {0x1p-9, 0x1p-9, 0x1p-9}, {0x1p-10, 0.0, 0x1p-10},  {0x1.8p-9, 0x1p-8, 0x1.8p-9},
             {0x1p-17, 0.0, 0.0},      {0x1.8p-16, 0.0, 0x1p-15}};
  for (const auto& each : all) {
    EXPECT_EQ(e4m3(each.x), each.e4m3) << each.x;
    EXPECT_EQ(e5m2(each.x), each.e5m2) << each.x;
  }
  EXPECT_EQ(e4m3.unit(), 0x1p-4);
  EXPECT_EQ(e5m2.unit(), 0x1p-3);
  EXPECT_EQ(Rounding(NumberFormat::kBf16).unit(), 0x1p-8);
}

struct EqualKeys {
  std::vector<float> scores, values;
  std::vector<double> weights;
  WeightedKeys keys;

  explicit EqualKeys(std::size_t count)
      : scores(count, 0.0f), values(count * kValueColumns, 1.0f), weights(count, 1.0) {
    keys = {.scores = scores.data(),
            .weights = weights.data(),
            .values = values.data(),
            .count = count,
            .cut = 0.0f,
            .ties = 10,
            .value_ranges = {1.0f, 1.0f, 1.0f, 1.0f}};
  }
};

// Weights of 1: the sum stops where half a unit in its last place is 1, at 2^p, ties going down to the even neighbor.
TEST(Accumulation, OfEqualWeightsStopsAtTheNumberOfSignificantBits) {
  const EqualKeys equal(5000);
  const std::pair<NumberFormat, double> all[] = {
      {NumberFormat::kBf16, 256}, {NumberFormat::kF16, 2048}, {NumberFormat::kE4m3, 16}, {NumberFormat::kE5m2, 8}};
  for (const auto& [format, most] : all) {
    const Accumulated naive = accumulate(equal.keys, format, Summation::kNaive);
    EXPECT_EQ(naive.total, most);
    EXPECT_EQ(naive.lost, 5000.0 - most);
    EXPECT_EQ(naive.lost_weight, 5000.0 - most);
    EXPECT_EQ(naive.lost_largest, 1.0);
    // The first ones were seen.
    EXPECT_NEAR(naive.lost_position / naive.lost, 0.5 * (1.0 + most / 5000.0), 1e-9);
    for (const double o : naive.output) EXPECT_EQ(o, 1.0);
  }
  const Accumulated top = accumulate(equal.keys, NumberFormat::kF32, Summation::kTopK);
  EXPECT_EQ(top.total, 10.0);
  EXPECT_EQ(top.lost, 4990.0);
}

TEST(Accumulation, OfEqualWeightsIsRightInPairsAndWithCompensation) {
  const EqualKeys equal(4096);
  for (const Summation summation : {Summation::kKahan, Summation::kPairwise}) {
    const Accumulated sum = accumulate(equal.keys, NumberFormat::kBf16, summation);
    EXPECT_EQ(sum.total, 4096.0);
    EXPECT_EQ(sum.lost, 0.0);
  }
  for (const NumberFormat format : kNumberFormats) {
    EXPECT_EQ(accumulate(equal.keys, format, Summation::kPairwise).total,
              format == NumberFormat::kE4m3 ? 448.0 : 4096.0);
  }
  const Accumulated integers = accumulate(equal.keys, NumberFormat::kInt8, Summation::kNaive);
  EXPECT_EQ(integers.lost, 0.0);
  EXPECT_NEAR(integers.total, 4096.0, 1e-9);
}

// A tree loses a whole part beside one that is larger by the reciprocal of the unit.
TEST(Accumulation, InPairsForgetsAPartBesideALargeOne) {
  EqualKeys two(2);
  two.weights[1] = 0x1p-10;
  for (const Summation summation : {Summation::kNaive, Summation::kPairwise}) {
    const Accumulated sum = accumulate(two.keys, NumberFormat::kBf16, summation);
    EXPECT_EQ(sum.total, 1.0);
    EXPECT_EQ(sum.lost, 1.0);
    EXPECT_NEAR(sum.lost_weight, 0x1p-10, 1e-9);
    EXPECT_EQ(sum.lost_position, 0.75);
  }
  // The compensation still knows it.
  EXPECT_EQ(accumulate(two.keys, NumberFormat::kBf16, Summation::kKahan).lost, 0.0);
}

constexpr double kF64 = 0, kBf16 = 2, kF16 = 3, kInt8 = 6, kNaive = 0, kKahan = 1, kPairwise = 2, kTopK = 3;

const Row& cell(const std::vector<Row>& rows, double format, double method) {
  for (const Row& row : rows)
    if (row.at("format") == format && row.at("method") == method) return row;
  ADD_FAILURE();
  return rows.front();
}

std::vector<Row> precision(const Common& common, double n) {
  return run_protocol(12, Numbers(common).add(n).add(64.0).all());
}

TEST(Precision, LosesNoKeyAboveHalfAUnitInTheLastPlaceOfTheSum) {
  for (const Weights weights : {Weights::kNone, Weights::kIdentity})
    for (const double n : {64.0, 1000.0, 8192.0}) {
      const std::vector<Row> rows = precision({.weights = weights, .rows = 8}, n);
      EXPECT_EQ(rows.size(), 26u);
      for (const Row& row : rows) {
        if (row.at("method") == kTopK) {
          EXPECT_GE(row.at("lost"), n - 64.0);
          continue;
        }
        if (row.at("format") == kF64 || row.at("format") == 1.0) EXPECT_EQ(row.at("lost"), 0.0);
        // The proof is for naive sums that stay at most Z; rounding up may pass it by some units in the last place.
        if (row.at("method") == kNaive)
          EXPECT_LE(row.at("lost"), (row.at("keys") - row.at("visible")) * 1.01 + 0.5) << row.at("format");
        if (row.at("visible") == row.at("keys")) EXPECT_EQ(row.at("lost"), 0.0);
        // Weights of half a step are rounded to the even one.
        if (row.at("format") == kInt8) EXPECT_NEAR(row.at("lost"), row.at("keys") - row.at("visible"), 1.0);
        EXPECT_LE(row.at("lostMass"), 1.0);
      }
      EXPECT_LT(cell(rows, kF64, kNaive).at("outputError"), 1e-12);
      EXPECT_EQ(cell(rows, kF64, kPairwise).at("outputError"), 0.0);
    }
}

TEST(Precision, NaiveSumsGetWorseWithTheLengthAndBetterSumsDoNot) {
  const Common common{.weights = Weights::kNone, .rows = 8};
  const std::vector<Row> few = precision(common, 256), many = precision(common, 8192);
  for (const double format : {kBf16, kF16}) {
    const Row &naive = cell(many, format, kNaive), &kahan = cell(many, format, kKahan);
    const Row& pairwise = cell(many, format, kPairwise);
    EXPECT_GT(naive.at("outputError"), 4.0 * cell(few, format, kNaive).at("outputError"));
    EXPECT_GT(naive.at("outputError"), 50.0 * kahan.at("outputError"));
    EXPECT_GT(naive.at("outputError"), 50.0 * pairwise.at("outputError"));
    EXPECT_LT(naive.at("total"), 0.95);
    EXPECT_NEAR(kahan.at("total"), 1.0, 0.01);
    EXPECT_NEAR(pairwise.at("total"), 1.0, 0.01);
    // What comes late finds a large sum.
    EXPECT_GT(naive.at("lostPosition"), 0.51);
  }
  // Keeping 64 of 8192 entries is worse than summing all of them in half precision.
  EXPECT_GT(cell(many, kF64, kTopK).at("outputError"), cell(many, kF16, kNaive).at("outputError"));
}

}  // namespace
}  // namespace heed::test
