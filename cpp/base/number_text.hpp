// A number in words of an error. std::to_string(double) is printf underneath, 3 KB in every module.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

namespace heed {

/// Six decimals at most, none that is not needed: "0.5", "-3"; "1e15 or more" where digits say nothing any more.
inline std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  const std::string sign = value < 0.0 ? "-" : "";
  const double size = std::abs(value);
  if (size >= 1e15) return sign + "1e15 or more";
  const auto millionths = static_cast<std::uint64_t>(std::round(size * 1e6 - std::floor(size) * 1e6));
  const std::uint64_t whole = static_cast<std::uint64_t>(size) + millionths / 1000000;
  std::string decimals = std::to_string(1000000 + millionths % 1000000);
  decimals[0] = '.';
  while (decimals.back() == '0') decimals.pop_back();
  return sign + std::to_string(whole) + (decimals == "." ? "" : decimals);
}

}  // namespace heed
