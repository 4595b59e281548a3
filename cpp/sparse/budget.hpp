// How many keys a row keeps, n being the number of keys that it sees:
//
//   count       k
//   law         ceil(alpha n^C - 1e-9), the window law of the paper (theory/window_law.hpp)
//   mass        the fewest, in rank order, that together have a share of at least `mass` of the row's weight: top-p
//   threshold   all whose probability is at least `threshold`: the paper's effective set
//
// and never fewer than max(1, min), more than max, or more than n. The first two follow from n; the last two need every
// score of the row first (row_choice.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "base/status.hpp"
#include "theory/window_law.hpp"

namespace heed {

struct Budget {
  std::size_t k = 0;        // 0: another kind decides
  WindowLaw law{1.0, 0.5};  // its min and max limit every kind
  double mass = 0.0;        // 0: not this kind; otherwise up to 1
  double threshold = 0.0;   // 0: not this kind; otherwise below 1

  /// Whether the number of entries depends on the scores.
  bool needs_scores() const noexcept { return mass != 0.0 || threshold != 0.0; }

  /// `wanted`, within the limits of a row that sees `visible` keys.
  std::size_t limited(std::size_t wanted, std::size_t visible) const noexcept {
    if (visible == 0) return 0;
    const std::size_t most = law.max == 0 ? visible : std::min(law.max, visible);
    const std::size_t least = std::min(std::max<std::size_t>(1, law.min), most);
    return std::clamp(wanted, least, most);
  }

  /// The entries of a row that sees `visible` keys; where they depend on the scores, the most that it can be.
  std::size_t entries(std::size_t visible) const noexcept {
    if (needs_scores()) return limited(visible, visible);
    return k != 0 ? limited(k, visible) : law.entries(visible);
  }
};

/// `name` is what messages call it.
Status validate(const Budget& budget, const std::string& name = "keep");

}  // namespace heed
