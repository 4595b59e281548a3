// How many keys a row keeps. A budget is either a number or the window law of the paper applied to the row's own
// visible length; both are cut to that length, so that asking for more than there is keeps everything.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/status.hpp"
#include "theory/window_law.hpp"

namespace heed {

struct Budget {
  std::size_t k = 0;  // 0: the law decides
  WindowLaw law{1.0, 0.5};

  std::size_t entries(std::size_t visible) const noexcept {
    return k != 0 ? std::min(k, visible) : law.entries(visible);
  }
};

Status validate(const Budget& budget);

}  // namespace heed
