// How a head attends: to everything it sees, or to the tokens that rank first, with or without a window.
#pragma once

#include "attention/problem.hpp"
#include "sparse/budget.hpp"
#include "sparse/tail.hpp"

namespace heed {

/// How decoding looks for the tokens that rank first: the same set, in different time. kByte takes the mass of the
/// others from rounded scores (cache/decode_topk.hpp). The order is the order of
/// `rawModelSearches` in web/src/runtime/raw.ts.
enum class ModelSearch { kAuto, kExact, kByte };

struct AttentionPolicy {
  bool exact = true;
  std::size_t window = 0;  // 0: none; as in attention/problem.hpp
  std::size_t sinks = 0;
  Budget budget;  // top-k only, like what follows
  Estimator estimator = Estimator::kLinear;
  ModelSearch search = ModelSearch::kAuto;

  bool operator==(const AttentionPolicy& other) const noexcept;
};

/// `name` is what messages call it.
Status validate(const AttentionPolicy& policy, const std::string& name);

/// The policies of a run: one for all, one per layer, or one per layer and query head.
struct PolicyTable {
  const AttentionPolicy* policies = nullptr;
  std::size_t count = 0;
  std::size_t layers = 0, heads = 0;

  const AttentionPolicy& at(std::size_t layer, std::size_t head) const noexcept {
    if (count == 1) return policies[0];
    return policies[count == layers ? layer : layer * heads + head];
  }
};

/// Numbers a policy is handed over as, in the order of `rawPolicyNumbers` in web/src/runtime/raw.ts.
inline constexpr std::size_t kPolicyNumbers = 12;
AttentionPolicy read_policy(const double* numbers) noexcept;

}  // namespace heed
