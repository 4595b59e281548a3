// The oracle itself against the golden files, which share no code with it: two independent writings of the formulas.
#include "support/golden.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "reference/attention.hpp"
#include "reference/selection.hpp"
#include "reference/sparse.hpp"
#include "support/inputs.hpp"

namespace heed {
namespace {

constexpr double kDigits = 5e-9;  // nine significant digits of numbers of size 1 to 10

void expect_near(const std::vector<double>& expected, const std::vector<double>& actual) {
  ASSERT_EQ(expected.size(), actual.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (actual[i] != expected[i])  // equal infinities are near
      EXPECT_NEAR(actual[i], expected[i], kDigits * (1.0 + std::abs(expected[i]))) << "element " << i;
}

TEST(Reference, MatchesTheGoldenAttention) {
  const test::Golden golden("attention.txt");
  for (const std::string name : {"plain", "causal", "grouped", "tiny"}) {
    SCOPED_TRACE(name);
    const std::vector<double>& s = golden[name + ".shape"];
    const auto size = [&](int i) { return static_cast<std::size_t>(s[static_cast<std::size_t>(i)]); };
    const std::vector<float> q = golden.floats(name + ".q"), k = golden.floats(name + ".k"),
                             v = golden.floats(name + ".v");
    const reference::Tensors tensors{1,     size(0),      size(1), size(2),  size(3),  size(4), size(5),
                                     false, size(6) != 0, s[7],    q.data(), k.data(), v.data()};
    std::vector<double> out, lse;
    for (std::size_t i = 0; i < tensors.queries; ++i)
      for (std::size_t h = 0; h < tensors.heads; ++h) {
        const std::vector<double> scores = reference::scores(tensors, {0, i, h});
        const std::vector<double> row = reference::mix(tensors, {0, i, h}, reference::softmax(scores));
        out.insert(out.end(), row.begin(), row.end());
        lse.push_back(reference::log_sum_exp(scores));
      }
    expect_near(golden[name + ".out"], out);
    expect_near(golden[name + ".lse"], lse);
  }
}

TEST(Reference, MatchesTheTinyCaseOfTheTheory) {
  const test::Golden golden("tiny.txt");
  const std::vector<double> p = reference::softmax(golden["scores"]);
  const std::vector<std::uint32_t> kept = reference::first_k(golden.floats("scores"), 2);
  EXPECT_EQ(kept, (std::vector<std::uint32_t>{0, 1}));
  expect_near(golden["p"], p);
  expect_near(golden["tau"], {reference::dropped_mass(p, kept)});
  expect_near(golden["renormalized"], reference::renormalized(p, kept));
  expect_near(golden["raw"], reference::raw(p, kept));
  expect_near(golden["compensated"], reference::compensated(p, kept));
  // As printed in section 7.8, six digits.
  EXPECT_NEAR(p[0], 0.643914, 5e-7);
  EXPECT_NEAR(reference::dropped_mass(p, kept), 0.119203, 5e-7);
  EXPECT_NEAR(reference::renormalized(p, kept)[1], 0.268941, 5e-7);
}

// Property 1: l1 = 2 tau, tau = 1 - e^-KL, chi^2 = tau / (1 - tau), all of p_spar against p.
TEST(Reference, ObeysTheIdentitiesOfTheTheory) {
  for (const double sigma : {0.5, 1.0, 3.0}) {
    const std::vector<float> scores = test::gaussian(200, 7, sigma);
    const std::vector<double> p = reference::softmax({scores.begin(), scores.end()});
    for (const std::size_t k : {std::size_t{1}, std::size_t{10}, std::size_t{150}}) {
      const std::vector<std::uint32_t> kept = reference::first_k(scores, k);
      const std::vector<double> spar = reference::renormalized(p, kept);
      const double tau = reference::dropped_mass(p, kept);
      double l1 = 0.0, kl = 0.0, chi2 = -1.0;
      for (std::size_t j = 0; j < p.size(); ++j) {
        l1 += std::abs(spar[j] - p[j]);
        if (spar[j] > 0.0) kl += spar[j] * std::log(spar[j] / p[j]);
        chi2 += spar[j] * spar[j] / p[j];
      }
      EXPECT_NEAR(l1, 2.0 * tau, 1e-12);
      EXPECT_NEAR(1.0 - std::exp(-kl), tau, 1e-12);
      EXPECT_NEAR(chi2, tau / (1.0 - tau), 1e-12 * (1.0 + chi2));
      // Property 9: compensation never has the larger row error.
      const std::vector<double> raw = reference::raw(p, kept), compensated = reference::compensated(p, kept);
      double raw_error = 0.0, compensated_error = 0.0, total = 0.0;
      for (std::size_t j = 0; j < p.size(); ++j) {
        raw_error += (raw[j] - p[j]) * (raw[j] - p[j]);
        compensated_error += (compensated[j] - p[j]) * (compensated[j] - p[j]);
        total += compensated[j];
      }
      EXPECT_LE(compensated_error, raw_error);
      EXPECT_NEAR(total, 1.0, 1e-12);
    }
  }
}

TEST(Reference, CausalRowsAlignTheirEnds) {
  reference::Tensors t{1, 3, 5, 1, 1, 1, 1, false, true, 1.0, nullptr, nullptr, nullptr};
  EXPECT_EQ(reference::visible(t, 0), 3u);
  EXPECT_EQ(reference::visible(t, 2), 5u);
  t.queries = 5, t.keys = 3;
  EXPECT_EQ(reference::visible(t, 0), 0u);
  EXPECT_EQ(reference::visible(t, 1), 0u);
  EXPECT_EQ(reference::visible(t, 2), 1u);
  EXPECT_EQ(reference::visible(t, 4), 3u);
}

}  // namespace
}  // namespace heed
