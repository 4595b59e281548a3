// How many entries a row keeps, as the protocols put it: k as a function of the row's length n, rounded up.
//
//   constant  k = value            power    k = alpha n^value
//   log       k = value ln n       sqrtLog  k = sqrt(ln n)       logLog  k = ln ln n
//
// then clamped to 1 .. n by the window law, whose rounding it is.
#pragma once

#include <cmath>

#include "theory/window_law.hpp"

namespace heed {

/// The order is the order of the words of column `rule`.
enum class KeepKind { kConstant, kPower, kLog, kSqrtLog, kLogLog };
inline constexpr const char* kKeepWords = "constant|power|log|sqrtLog|logLog";

struct KeepRule {
  KeepKind kind = KeepKind::kConstant;
  double value = 1.0;
  double alpha = 1.0;

  std::size_t entries(std::size_t n) const noexcept {
    const double log = std::log(static_cast<double>(n));
    switch (kind) {
      case KeepKind::kConstant:
        return WindowLaw{value, 0.0}.entries(n);
      case KeepKind::kPower:
        return WindowLaw{alpha, value}.entries(n);
      case KeepKind::kLog:
        return WindowLaw{value * log, 0.0}.entries(n);
      case KeepKind::kSqrtLog:
        return WindowLaw{std::sqrt(log), 0.0}.entries(n);
      default:
        return WindowLaw{std::log(std::max(log, 1.0)), 0.0}.entries(n);
    }
  }
};

}  // namespace heed
