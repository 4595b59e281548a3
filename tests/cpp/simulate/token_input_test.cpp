#include "simulate/token_input.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/seed.hpp"

namespace heed {
namespace {

struct Case {
  Input kind;
  double strength;
  double fourth;  // E x^4, or 0 where it has no use
};

constexpr Case kCases[] = {{Input::kGaussian, 0, 3.0},  {Input::kUniform, 0, 1.8},    {Input::kRademacher, 0, 1.0},
                           {Input::kSphere, 0, 0},      {Input::kStudent, 12, 3.75},  {Input::kStationary, 0.9, 3.0},
                           {Input::kClustered, 0.5, 0}, {Input::kLowDimension, 4, 0}, {Input::kOutliers, 4, 0},
                           {Input::kSink, 5, 3.0},      {Input::kDuplicates, 4, 3.0}};

std::vector<float> tokens(const Case& c, std::size_t n, std::size_t d, Range range, std::uint64_t seed) {
  TokenInput input;
  EXPECT_TRUE(input.reserve(d));
  input.begin(c.kind, c.strength, n, d, seed);
  std::vector<float> to(range.size() * d), scratch(TokenInput::scratch_size(d));
  input.fill(range, to.data(), d, scratch.data());
  return to;
}

// Every token is a function of its number: alone, in any block, the same bits.
TEST(TokenInput, IsAFunctionOfTheNumber) {
  for (const Case& c : kCases)
    for (const std::size_t n : {1u, 2u, 3u, 64u, 65u, 100u}) {
      const std::size_t d = 5;
      const std::vector<float> all = tokens(c, n, d, {0, n}, 7);
      for (std::size_t j = 0; j < n; ++j) {
        const std::vector<float> one = tokens(c, n, d, {j, j + 1}, 7);
        for (std::size_t i = 0; i < d; ++i) EXPECT_EQ(one[i], all[j * d + i]) << static_cast<int>(c.kind) << " " << j;
      }
      const std::vector<float> part = tokens(c, n, d, {n / 3, n}, 7);
      EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin() + static_cast<std::ptrdiff_t>(n / 3 * d)));
    }
}

// Family "statistical": means of N numbers within 5 standard errors of at most sqrt(E x^8 / N), over the correlation
// time of the chain (1 + rho) / (1 - rho) = 19 for its means.
TEST(TokenInput, HasTheMomentsItPromises) {
  const std::size_t n = 20000, d = 8;
  for (const Case& c : kCases) {
    const std::vector<float> all = tokens(c, n, d, {0, n}, test::seed());
    double mean = 0.0, square = 0.0, fourth = 0.0;
    for (const float x : all) {
      const double y = double{x};
      mean += y, square += y * y, fourth += y * y * y * y;
    }
    const auto count = static_cast<double>(n * d);
    const double dependent = c.kind == Input::kStationary ? 19.0 : c.kind == Input::kDuplicates ? 4.0 : 1.0;
    const double error = 5.0 * std::sqrt(dependent / count);
    const bool shared = c.kind == Input::kClustered || c.kind == Input::kLowDimension || c.kind == Input::kOutliers;
    EXPECT_NEAR(mean / count, 0.0, shared ? 0.2 : error) << static_cast<int>(c.kind);
    if (!shared) EXPECT_NEAR(square / count, 1.0, 2.0 * error) << static_cast<int>(c.kind);
    if (c.kind == Input::kOutliers) EXPECT_NEAR(square / count, (16.0 + 7.0) / 8.0, 8.0 * error);
    if (c.fourth > 0) EXPECT_NEAR(fourth / count, c.fourth, 12.0 * error * c.fourth) << static_cast<int>(c.kind);
  }
}

TEST(TokenInput, ChainHasTheCorrelationOfItsLag) {
  const std::size_t n = 30000, d = 4;
  for (const double rho : {0.0, 0.5, 0.95}) {
    const std::vector<float> all = tokens({Input::kStationary, rho, 0}, n, d, {0, n}, 3);
    for (const std::size_t lag : {1u, 2u, 3u, 17u}) {
      double sum = 0.0;
      for (std::size_t i = 0; i + lag < n; ++i)
        for (std::size_t c = 0; c < d; ++c) sum += double{all[i * d + c]} * double{all[(i + lag) * d + c]};
      const double error = 5.0 * std::sqrt((1.0 + rho * rho) / (1.0 - rho * rho) / static_cast<double>(n * d));
      EXPECT_NEAR(sum / static_cast<double>((n - lag) * d), std::pow(rho, lag), 2.0 * error) << rho << " " << lag;
    }
  }
}

TEST(TokenInput, KeepsTheStructureItPromises) {
  const std::size_t n = 64, d = 16;
  const std::vector<float> sphere = tokens({Input::kSphere, 0, 0}, n, d, {0, n}, 1);
  for (std::size_t j = 0; j < n; ++j) {
    double squares = 0.0;
    for (std::size_t c = 0; c < d; ++c) squares += double{sphere[j * d + c]} * double{sphere[j * d + c]};
    EXPECT_NEAR(squares, 16.0, 1e-5);
  }
  const std::vector<float> twice = tokens({Input::kDuplicates, 2, 0}, n, d, {0, n}, 1);
  for (std::size_t i = 0; i < n * d / 2; ++i) EXPECT_EQ(twice[i], twice[i + n * d / 2]);
  // Three rows of a plane are dependent.
  const std::vector<float> flat = tokens({Input::kLowDimension, 2, 0}, 3, 3, {0, 3}, 1);
  const auto at = [&](std::size_t r, std::size_t c) { return double{flat[r * 3 + c]}; };
  const double determinant = at(0, 0) * (at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1)) -
                             at(0, 1) * (at(1, 0) * at(2, 2) - at(1, 2) * at(2, 0)) +
                             at(0, 2) * (at(1, 0) * at(2, 1) - at(1, 1) * at(2, 0));
  EXPECT_NEAR(determinant, 0.0, 1e-5);
  // All tokens of a topic are the same when the topic is everything.
  const std::vector<float> topics = tokens({Input::kClustered, 1, 0}, 400, 1, {0, 400}, 1);
  std::vector<float> distinct = topics;
  std::sort(distinct.begin(), distinct.end());
  EXPECT_EQ(std::unique(distinct.begin(), distinct.end()) - distinct.begin(), 16);
}

}  // namespace
}  // namespace heed
