// A matrix somebody else owns: rows of `cols` numbers, `stride` numbers apart. One head of a token-major tensor
// (n, heads, d) is such a matrix with stride heads * d, so no layout needs a copy to be looked at.
#pragma once

#include <cstddef>

#include "base/check.hpp"

namespace heed {

template <class T>
struct MatrixView {
  T* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t stride = 0;

  T* row(std::size_t i) const noexcept {
    HEED_ASSERT(i < rows);
    return data + i * stride;
  }
};

/// [begin, end) of something counted.
struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;

  std::size_t size() const noexcept { return end - begin; }
};

}  // namespace heed
