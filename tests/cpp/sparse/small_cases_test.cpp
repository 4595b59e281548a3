// Ten thousand small cases of every rule at once, and the same on real queries and keys: the kept set is that of a full
// sort of this build's own scores. Scores are integers and tie, some are NaN, infinite, or -0.
#include <gtest/gtest.h>

#include "support/qkv.hpp"
#include "support/topk_checks.hpp"

namespace heed {
namespace {

constexpr std::uint64_t kCases = 10000;

// Independent choices of one case.
class Choice {
 public:
  explicit Choice(std::uint64_t number) : random_(test::seed() + 77, number) {}

  /// One of 0 .. count - 1.
  std::size_t below(std::size_t count) {
    return static_cast<std::size_t>(random_.uniform(next_++) * static_cast<double>(count));
  }
  bool one_in(std::size_t count) { return below(count) == 0; }

  float number() {
    switch (below(40)) {
      case 0:
        return std::numeric_limits<float>::quiet_NaN();
      case 1:
        return simd::kInfinity;
      case 2:
        return -simd::kInfinity;
      case 3:
        return -0.0f;
      default:
        return static_cast<float>(below(7)) - 3.0f;
    }
  }

 private:
  CounterRandom random_;
  std::uint64_t next_ = 0;
};

test::Inputs small_inputs(Choice& choice) {
  const std::size_t kv_heads = 1 + choice.below(2);
  AttentionShape shape{.batch = 1 + choice.below(2),
                       .queries = 1 + choice.below(4),
                       .keys = choice.one_in(20) ? 0 : 1 + choice.below(64),
                       .heads = kv_heads * (1 + choice.below(2)),
                       .kv_heads = kv_heads,
                       .head_dim = 1 + choice.below(2),
                       .value_dim = 1,
                       .layout = choice.one_in(2) ? Layout::kTokenMajor : Layout::kHeadMajor,
                       .causal = choice.one_in(2),
                       .window = choice.one_in(2) ? 0 : 1 + choice.below(20),
                       .sinks = choice.one_in(2) ? 0 : choice.below(6)};
  const bool finite = choice.one_in(2);
  const auto numbers = [&](std::size_t count) {
    std::vector<float> result(count);
    for (float& x : result) x = choice.number();
    if (finite)
      for (float& x : result) x = std::isfinite(x) ? x : 1.0f;
    return result;
  };
  test::Inputs inputs(shape, numbers(test::query_size(shape)), numbers(test::key_size(shape)),
                      std::vector<float>(test::value_size(shape), 1.0f));
  inputs.scale = 1.0f;
  if (choice.one_in(4)) inputs.softcap = 2.0f;
  const std::size_t mask = shape.queries * shape.keys * (choice.one_in(2) ? 1 : shape.heads);
  if (choice.one_in(4)) {
    inputs.bias.resize(mask);
    for (float& x : inputs.bias) x = choice.one_in(4) ? -simd::kInfinity : static_cast<float>(choice.below(3));
  } else if (choice.one_in(4)) {
    inputs.allowed.resize(mask);
    for (std::uint8_t& x : inputs.allowed) x = choice.one_in(3) ? 0 : 1;
  }
  return inputs;
}

Budget small_budget(Choice& choice) {
  const std::size_t min = choice.one_in(3) ? choice.below(8) : 1;
  const std::size_t max = choice.one_in(3) ? min + 1 + choice.below(12) : 0;
  const WindowLaw law{0.5 + static_cast<double>(choice.below(4)), 0.25 * static_cast<double>(choice.below(5)), min,
                      max};
  switch (choice.below(4)) {
    case 0:
      return {.law = law};
    case 1:
      return {.law = law, .mass = 0.01 + 0.11 * static_cast<double>(choice.below(10))};
    case 2:
      return {.law = law, .threshold = 0.001 + 0.09 * static_cast<double>(choice.below(10))};
    default:
      return {.k = 1 + choice.below(70), .law = law};
  }
}

TEST(SmallCases, KeepTheFirstOfAFullSort) {
  for (std::uint64_t number = 0; number < kCases; ++number) {
    SCOPED_TRACE(::testing::Message() << "case " << number);
    Choice choice(number);
    const test::Inputs inputs = small_inputs(choice);
    std::vector<Budget> budgets;
    for (std::size_t head = 0; head < inputs.shape.heads; ++head) budgets.push_back(small_budget(choice));
    const TopKOptions options{.estimator = Estimator::kRaw,
                              .head_budgets = choice.one_in(2) ? budgets.data() : nullptr};
    TopKOptions wanted = options;
    wanted.budget = budgets[0];
    const test::Sparse result = test::attend_topk(inputs, wanted, false);
    test::expect_exact_sets(inputs, wanted, result);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(SmallCases, TheSameOnRealQueriesAndKeys) {
  for (const int layer : {0, 3, 6}) {
    const test::Inputs all = test::real_inputs(layer);
    for (std::uint64_t number = 0; number < 60; ++number) {
      SCOPED_TRACE(::testing::Message() << "layer " << layer << ", case " << number);
      Choice choice(kCases + number);
      // So many tokens from somewhere.
      const std::size_t n = 1 + choice.below(64), from = choice.below(test::kRealTokens - n);
      const auto part = [&](const test::Guarded<float>& numbers, std::size_t columns) {
        return std::vector<float>(numbers.data() + from * columns, numbers.data() + (from + n) * columns);
      };
      AttentionShape shape = all.shape;
      shape.queries = shape.keys = n;
      shape.window = choice.one_in(2) ? 0 : 1 + choice.below(20);
      shape.sinks = choice.below(4);
      test::Inputs inputs(shape, part(all.q, 128), part(all.k, 64), part(all.v, 64));
      inputs.scale = all.scale;
      const TopKOptions options{.budget = small_budget(choice)};
      test::expect_exact_sets(inputs, options, test::attend_topk(inputs, options, false));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace heed
