// Budgets as JavaScript hands them over: one, or one for each head, records of the numbers that `rawBudgetNumbers` in
// web/src/runtime/raw.ts lists.
#pragma once

#include <algorithm>

#include "base/buffer.hpp"
#include "bindings/runtime.hpp"
#include "sparse/budget.hpp"

namespace heed::bindings {

class JsBudgets {
 public:
  /// False when there is no memory.
  [[nodiscard]] bool read(Address from, std::uint32_t count) noexcept {
    constexpr std::size_t kNumbers = 7;
    if (!all_.resize(std::max<std::size_t>(1, count))) return false;
    all_[0] = {};
    for (std::size_t i = 0; i < count; ++i) {
      const double* b = at<const double>(from) + i * kNumbers;
      const auto whole = [&](std::size_t number) { return static_cast<std::uint32_t>(b[number]); };
      all_[i] = {.k = whole(0), .law = {b[1], b[2], whole(3), whole(4)}, .mass = b[5], .threshold = b[6]};
    }
    return true;
  }

  const Budget& first() const noexcept { return all_[0]; }
  /// Null where one is for all heads.
  const Budget* of_heads() const noexcept { return all_.size() == 1 ? nullptr : all_.data(); }

 private:
  Buffer<Budget> all_;
};

}  // namespace heed::bindings
