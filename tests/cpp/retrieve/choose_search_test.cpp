// The search that is chosen is the one that has the least to do, and the same one every time.
#include "retrieve/choose_search.hpp"

#include <gtest/gtest.h>

#include "support/inputs.hpp"

namespace heed {
namespace {

SearchChoice choose(const test::Inputs& inputs, std::size_t k) {
  return choose_search(inputs.problem(nullptr), {.k = k});
}

test::Inputs spread(std::size_t queries, std::size_t keys, bool causal = false) {
  return test::gaussian_inputs({.queries = queries, .keys = keys, .head_dim = 64, .value_dim = 1, .causal = causal});
}

// Keys around one center for every 128 neighbors.
test::Inputs clustered(double deviation) {
  const AttentionShape shape{.queries = 30, .keys = 8192, .head_dim = 64, .value_dim = 1};
  std::vector<float> keys = test::gaussian(test::key_size(shape), 2, deviation);
  const std::vector<float> centers = test::gaussian(64 * 64, 5, 2.0);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] += centers[i / 64 / 128 * 64 + i % 64];
  return {shape, test::gaussian(test::query_size(shape), 1), keys, test::gaussian(8192, 3)};
}

TEST(ChooseSearch, ScansWhereFewKeysAreSkipped) {
  for (const auto& [inputs, k] :
       {std::pair{spread(20, 1000), 8}, {spread(20, 4000), 900}, {spread(3000, 3000, true), 8}}) {
    const SearchChoice choice = choose(inputs, static_cast<std::size_t>(k));
    EXPECT_EQ(choice.search, Search::kExact);
    EXPECT_EQ(choice.screened, 1.0) << "tried in vain";
  }
  EXPECT_EQ(choose(spread(0, 4000), 8).search, Search::kExact);
}

TEST(ChooseSearch, ScreensEvenlySpreadKeys) {
  const SearchChoice choice = choose(spread(20, 4000), 32);
  EXPECT_EQ(choice.search, Search::kInt8);
  EXPECT_LT(choice.screened, 0.1);
  EXPECT_GT(choice.visited, 0.9);
}

TEST(ChooseSearch, VisitsPagesOfClusteredKeys) {
  const SearchChoice choice = choose(clustered(0.05), 32);
  EXPECT_EQ(choice.search, Search::kPages);
  EXPECT_LT(choice.visited, 0.1);
}

TEST(ChooseSearch, ScansWhereNeitherShortcutHelps) {
  // All scores nearly equal: wide bands, and bounds that say nothing.
  test::Inputs inputs = spread(20, 4000);
  for (std::size_t i = 0; i < inputs.k.size(); ++i) inputs.k[i] = 1.0f + 1e-6f * inputs.k[i];
  for (std::size_t i = 0; i < inputs.q.size(); ++i) inputs.q[i] += 1e4f;
  inputs.k[7] = NAN;  // and every row sees an outlier
  EXPECT_EQ(choose(inputs, 32).search, Search::kExact);
}

TEST(ChooseSearch, IsTheSameEveryTime) {
  const test::Inputs inputs = clustered(0.3);
  const SearchChoice one = choose(inputs, 64), two = choose(inputs, 64);
  EXPECT_EQ(one.search, two.search);
  EXPECT_EQ(one.screened, two.screened);
  EXPECT_EQ(one.visited, two.visited);
}

}  // namespace
}  // namespace heed
